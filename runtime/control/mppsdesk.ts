/** The performed procedure step of each examination: the outbox worker, and what is known of it for the report. */

import type { Clock } from '../../hal/base/clock.js';
import { within } from '../../hal/base/deadline.js';
import type { Log } from '../../hal/base/log.js';
import type { Archive } from '../archive/archive.js';
import type { Node } from '../dicom/services/session.js';
import { MppsWorker } from '../network/mpps-worker.js';
import { mppsService } from '../network/scu.js';

/** How long the end of an examination waits for the RIS, wall ms; the outbox goes on trying after that. */
const PATIENCE_MS = 30_000;

export interface MppsDeskOptions {
  /** Absent: nobody is told. */
  node?: Node;
  station: { aeTitle: string; stationName: string };
  archive: Archive;
  clock: Clock;
  log: Log;
}

export class MppsDesk {
  readonly #worker: MppsWorker | undefined;
  readonly #clock: Clock;
  readonly #last = new Map<string, string>();

  constructor({ node, station, archive, clock, log }: MppsDeskOptions) {
    this.#clock = clock;
    if (!node) return;
    const service = mppsService({ node, callingAe: station.aeTitle, clock, log });
    // retries are paced by the wall: a RIS is no faster than it is
    this.#worker = new MppsWorker({ service, station, archive, clock: clock.wall, log });
    this.#worker.events$.subscribe((event) => this.#last.set(event.examId, event.type.replace('mpps.', '')));
    this.#worker.start();
  }

  /** Waits for the RIS to be told everything, for a while. @returns what it was told last, or `none` without a node */
  async settled(examId: string): Promise<string> {
    if (!this.#worker) return 'none';
    const { wall } = this.#clock;
    await within(this.#worker.settled(), { clock: wall, ms: PATIENCE_MS, context: { what: 'MPPS' } }).catch(
      () => undefined,
    );
    return this.#last.get(examId) ?? 'waiting';
  }

  async close(): Promise<void> {
    await this.#worker?.stop();
  }
}
