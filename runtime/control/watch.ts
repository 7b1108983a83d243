/** What happens to examinations and devices, as events for whoever watches. */

import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { Chain } from '../../hal/contract/chain.js';
import { DEVICE_NAMES } from '../../hal/contract/device.js';
import type { Supervisor } from '../../machines/supervisor.js';
import type { Operations, ServiceEvent } from '../service/operations.js';
import { phaseOf } from './phase.js';
import type { ExamRecord } from './record.js';

/** How long a start waits for the devices, wall ms, before it goes on without some. */
const DEVICES_MS = 10_000;

/** Keeps each record's phase as its machines stand, and tells of every change. */
export function tellPhases(options: {
  supervisor: Supervisor;
  find(examId: string): ExamRecord | undefined;
  log: Log;
  tell(event: ServiceEvent): void;
}): void {
  const { supervisor, find, log, tell } = options;
  supervisor.snapshot$.subscribe(({ exam }) => {
    const record = exam && find(exam.examId);
    const phase = exam && phaseOf(exam);
    if (!record || !phase || record.phase === phase) return;
    record.phase = phase;
    const { examId } = exam;
    const reason = phase === 'interrupted' ? exam.acquisition?.error?.message : undefined;
    if (reason) log.warn({ examId, reason }, 'examination is interrupted');
    tell({ type: 'exam', examId, phase, reason });
  });
}

export function tellDevices({ chain, log, tell }: { chain: Chain; log: Log; tell(event: ServiceEvent): void }): void {
  for (const name of DEVICE_NAMES) {
    const device = chain[name];
    device.lifecycle$.subscribe((lifecycle) => tell({ type: 'device', device: name, lifecycle }));
    device.faults$.subscribe(({ code, text }) => {
      log.error({ device: name, fault: code }, text);
      tell({ type: 'device', device: name, lifecycle: device.lifecycle, fault: `${code} ${text}` });
    });
  }
}

export function devicesOf(chain: Chain): ReturnType<Operations['devices']> {
  return Object.fromEntries(
    DEVICE_NAMES.map((name) => {
      const { lifecycle, identity = null, state } = chain[name];
      return [name, { lifecycle, identity, state }];
    }),
  );
}

/** Resolves when every device is active, or when the patience for that is at its end. */
export async function devicesReady(chain: Chain, clock: Clock): Promise<void> {
  const deadline = clock.wall.now() + DEVICES_MS;
  const ready = () => DEVICE_NAMES.every((name) => chain[name].lifecycle === 'active');
  while (!ready() && clock.wall.now() < deadline) await new Promise<void>((resolve) => clock.wall.after(20, resolve));
}
