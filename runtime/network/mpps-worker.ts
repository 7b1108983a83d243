import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { SequencedFact } from '../archive/archive.js';
import type { Fact } from '../archive/fact.js';
import type { Dataset } from '../dicom/dataset/dataset.js';
import type { Exam } from '../exam/exam.js';
import type { SeriesSummary } from '../objects/instance.js';
import { type MppsStation, mppsCreation, mppsStatusText, mppsUpdate } from './mpps-dataset.js';
import { OutboxWorker, refusal, type WorkerOptions } from './worker.js';

/** The two requests of the performed procedure step service. They throw ScannerError peer.* */
export interface MppsService {
  create(sopInstanceUid: string, attributes: Dataset): Promise<void>;
  set(sopInstanceUid: string, attributes: Dataset): Promise<void>;
}

export interface MppsWorkerOptions extends WorkerOptions {
  service: MppsService;
  station: MppsStation;
  /** Report each finished series while the step is in progress; true when absent. */
  progress?: boolean;
}

export type MppsEvent =
  | { type: 'mpps.created' | 'mpps.updated' | 'mpps.completed' | 'mpps.discontinued'; examId: string }
  | { type: 'mpps.held'; examId: string }
  | { type: 'mpps.refused'; examId: string; request: 'N-CREATE' | 'N-SET'; status: string; meaning: string }
  | { type: 'mpps.retrying'; examId: string; error: ScannerError; waitMs: number };

type EndedFact = Extract<Fact, { type: 'exam.ended' }>;

/** What is known of one performed procedure step; kept in the archive from its start to its end. */
interface Step {
  exam: Exam;
  phase: 'held' | 'new' | 'created' | 'ending' | 'refused';
  series: SeriesSummary[];
  /** The end of a step that is still held. */
  ended?: EndedFact;
}

const OWNER = 'mpps';
const DUPLICATE_INSTANCE = '0111';
const MAY_NOT_BE_UPDATED = '0110';

/**
 * Tells the RIS of performed procedure steps: N-CREATE when an exam starts, N-SET for its series, N-SET at its end. Each goes
 * out once: the SOP Instance UID is the exam's, so a repetition after a crash is recognised by the peer's own answer.
 */
export class MppsWorker extends OutboxWorker<MppsEvent> {
  protected readonly types = new Set<Fact['type']>(['exam.started', 'series.complete', 'exam.ended']);
  readonly #service: MppsService;
  readonly #station: MppsStation;
  readonly #progress: boolean;

  constructor(options: MppsWorkerOptions) {
    super(OWNER, options);
    this.#service = options.service;
    this.#station = options.station;
    this.#progress = options.progress ?? true;
  }

  /**
   * Announces an emergency exam, which is held until the operator asks for it.
   * @throws ScannerError operator.unknown when no exam of that id is held
   */
  async announce(examId: string): Promise<void> {
    const step = await this.archive.loadState<Step>(OWNER, examId);
    if (step?.phase !== 'held') {
      const held = (await this.archive.states<Step>(OWNER)).filter(({ value }) => value.phase === 'held');
      throw new ScannerError('operator.unknown', {
        what: 'held exam',
        name: examId,
        known: held.map(({ key }) => key).join(', '),
      });
    }
    const { ended, ...released } = step;
    const exam = { ...step.exam, emergency: false };
    await this.archive.saveState(OWNER, examId, { ...released, exam, phase: 'new' } satisfies Step);
    await this.archive.putFacts({ type: 'exam.started', exam }, ...(ended ? [ended] : []));
  }

  protected async handle({ fact }: SequencedFact): Promise<void> {
    if (fact.type === 'exam.started') await this.#started(fact.exam);
    if (fact.type === 'series.complete') await this.#series(fact.examId, fact.series);
    if (fact.type === 'exam.ended') await this.#ended(fact);
  }

  async #started(exam: Exam): Promise<void> {
    const known = await this.archive.loadState<Step>(OWNER, exam.id);
    if (known && known.phase !== 'new') return;
    const step: Step = { exam, series: known?.series ?? [], phase: exam.emergency ? 'held' : 'new' };
    await this.#keep(step);
    if (exam.emergency) this.tell({ type: 'mpps.held', examId: exam.id });
    else await this.#create(step);
  }

  async #create(step: Step): Promise<void> {
    const { exam } = step;
    const attributes = mppsCreation(exam, this.#station);
    const refused = await this.#ask(exam, 'N-CREATE', () => this.#service.create(exam.ppsInstanceUid, attributes));
    // the peer has it: our own request got there, and its answer was lost with us
    const created = refused === undefined || refused === DUPLICATE_INSTANCE;
    await this.#keep({ ...step, phase: created ? 'created' : 'refused' });
    if (created) this.tell({ type: 'mpps.created', examId: exam.id });
    else this.#refused(exam, 'N-CREATE', refused);
  }

  async #series(examId: string, series: SeriesSummary): Promise<void> {
    const step = await this.archive.loadState<Step>(OWNER, examId);
    if (!step) return;
    const others = step.series.filter((one) => one.seriesInstanceUid !== series.seriesInstanceUid);
    const updated = { ...step, series: [...others, series] };
    await this.#keep(updated);
    if (step.phase !== 'created' || !this.#progress) return;
    const attributes = mppsUpdate(step.exam, updated.series);
    const refused = await this.#ask(step.exam, 'N-SET', () => this.#service.set(step.exam.ppsInstanceUid, attributes));
    if (refused === undefined) this.tell({ type: 'mpps.updated', examId });
    else this.#refused(step.exam, 'N-SET', refused);
  }

  async #ended(fact: EndedFact): Promise<void> {
    const { exam, outcome, reason, series, dose } = fact;
    const step = await this.archive.loadState<Step>(OWNER, exam.id);
    if (step?.phase === 'held') return this.#keep({ ...step, ended: fact });
    if (step?.phase === 'created' || step?.phase === 'ending') {
      const endedAt = exam.endedAt ?? this.clock.now();
      const again = step.phase === 'ending';
      await this.#keep({ ...step, phase: 'ending' });
      const attributes = mppsUpdate(exam, series, { outcome, reason, endedAt, dose });
      let attempts = 0;
      const refused = await this.#ask(exam, 'N-SET', () => {
        attempts++;
        return this.#service.set(exam.ppsInstanceUid, attributes);
      });
      // the peer has it from an attempt whose answer was lost
      const done = refused === undefined || ((again || attempts > 1) && refused === MAY_NOT_BE_UPDATED);
      if (!done) this.#refused(exam, 'N-SET', refused);
      else this.tell({ type: outcome === 'COMPLETED' ? 'mpps.completed' : 'mpps.discontinued', examId: exam.id });
    }
    await this.archive.removeState(OWNER, exam.id);
  }

  /** @returns the status that it was refused with, or undefined when it was done */
  async #ask(exam: Exam, request: string, send: () => Promise<void>): Promise<string | undefined> {
    try {
      await this.persist(send, (error, waitMs) => {
        this.log.warn(
          { examId: exam.id, request, waitMs, error: error.message },
          'performed procedure step not sent yet',
        );
        this.tell({ type: 'mpps.retrying', examId: exam.id, error, waitMs });
      });
      return undefined;
    } catch (thrown) {
      const error = asScannerError(thrown);
      const status = refusal(error) ?? (error.code === 'peer.context' ? 'no presentation context' : undefined);
      if (status === undefined) throw error;
      return status;
    }
  }

  #refused(exam: Exam, request: 'N-CREATE' | 'N-SET', status: string): void {
    const meaning = mppsStatusText(status) ?? 'no status of this service';
    this.log.error({ examId: exam.id, request, status, meaning }, 'performed procedure step refused');
    this.tell({ type: 'mpps.refused', examId: exam.id, request, status, meaning });
  }

  #keep(step: Step): Promise<void> {
    return this.archive.saveState(OWNER, step.exam.id, step);
  }
}
