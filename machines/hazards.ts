/** Facts that stop an acquisition, facts that end the reason, and what stands in the way meanwhile. */

import type { DeviceName } from '../hal/contract/device.js';
import type { RangeKind, RangeRef } from './types.js';

export type HazardEvent =
  | { type: 'INTERLOCK_OPENED'; reason: string }
  | { type: 'EMERGENCY_STOPPED' }
  | { type: 'LINK_LOST'; device: DeviceName }
  | { type: 'FAULT'; device: DeviceName; code: string };

export type ReliefEvent = { type: 'INTERLOCK_CLOSED' } | { type: 'LINK_RESTORED'; device: DeviceName };

export type SafetyEvent = HazardEvent | ReliefEvent;

/** What keeps beam and motion from being possible: `interlock`, `emergencyStop`, `link:DEVICE`. */
export type Blocker = 'interlock' | 'emergencyStop' | `link:${DeviceName}`;

/** The devices without which a range of that kind cannot go on. */
const DEVICES: Readonly<Record<RangeKind, readonly DeviceName[]>> = {
  topogram: ['interlock', 'gantry', 'table', 'generator', 'ctdetector'],
  ct: ['interlock', 'gantry', 'table', 'generator', 'ctdetector'],
  pet: ['interlock', 'table', 'petrings'],
};

export function needs(range: RangeRef | undefined, device: DeviceName): boolean {
  if (!range) return false;
  return DEVICES[range.kind].includes(device) || (device === 'gating' && range.gated === true);
}

/** The blockers of `blockers` which concern `range`. A lost PET link does not interrupt a CT exposure: its dose would be given twice. */
export function blocking(range: RangeRef | undefined, blockers: readonly Blocker[]): Blocker[] {
  return blockers.filter((blocker) => {
    if (!blocker.startsWith('link:')) return true;
    return needs(range, blocker.slice('link:'.length) as DeviceName);
  });
}

/** The blockers once `event` has happened. */
export function blockersAfter(blockers: readonly Blocker[], event: SafetyEvent): Blocker[] {
  const adding = (blocker: Blocker) => (blockers.includes(blocker) ? [...blockers] : [...blockers, blocker]);
  switch (event.type) {
    case 'INTERLOCK_OPENED':
      return adding('interlock');
    case 'EMERGENCY_STOPPED':
      return adding('emergencyStop');
    case 'LINK_LOST':
      return adding(`link:${event.device}`);
    case 'INTERLOCK_CLOSED':
      return blockers.filter((blocker) => blocker !== 'interlock' && blocker !== 'emergencyStop');
    case 'LINK_RESTORED':
      return blockers.filter((blocker) => blocker !== `link:${event.device}`);
    case 'FAULT':
      return [...blockers];
  }
}
