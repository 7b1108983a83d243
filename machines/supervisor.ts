/** Builds the machines on a chain, feeds them facts, and tells hazards to the running examination. */

import { BehaviorSubject, type Observable, Subject, type Subscription } from 'rxjs';
import type { Actor } from 'xstate';
import type { Clock } from '../hal/base/clock.js';
import { asScannerError, ScannerError } from '../hal/base/errors.js';
import type { Log } from '../hal/base/log.js';
import type { Chain } from '../hal/contract/chain.js';
import type { acquisitionMachine } from './acquisition.js';
import type { AcquisitionContext, RangeCompleted } from './acquisition.types.js';
import { machineClock } from './clock.js';
import { type DeviceFact, type DeviceStates, DeviceWatch } from './devices.js';
import type { examMachine } from './exam.js';
import type { ExamContext, ExamFact, ExamInput, ExamOutput } from './exam.types.js';
import type { Blocker, SafetyEvent } from './hazards.js';
import { type Forget, Jobs, type ReconstructionStatus, type SendStatus } from './jobs.js';
import { type MachineRecord, type Persisting, restore, type SaveRecord } from './persist.js';
import type { ReconstructionInput, ReconstructionOutput } from './reconstruction.js';
import { type Kept, keep, type Running, run, type Surroundings } from './running.js';
import type { SendInput, SendOutput } from './send.types.js';
import { type ExamStatus, examStatus } from './status.js';
import { provideExam, type Tasks } from './tasks.js';
import type { Refused } from './types.js';

export interface SupervisorOptions {
  chain: Chain;
  clock: Clock;
  log: Log;
  tasks: Tasks;
  /** Makes a record durable. */
  save: SaveRecord;
  /** Removes the record of what has ended. */
  forget: Forget;
}

export interface SupervisorSnapshot {
  devices: DeviceStates;
  blockers: Blocker[];
  exam: ExamStatus | null;
  reconstructions: ReconstructionStatus[];
  sends: SendStatus[];
}

export type SupervisorFact = DeviceFact | ExamFact | RangeCompleted | Refused | SafetyEvent;

export type ExamCommand = 'ABORT' | 'HOLD' | 'RESUME' | 'CONTINUE';

export interface Supervisor {
  readonly snapshot: SupervisorSnapshot;
  /** The latest first, then each change. */
  readonly snapshot$: Observable<SupervisorSnapshot>;
  readonly facts$: Observable<SupervisorFact>;
  /** Resolves true once all links are up, false when `limitMs` of wall time have passed. */
  whenConnected(limitMs: number): Promise<boolean>;
  /** @throws ScannerError operator.state while another exam runs */
  startExam(input: ExamInput): Running<ExamOutput>;
  /** @throws ScannerError operator.state when no exam runs */
  command(command: ExamCommand): void;
  startReconstruction(input: ReconstructionInput): Running<ReconstructionOutput>;
  cancelReconstruction(jobId: string): void;
  startSend(input: SendInput): Running<SendOutput>;
  cancelSend(sendId: string): void;
  reportCommitment(report: { node: string; committed: string[]; failed: string[] }): void;
  /** Takes up what an earlier process left: at most one exam, its reconstructions, and sends. */
  restore(records: readonly MachineRecord[]): { exam: Running<ExamOutput> | null; sends: Running<SendOutput>[] };
  /** Makes the scanner safe when an exam is under way, and stops; records stay, so that the exam can be taken up again. */
  stop(): Promise<void>;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new MachineSupervisor(options);
}

class MachineSupervisor implements Supervisor {
  readonly #options: SupervisorOptions;
  readonly #devices: DeviceWatch;
  readonly #jobs: Jobs;
  readonly #machine: typeof examMachine;
  readonly #facts$ = new Subject<SupervisorFact>();
  readonly #snapshot$: BehaviorSubject<SupervisorSnapshot>;
  readonly #owned: Subscription[];
  readonly #surroundings: Surroundings;
  #stopped = false;
  #exam: Kept<typeof examMachine> | undefined;
  #acquisition: { actor: Actor<typeof acquisitionMachine>; kept: Persisting } | undefined;

  constructor(options: SupervisorOptions) {
    const { chain, clock, log, tasks, save, forget } = options;
    this.#options = options;
    this.#surroundings = {
      clock: machineClock(clock.wall),
      log,
      save,
      tell: (fact) => this.#tell(fact as SupervisorFact),
      changed: () => this.#changed(),
    };
    this.#jobs = new Jobs(tasks, this.#surroundings, forget);
    this.#machine = provideExam(tasks, (input, signal) => this.#jobs.reconstruct(input, signal));
    this.#devices = new DeviceWatch({ chain, clock });
    this.#snapshot$ = new BehaviorSubject(this.#now());
    this.#owned = [
      this.#devices.changes$.subscribe(() => this.#changed()),
      this.#devices.facts$.subscribe((fact) => this.#tell(fact)),
      this.#devices.safety$.subscribe((event) => this.#warn(event)),
    ];
    this.#changed();
  }

  get snapshot(): SupervisorSnapshot {
    return this.#snapshot$.value;
  }

  get snapshot$(): Observable<SupervisorSnapshot> {
    return this.#snapshot$;
  }

  get facts$(): Observable<SupervisorFact> {
    return this.#facts$;
  }

  whenConnected(limitMs: number): Promise<boolean> {
    return this.#devices.whenUp(limitMs);
  }

  startExam(input: ExamInput): Running<ExamOutput> {
    if (this.#exam) {
      const state = `exam ${this.#exam.id} is under way`;
      throw new ScannerError('operator.state', { command: 'start exam', state, expected: 'no exam' });
    }
    const blockers = input.blockers ?? this.#devices.blockers;
    const what = { machine: 'exam', id: input.examId };
    const exam = run(this.#machine, { ...input, blockers }, what, this.#surroundings);
    this.#exam = exam;
    this.#changed();
    const done = this.#end(exam);
    done.catch(() => {}); // told in the log; nobody has to await it
    return { id: exam.id, done };
  }

  command(command: ExamCommand): void {
    if (!this.#exam)
      throw new ScannerError('operator.state', { command, state: 'no exam', expected: 'a running exam' });
    this.#exam.actor.send({ type: command });
  }

  startReconstruction(input: ReconstructionInput): Running<ReconstructionOutput> {
    return this.#jobs.startReconstruction(input);
  }

  cancelReconstruction(jobId: string): void {
    this.#jobs.cancelReconstruction(jobId);
  }

  startSend(input: SendInput): Running<SendOutput> {
    return this.#jobs.startSend(input);
  }

  cancelSend(sendId: string): void {
    this.#jobs.cancelSend(sendId);
  }

  reportCommitment(report: { node: string; committed: string[]; failed: string[] }): void {
    this.#jobs.reportCommitment(report);
  }

  restore(records: readonly MachineRecord[]): { exam: Running<ExamOutput> | null; sends: Running<SendOutput>[] } {
    const named = (machine: string) => records.filter((record) => record.machine === machine);
    const record = named('exam')[0];
    this.#jobs.restoreReconstructions(named('reconstruction'), record?.id);
    const sends = named('send').map((send) => this.#jobs.restoreSend(send));
    const child = named('acquisition').find(({ id }) => id === record?.id);
    for (const orphan of named('acquisition').filter((left) => left !== child)) {
      void this.#options.forget('acquisition', orphan.id);
    }
    if (!record) return { exam: null, sends };
    const recovered = restore<ExamContext>(record, 'exam');
    const acquisition = child && restore<AcquisitionContext>(child, 'acquisition');
    const { examId, ranges } = recovered.context;
    return { exam: this.startExam({ examId, ranges, recovered: { ...recovered, acquisition } }), sends };
  }

  async stop(): Promise<void> {
    const exam = this.#exam;
    // also while it only looks around after a restart: what it will find may be live
    const wasAcquiring = exam?.actor.getSnapshot().context.acquired === null;
    const kept = this.#acquisition?.kept;
    this.#stopped = true;
    // jobs first: an exam that stops would call its reconstruction off
    const jobs = this.#jobs.stop();
    exam?.stop();
    if (exam && wasAcquiring) await this.#secure(exam.id, 'petrig is stopped');
    await jobs;
    await Promise.all([exam?.flush(), kept?.flush()]);
    for (const subscription of this.#owned) subscription.unsubscribe();
    this.#devices.stop();
    this.#snapshot$.complete();
    this.#facts$.complete();
  }

  /** Hazards go to the exam, which hands them to its acquisition. */
  #warn(event: SafetyEvent): void {
    this.#tell(event);
    this.#exam?.actor.send(event);
  }

  #tell(fact: SupervisorFact): void {
    if (fact.type === 'unexpected') this.#options.log.warn(fact, 'event without a place');
    this.#facts$.next(fact);
  }

  #changed(): void {
    this.#adopt();
    const snapshot = this.#now();
    this.#guardBeam(this.#snapshot$.value, snapshot);
    this.#snapshot$.next(snapshot);
  }

  /** Takes the acquisition that the exam has started into the records and facts. */
  #adopt(): void {
    const actor = this.#acquisitionActor();
    if (!this.#exam || !actor || actor === this.#acquisition?.actor) return;
    const what = { machine: 'acquisition', id: this.#exam.id };
    this.#acquisition = { actor, kept: keep(actor, what, this.#surroundings) };
  }

  #acquisitionActor(): Actor<typeof acquisitionMachine> | undefined {
    const child = this.#exam?.actor.getSnapshot().children.acquisition;
    return child as Actor<typeof acquisitionMachine> | undefined;
  }

  /** The beam is on and no range asked for it: it is switched off. */
  #guardBeam(before: SupervisorSnapshot, now: SupervisorSnapshot): void {
    if (now.devices.generator !== 'exposing' || before.devices.generator === 'exposing') return;
    const { state = 'none', kind = null } = now.exam?.acquisition ?? {};
    if (kind !== 'pet' && ['running.arming', 'running.scanning'].includes(state)) return;
    this.#options.log.error({ acquisition: state }, 'beam on without a range that asked for it');
    this.#options.chain.generator.beamOff().catch((error: unknown) => {
      this.#options.log.error({ error: asScannerError(error).toJSON() }, 'beam off failed');
    });
  }

  async #secure(examId: string, reason: string): Promise<void> {
    try {
      await this.#options.tasks.makeSafe({ examId, reason }, new AbortController().signal);
    } catch (error) {
      this.#options.log.error({ examId, error: asScannerError(error).toJSON() }, 'making safe failed');
    }
  }

  /** Settles when the next exam may start. */
  async #end(exam: Kept<typeof examMachine>): Promise<ExamOutput> {
    const { log, forget } = this.#options;
    try {
      const output = await exam.done;
      await Promise.all([exam.flush(), this.#acquisition?.kept.flush()]);
      await Promise.all([forget('exam', exam.id), forget('acquisition', exam.id)]);
      return output;
    } catch (thrown) {
      const error = asScannerError(thrown);
      if (error.code === 'timeout.aborted') throw error;
      log.error({ examId: exam.id, error: error.toJSON() }, 'examination broke down');
      await this.#secure(exam.id, error.code);
      throw error;
    } finally {
      this.#exam = undefined;
      this.#acquisition = undefined;
      if (!this.#stopped) this.#changed();
    }
  }

  #now(): SupervisorSnapshot {
    const { states, blockers } = this.#devices;
    const { reconstructions, sends } = this.#jobs;
    return {
      devices: states,
      blockers,
      exam: examStatus(this.#exam?.actor, this.#acquisitionActor()),
      reconstructions,
      sends,
    };
  }
}
