/** The performed procedure steps: the outbox worker, what the user may do with them, and what is known of them. */

import type { Clock } from '../../hal/base/clock.js';
import { within } from '../../hal/base/deadline.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Archive } from '../archive/archive.js';
import type { StepChanges } from '../archive/fact.js';
import { type Catalog, supplyOf } from '../exam/supplies.js';
import type { StepOrder } from '../network/mpps-order.js';
import { performedParts } from '../network/mpps-parts.js';
import type { StepRecord } from '../network/mpps-step.js';
import { type MppsEvent, MppsWorker } from '../network/mpps-worker.js';
import { mppsService } from '../network/scu.js';
import type { RemoteNode } from '../nodes.js';
import type { MppsOperations, ServiceEvent, StepInput, StepReport } from '../service/operations.js';

/** How long the end of an examination waits for the RIS, wall ms; the outbox goes on trying after that. */
const PATIENCE_MS = 30_000;

export interface MppsDeskOptions {
  /** Absent: nobody is told. */
  node?: RemoteNode;
  station: { aeTitle: string; stationName: string };
  settings: Catalog & { completion: 'automatic' | 'user' };
  archive: Archive;
  clock: Clock;
  log: Log;
}

export class MppsDesk implements MppsOperations {
  readonly #options: MppsDeskOptions;
  readonly #worker: MppsWorker | undefined;
  /** Why steps have not been sent yet, by examination. */
  readonly #waiting = new Map<string, string>();
  #tell: (event: ServiceEvent) => void = () => {};

  constructor(options: MppsDeskOptions) {
    this.#options = options;
    const { node, station, settings, archive, clock, log } = options;
    if (!node) return;
    const { timeouts, maxPduLength } = node;
    const service = mppsService({ node, callingAe: station.aeTitle, clock, log, timeouts, maxPduLength });
    // retries are paced by the wall: a RIS is no faster than it is
    const { completion } = settings;
    this.#worker = new MppsWorker({ service, station, completion, archive, clock: clock.wall, log });
    this.#worker.events$.subscribe((event) => this.#note(event));
    this.#worker.start();
  }

  /** Events go there from now on. */
  report(tell: (event: ServiceEvent) => void): void {
    this.#tell = tell;
  }

  async list(): Promise<StepReport[]> {
    const steps = (await this.#worker?.steps.all()) ?? [];
    return steps.map((step) => this.#reportOf(step));
  }

  async order(examId: string, what: StepOrder['what'], input: StepInput): Promise<StepReport[]> {
    const worker = this.#needWorker();
    const { supplies, ...rest } = input;
    const changes: StepChanges = { ...rest };
    if (supplies) changes.supplies = supplies.map((supply) => supplyOf(supply, this.#options.settings));
    await worker.order(examId, { what, changes });
    await this.#attended(worker);
    return (await worker.steps.ofExam(examId)).map((step) => this.#reportOf(step));
  }

  /** Waits for the RIS to be told everything, for a while. @returns the phase of the examination's own step, or `none` without a node */
  async settled(examId: string): Promise<string> {
    if (!this.#worker) return 'none';
    await this.#attended(this.#worker);
    if (this.#waiting.has(examId)) return 'retrying';
    return (await this.#worker.steps.load(examId))?.phase ?? 'waiting';
  }

  async close(): Promise<void> {
    await this.#worker?.stop();
  }

  async #attended(worker: MppsWorker): Promise<void> {
    const { wall } = this.#options.clock;
    await within(worker.settled(), { clock: wall, ms: PATIENCE_MS, context: { what: 'MPPS' } }).catch(() => undefined);
  }

  #note(event: MppsEvent): void {
    const { type, examId } = event;
    const state = type.replace('mpps.', '');
    if (event.type === 'mpps.retrying') this.#waiting.set(examId, event.error.message);
    else this.#waiting.delete(examId);
    const why = event.type === 'mpps.refused' ? `${event.request} ${event.status}: ${event.meaning}` : undefined;
    this.#tell({ type: 'mpps', examId, state, reason: why ?? this.#waiting.get(examId) });
  }

  #reportOf(step: StepRecord): StepReport {
    const { exam, part, phase, series, refusal, at } = step;
    const { sopInstanceUid, ppsId, studyInstanceUid, items } = performedParts(exam)[part]!;
    return {
      examId: exam.id,
      sopInstanceUid,
      ppsId,
      studyInstanceUid,
      accession: items[0]?.accessionNumber ?? exam.accessionNumber,
      patientId: exam.patient.id,
      patientName: exam.patient.name,
      scheduledSteps: items.map(({ stepId }) => stepId),
      phase,
      series: series.length,
      waiting: this.#waiting.get(exam.id),
      refusal,
      at,
    };
  }

  #needWorker(): MppsWorker {
    if (this.#worker) return this.#worker;
    throw new ScannerError('operator.usage', { message: 'no configured node offers the service mpps' });
  }
}
