/** What every device of the acquisition chain has in common. */

import type { Observable } from 'rxjs';
import type { Millisecond } from '../base/units.js';

export const DEVICE_NAMES = ['interlock', 'gantry', 'table', 'generator', 'ctdetector', 'petrings', 'gating'] as const;
export type DeviceName = (typeof DEVICE_NAMES)[number];

/**
 * `unconfigured`: no link or identity not read. `inactive`: linked, can be read, refuses commands.
 * `active`: takes commands. `failed`: link lost or device fault; `configure` starts again.
 */
export type Lifecycle = 'unconfigured' | 'inactive' | 'active' | 'failed';

/** The device's own answer to a command. A refusal is an expected outcome, not an exception. */
export type Reply = { kind: 'accepted' } | { kind: 'refused'; reason: string; detail: string };

export interface CommandOptions {
  signal?: AbortSignal;
  /** Wall milliseconds until `timeout.command`; the driver's default when absent. */
  deadlineMs?: Millisecond;
}

export interface Identity {
  model: string;
  serial: string;
  firmware: string;
  dictionaryVersion: number;
}

export interface Fault {
  device: DeviceName;
  /** Name of an emergency in the device's object dictionary, or `linkLost`, `rebooted`. */
  code: string;
  text: string;
  /** Scanner time in ms since the epoch. */
  at: Millisecond;
}

/** Events carry the device's own time, mapped to scanner time (ms since the epoch). */
export interface Stamped {
  at: Millisecond;
}

/**
 * A command resolves when the device accepted or refused it; arrival is an event.
 * @throws ScannerError link.lost, timeout.command, timeout.aborted, device.inactive
 */
export interface Device<State, Event> {
  readonly name: DeviceName;
  readonly lifecycle: Lifecycle;
  readonly lifecycle$: Observable<Lifecycle>;
  /** Latest known state first, then every change. */
  readonly state$: Observable<State>;
  readonly state: State;
  readonly events$: Observable<Event>;
  readonly faults$: Observable<Fault>;
  readonly identity: Identity | undefined;
  /** Opens the link and reads the identity: unconfigured or failed -> inactive. */
  configure(options?: CommandOptions): Promise<Reply>;
  activate(options?: CommandOptions): Promise<Reply>;
  deactivate(options?: CommandOptions): Promise<Reply>;
  close(): Promise<void>;
}
