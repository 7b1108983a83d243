/** The controller: what the service socket offers, carried out by machines, examinations, archive and network. */

import { Subject } from 'rxjs';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Chain } from '../../hal/contract/chain.js';
import type { ExamOutput } from '../../machines/exam.types.js';
import type { RecordStore } from '../../machines/persist.js';
import type { Running } from '../../machines/running.js';
import { createSupervisor, type Supervisor } from '../../machines/supervisor.js';
import { mustAccept } from '../acquire/reply.js';
import { rangeRef } from '../acquire/runner.js';
import type { Archive } from '../archive/archive.js';
import type { Config } from '../config.js';
import type { SyntaxHooks } from '../dicom/services/store-scu.js';
import type { CommitmentDesk, CommitmentEnd } from '../network/commitment-desk.js';
import { RulesWorker } from '../network/rules.js';
import { sendTasks } from '../network/sending.js';
import { destinationsOf } from '../nodes.js';
import type { ExamReport, ExamRequest, LogEntry, Operations, ServiceEvent } from '../service/operations.js';
import { version } from '../version.js';
import { Deliveries } from './deliveries.js';
import { Examination } from './examination.js';
import type { MppsDesk } from './mppsdesk.js';
import { mustBeReady } from './readiness.js';
import { EXAM_STATES, type ExamRecord } from './record.js';
import { registerExam } from './register.js';
import { reportOf } from './report.js';
import { Sends } from './sends.js';
import { findIn, tasksOf } from './tasks.js';
import { devicesOf, devicesReady, tellDevices, tellPhases } from './watch.js';
import type { WorklistDesk } from './worklistdesk.js';

/** Acts on the simulated scanner. */
export type Simulate = (action: { do: string } & Record<string, unknown>) => Promise<unknown>;

export interface ControllerParts {
  config: Config;
  chain: Chain;
  /** Absent with outside hardware. */
  simulate?: Simulate;
  archive: Archive;
  worklist: WorklistDesk;
  records: RecordStore;
  commitment: CommitmentDesk;
  /** In which transfer syntaxes objects are sent. */
  syntaxes: SyntaxHooks;
  mpps: MppsDesk;
  dicomPort(): number;
  recentLogs(last: number): LogEntry[];
  clock: Clock;
  log: Log;
}

export class Controller implements Operations {
  readonly version = version;
  readonly events$ = new Subject<ServiceEvent>();
  readonly worklist: WorklistDesk;
  readonly mpps: MppsDesk;
  readonly sends: Sends;
  readonly #parts: ControllerParts;
  readonly #examinations = new Map<string, Examination>();
  readonly #ends = new Map<string, Promise<void>>();
  readonly #supervisor: Supervisor;
  readonly #deliveries: Deliveries;
  readonly #rules: RulesWorker;

  private constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.worklist = parts.worklist;
    this.mpps = parts.mpps;
    this.mpps.report(this.#tell);
    const { chain, clock, log, config, records, archive, commitment } = parts;
    const destinations = destinationsOf(config);
    const sends = sendTasks({
      archive,
      commitment,
      destinations,
      callingAe: config.aeTitle,
      hooks: parts.syntaxes,
      clock,
      log,
      started: (sendId, over) => this.sends.started(sendId, over),
      progress: (step) => {
        this.sends.step(step);
        if (step.sent) this.#deliveries.step(step.sendId, step.node);
      },
    });
    commitment.onEnd((end) => this.#committed(end));
    const forget = (machine: string, id: string) => records.remove(machine, id);
    const tasks = tasksOf(findIn(this.#examinations), sends);
    this.#supervisor = createSupervisor({ chain, clock, log, tasks, save: records.save, forget });
    const { sendAttempts, rules } = config;
    const supervisor = this.#supervisor;
    this.sends = new Sends({ supervisor, archive, destinations, sendAttempts, clock, log, tell: this.#tell });
    this.#deliveries = new Deliveries({ sends: this.sends, archive, destinations, clock, tell: this.#tell });
    const send = (job: { sendId: string; node: string; instances: string[] }) =>
      this.sends.begin({ ...job, origin: 'rule' });
    this.#rules = new RulesWorker({ archive, clock, log, rules, send });
    const find = (examId: string) => this.#examinations.get(examId)?.record;
    tellPhases({ supervisor: this.#supervisor, find, log, tell: this.#tell });
    tellDevices({ chain, log, tell: this.#tell });
  }

  /** Starts the machines, waits for the devices, and takes up what an earlier process left. */
  static async start(parts: ControllerParts): Promise<Controller> {
    const controller = new Controller(parts);
    await devicesReady(parts.chain, parts.clock);
    await controller.#takeUp();
    return controller;
  }

  status(): ReturnType<Operations['status']> {
    const { config } = this.#parts;
    return {
      aeTitle: config.aeTitle,
      hardware: config.hardware,
      speed: config.speed,
      data: config.data,
      dicomPort: this.#parts.dicomPort(),
      examRunning: this.#supervisor.snapshot.exam?.examId ?? null,
    };
  }

  devices(): ReturnType<Operations['devices']> {
    return devicesOf(this.#parts.chain);
  }

  async startExam(request: ExamRequest): Promise<{ examId: string }> {
    const { config, worklist, clock, chain, simulate } = this.#parts;
    const running = this.#supervisor.snapshot.exam?.examId;
    if (running) {
      const state = `examination ${running} is under way`;
      throw new ScannerError('operator.state', { command: 'exam.start', state, expected: 'none' });
    }
    if (request.phantom && !simulate) {
      const state = 'the hardware is outside';
      throw new ScannerError('operator.state', { command: 'phantom', state, expected: 'hardware sim' });
    }
    const record = await registerExam(request, {
      config,
      serial: this.#examinations.size,
      worklist,
      now: clock.now(),
      anodeHeat: chain.generator.state.anodeHeat,
    });
    mustBeReady(chain);
    const phantom = request.phantom ?? config.phantom;
    await simulate?.({ do: 'setPhantom', phantom, activityScale: config.activityScale });
    const examination = this.#adopt(record);
    await examination.save();
    const ranges = record.plan.ranges.map(rangeRef);
    this.#conclude(examination, this.#supervisor.startExam({ examId: record.exam.id, ranges }));
    return { examId: record.exam.id };
  }

  examReport(examId: string): ExamReport {
    return reportOf(findIn(this.#examinations)(examId).record);
  }

  get records(): ExamRecord[] {
    return [...this.#examinations.values()].map(({ record }) => record);
  }

  examReports(): ExamReport[] {
    return this.records.map(reportOf);
  }

  async examEnd(examId: string, signal: AbortSignal): Promise<ExamReport> {
    const examination = findIn(this.#examinations)(examId);
    const gone = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new ScannerError('timeout.aborted', { what: 'waiting' })), {
        once: true,
      });
    });
    await Promise.race([this.#ends.get(examId), gone]);
    return reportOf(examination.record);
  }

  abortExam(examId: string, reason: string): void {
    this.#parts.log.warn({ examId, reason }, 'examination is aborted');
    this.#command(examId, 'ABORT');
  }

  continueExam(examId: string): void {
    const { phase } = findIn(this.#examinations)(examId).record;
    if (phase !== 'interrupted')
      throw new ScannerError('operator.state', { command: 'exam.continue', state: phase, expected: 'interrupted' });
    this.#command(examId, 'CONTINUE');
  }

  async simulate(action: { do: string } & Record<string, unknown>): Promise<unknown> {
    const { simulate } = this.#parts;
    if (simulate) return simulate(action);
    throw new ScannerError('operator.state', {
      command: action.do,
      state: 'the hardware is outside',
      expected: 'hardware sim',
    });
  }

  async resetInterlock(): Promise<void> {
    mustAccept(await this.#parts.chain.interlock.reset(), 'interlock', 'reset');
  }

  logs(last: number): LogEntry[] {
    return this.#parts.recentLogs(last);
  }

  /** Makes the scanner safe and stops; what is under way can be taken up by the next start. */
  async close(): Promise<void> {
    await this.#rules.stop();
    await this.#supervisor.stop();
    for (const examination of this.#examinations.values()) await examination.close();
    this.events$.complete();
  }

  readonly #tell = (event: ServiceEvent): void => this.events$.next(event);

  #committed({ sendId, node, transactionUid, outcome, committed, failed, cause }: CommitmentEnd): void {
    const counts = { committed: committed.length, failed: failed.length };
    this.#tell({ type: 'commitment', sendId, node, transactionUid, outcome, ...counts, cause });
    this.#supervisor.reportCommitment({ node, committed, failed: failed.map((one) => one.sopInstanceUid) });
  }

  #command(examId: string, command: 'ABORT' | 'CONTINUE'): void {
    const running = this.#supervisor.snapshot.exam?.examId;
    if (running !== examId) {
      const state = running ? `examination ${running} is under way` : 'no examination is under way';
      throw new ScannerError('operator.state', { command, state, expected: examId });
    }
    let refusal = '';
    const listening = this.#supervisor.facts$.subscribe((fact) => {
      if (fact.type === 'refused') refusal = fact.reason;
    });
    this.#supervisor.command(command);
    listening.unsubscribe();
    if (refusal) throw new ScannerError('interlock.open', { reason: refusal });
  }

  #adopt(record: ExamRecord): Examination {
    const { data, markSimulated, uidRoot } = this.#parts.config;
    const site = { data, markSimulated, uidRoot, station: this.#parts.config, tell: this.#tell };
    const examination = new Examination({ ...this.#parts, ...site, record });
    this.#examinations.set(record.exam.id, examination);
    return examination;
  }

  #conclude(examination: Examination, running: Running<ExamOutput> | null): void {
    this.#ends.set(examination.record.exam.id, this.#end(examination, running));
  }

  async #end(examination: Examination, running: Running<ExamOutput> | null): Promise<void> {
    const { log, mpps } = this.#parts;
    const { record } = examination;
    const examId = record.exam.id;
    try {
      const output = await running?.done;
      if (output) record.phase = output.status;
      if (output?.error) record.reason = output.error.message;
      for (const job of output?.reconstructions ?? []) {
        if (job.state === 'failed')
          record.notes.push(`reconstruction of range ${job.rangeId} failed: ${job.error?.message}`);
      }
      await examination.close();
      this.#tell({ type: 'exam', examId, phase: record.phase });
      await this.#deliveries.deliver(record);
      record.mpps = await mpps.settled(examId);
      record.closed = true;
      await examination.save();
      await examination.discardRaw();
    } catch (thrown) {
      const error = asScannerError(thrown);
      // stopped with the process: the record stays open and the next start takes it up
      if (error.code !== 'timeout.aborted') log.error({ examId, error: error.toJSON() }, 'examination not concluded');
    }
  }

  /** Examinations that an earlier process left: the machines decide whether to go on or to end them. */
  async #takeUp(): Promise<void> {
    const { archive, records, log, commitment } = this.#parts;
    const kept = await archive.states<ExamRecord>(EXAM_STATES);
    for (const { value } of kept) this.#adopt(value);
    await commitment.start();
    const { exam, sends } = this.#supervisor.restore(await records.load());
    await this.sends.takeUp(sends);
    if (this.#parts.config.rules.length > 0) this.#rules.start();
    for (const { value } of kept) {
      const examination = this.#examinations.get(value.exam.id)!;
      if (value.closed) this.#ends.set(value.exam.id, Promise.resolve());
      else if (exam?.id === value.exam.id) this.#conclude(examination, exam);
      else {
        log.warn({ examId: value.exam.id }, 'examination of an earlier process is ended');
        await examination.endAfterCrash();
        this.#conclude(examination, null);
      }
    }
  }
}
