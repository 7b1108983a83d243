import { asScannerError, type ScannerError } from '../../hal/base/errors.js';
import type { SequencedFact } from '../archive/archive.js';
import type { Fact, FilmUse } from '../archive/fact.js';
import type { Dataset } from '../dicom/dataset/dataset.js';
import type { Exam } from '../exam/exam.js';
import type { SeriesSummary } from '../objects/instance.js';
import { isReconstruction, type MppsStation, mppsCreation, mppsStatus, mppsUpdate } from './mpps-dataset.js';
import { checkOrder, type StepOrder } from './mpps-order.js';
import { type PerformedPart, performedParts } from './mpps-parts.js';
import { isOver, newStep, type StepRecord, type StepRefusal, StepStore, withChanges, withFilms } from './mpps-step.js';
import { mayRetry, OutboxWorker, refusal, type WorkerOptions } from './worker.js';

/** The two requests of the performed procedure step service. They throw ScannerError peer.* */
export interface MppsService {
  create(sopInstanceUid: string, attributes: Dataset): Promise<void>;
  set(sopInstanceUid: string, attributes: Dataset): Promise<void>;
}

export interface MppsWorkerOptions extends WorkerOptions {
  service: MppsService;
  station: MppsStation;
  /** Who ends the step of an examination that acquired something; the examination itself when absent. */
  completion?: 'automatic' | 'user';
}

export type MppsEvent =
  | { type: 'mpps.created' | 'mpps.updated' | 'mpps.completed' | 'mpps.discontinued'; examId: string }
  | { type: 'mpps.held' | 'mpps.performed'; examId: string }
  | ({ type: 'mpps.refused'; examId: string } & StepRefusal)
  | { type: 'mpps.retrying'; examId: string; error: ScannerError; waitMs: number };

type Request = StepRefusal['request'];
type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;

const DUPLICATE_INSTANCE = '0111';
const MAY_NOT_BE_UPDATED = '0110';
/** How often a request is made that is refused for a while, e.g. for lack of resources. */
const REFUSED_TRIES = 5;

/**
 * Tells the RIS of performed procedure steps: N-CREATE when an exam starts, N-SET once a reconstruction, N-SET at the end. Each takes
 * effect once: the SOP Instance UID is the exam's, so a repetition after a crash is recognised by the peer's own answer.
 */
export class MppsWorker extends OutboxWorker<MppsEvent> {
  protected readonly types = new Set<Fact['type']>([
    'exam.started',
    'series.complete',
    'exam.ended',
    'film.printed',
    'instances.committed',
    'mpps.order',
  ]);
  readonly steps: StepStore;
  readonly #service: MppsService;
  readonly #station: MppsStation;
  readonly #completion: 'automatic' | 'user';

  constructor(options: MppsWorkerOptions) {
    super('mpps', options);
    this.steps = new StepStore(options.archive);
    this.#service = options.service;
    this.#station = options.station;
    this.#completion = options.completion ?? 'automatic';
  }

  /**
   * What the user wants of an examination's steps; carried out in its turn.
   * @throws ScannerError operator.unknown, operator.state when a step is over or not so far, operator.unknown for a reason that is no code
   */
  async order(examId: string, order: StepOrder): Promise<void> {
    checkOrder(examId, await this.steps.ofExam(examId), order);
    const { changes = {} } = order;
    await this.archive.putFacts({ type: 'mpps.order', examId, order: order.what, changes });
  }

  protected async handle({ fact, seq }: SequencedFact): Promise<void> {
    switch (fact.type) {
      case 'exam.started':
        return this.#started(fact.exam);
      case 'series.complete':
        return this.#series(fact.examId, fact.series);
      case 'exam.ended':
        return this.#ended(fact);
      case 'film.printed':
        return this.#films(fact.examId, fact.films, seq);
      case 'instances.committed':
        return this.#committed(fact);
      case 'mpps.order':
        return this.#order(fact, seq);
      default:
        return;
    }
  }

  async #started(exam: Exam): Promise<void> {
    for (const [part] of performedParts(exam).entries()) {
      const step = (await this.steps.load(exam.id, part)) ?? newStep(exam, part);
      if (step.phase === 'held') {
        await this.#keep(step);
        this.tell({ type: 'mpps.held', examId: exam.id });
      } else if (step.phase === 'new') await this.#create(step);
    }
  }

  /** @returns whether the RIS has the step */
  async #create(before: StepRecord): Promise<boolean> {
    const { exam } = before;
    const again = before.sending === 'create';
    const step: StepRecord = { ...before, phase: 'new', sending: 'create', refusal: undefined };
    await this.#keep(step);
    const part = partOf(step);
    const outcome = await this.#ask(exam, 'N-CREATE', () =>
      this.#service.create(part.sopInstanceUid, mppsCreation(exam, this.#station, part)),
    );
    // the peer has it: our own request got there, and its answer was lost
    const arrived = outcome.refusal?.status === DUPLICATE_INSTANCE && (again || outcome.attempts > 1);
    if (outcome.refusal && !arrived) return this.#refused(step, outcome.refusal);
    await this.#keep({ ...step, phase: 'in progress', created: true, sending: undefined });
    this.tell({ type: 'mpps.created', examId: exam.id });
    return true;
  }

  async #series(examId: string, series: SeriesSummary): Promise<void> {
    const step = await this.steps.load(examId);
    if (!step || isOver(step)) return;
    const others = step.series.filter((one) => one.seriesInstanceUid !== series.seriesInstanceUid);
    const updated = { ...step, series: [...others, series] };
    await this.#keep(updated);
    if (step.phase === 'in progress' && isReconstruction(series)) await this.#update(updated);
  }

  async #update(step: StepRecord): Promise<void> {
    const attributes = () => mppsUpdate(step.exam, { ...step, part: partOf(step) });
    const { sopInstanceUid } = partOf(step);
    const { refusal: refused } = await this.#ask(step.exam, 'N-SET', () =>
      this.#service.set(sopInstanceUid, attributes()),
    );
    const examId = step.exam.id;
    // the end, which reports all series again, may still be taken
    if (refused) this.#tellRefusal(step, refused);
    else this.tell({ type: 'mpps.updated', examId });
  }

  async #ended({ exam, outcome, reason, series, dose }: FactOf<'exam.ended'>): Promise<void> {
    const endedAt = exam.endedAt ?? this.clock.now();
    for (const step of await this.steps.ofExam(exam.id)) {
      if (isOver(step)) continue;
      const made = step.part === 0 ? series : [];
      await this.#conclude({ ...step, exam, series: made, ended: { outcome, reason, endedAt, dose } });
    }
  }

  /** The examination is over: ends the step, or leaves that to the user. */
  async #conclude(step: StepRecord): Promise<void> {
    const { ended } = step;
    if (!ended || step.phase === 'held' || !step.created) return this.#keep(step);
    const nothingAcquired = ended.outcome === 'DISCONTINUED' && ended.dose.exposures.length + step.series.length === 0;
    if (step.verdict || this.#completion === 'automatic' || nothingAcquired) return this.#finish(step);
    await this.#keep({ ...step, phase: 'performed' });
    this.tell({ type: 'mpps.performed', examId: step.exam.id });
  }

  async #finish(before: StepRecord): Promise<void> {
    const { exam, ended } = before;
    if (!ended) return;
    const outcome = before.verdict ?? ended.outcome;
    const again = before.sending === 'end';
    const step: StepRecord = { ...before, sending: 'end', refusal: undefined };
    await this.#keep(step);
    const part = partOf(step);
    const end = { ...ended, outcome };
    const asked = await this.#ask(exam, 'N-SET', () =>
      this.#service.set(part.sopInstanceUid, mppsUpdate(exam, { ...step, part, end })),
    );
    // the peer has it from an attempt whose answer was lost
    const arrived = asked.refusal?.status === MAY_NOT_BE_UPDATED && (again || asked.attempts > 1);
    if (asked.refusal && !arrived) return void (await this.#refused(step, asked.refusal));
    const completed = outcome === 'COMPLETED';
    await this.#keep({ ...step, phase: completed ? 'completed' : 'discontinued', sending: undefined });
    this.tell({ type: completed ? 'mpps.completed' : 'mpps.discontinued', examId: exam.id });
  }

  async #films(examId: string, films: FilmUse, seq: number): Promise<void> {
    const step = await this.steps.load(examId);
    if (!step || seq <= step.countedUpTo) return;
    if (isOver(step)) return this.log.warn({ examId, ...films }, 'printed after the end of the step: not reported');
    await this.#keep({ ...step, films: withFilms(step.films, films), countedUpTo: seq });
  }

  /** Notes where the series of a step that still goes on may be retrieved. */
  async #committed({ retrieveAeTitle, sopInstanceUids }: FactOf<'instances.committed'>): Promise<void> {
    const kept = new Set(sopInstanceUids);
    for (const step of await this.steps.all()) {
      const whole = isOver(step) ? [] : step.series.filter(({ instances }) => isKept(instances, kept));
      if (whole.length === 0) continue;
      const titles = Object.fromEntries(whole.map((one) => [one.seriesInstanceUid, retrieveAeTitle]));
      await this.#keep({ ...step, retrieveAeTitles: { ...step.retrieveAeTitles, ...titles } });
    }
  }

  async #order({ examId, order, changes }: FactOf<'mpps.order'>, seq: number): Promise<void> {
    for (const step of await this.steps.ofExam(examId)) {
      // what was possible when the user asked may have been overtaken by the end of the examination
      if (isOver(step)) continue;
      const verdicts = { complete: 'COMPLETED', discontinue: 'DISCONTINUED', send: step.verdict } as const;
      // after a crash the order comes again: what it brings is taken once
      const merged = seq > step.countedUpTo ? withChanges(step.changes, changes) : step.changes;
      const changed = { ...step, changes: merged, countedUpTo: seq, verdict: verdicts[order] };
      await this.#keep(changed);
      await this.#carryOut(changed);
    }
  }

  async #carryOut(step: StepRecord): Promise<void> {
    if (!step.created && !(await this.#create(step))) return;
    const known: StepRecord = { ...step, created: true, sending: step.created ? step.sending : undefined };
    const live: StepRecord = { ...known, phase: known.ended ? 'performed' : 'in progress', refusal: undefined };
    await this.#keep(live);
    const ends = live.ended && (live.verdict || this.#completion === 'automatic');
    if (!ends && (live.series.length > 0 || step.created)) await this.#update(live);
    await this.#conclude(live);
  }

  /** Asks until there is an answer that counts. */
  async #ask(
    exam: Exam,
    request: Request,
    send: () => Promise<void>,
  ): Promise<{ attempts: number; refusal?: StepRefusal }> {
    let attempts = 0;
    const attempt = () => {
      attempts++;
      return send();
    };
    const again = (error: ScannerError) => mayRetry(error) || (isPassing(error) && attempts < REFUSED_TRIES);
    try {
      const told = (error: ScannerError, waitMs: number) => this.#retrying(exam, request, error, waitMs);
      await this.persist(attempt, told, again);
      return { attempts };
    } catch (thrown) {
      const error = asScannerError(thrown);
      if (this.signal.aborted || error.code === 'data.disk' || error.kind === 'bug') throw error;
      return { attempts, refusal: refusalOf(request, error) };
    }
  }

  #retrying(exam: Exam, request: Request, error: ScannerError, waitMs: number): void {
    this.log.warn({ examId: exam.id, request, waitMs, error: error.message }, 'performed procedure step not sent yet');
    this.tell({ type: 'mpps.retrying', examId: exam.id, error, waitMs });
  }

  async #refused(step: StepRecord, refused: StepRefusal): Promise<false> {
    await this.#keep({ ...step, phase: 'refused', sending: undefined, refusal: refused });
    this.#tellRefusal(step, refused);
    return false;
  }

  #tellRefusal({ exam }: StepRecord, refused: StepRefusal): void {
    this.log.error({ examId: exam.id, ...refused }, 'performed procedure step refused');
    this.tell({ type: 'mpps.refused', examId: exam.id, ...refused });
  }

  #keep(step: StepRecord): Promise<void> {
    return this.steps.keep({ ...step, at: this.clock.now() });
  }
}

function isKept(instances: SeriesSummary['instances'], kept: ReadonlySet<string>): boolean {
  return instances.length > 0 && instances.every(({ sopInstanceUid }) => kept.has(sopInstanceUid));
}

function partOf({ exam, part }: StepRecord): PerformedPart {
  return performedParts(exam)[part]!;
}

/** A refusal whose status says that it may pass. */
function isPassing(error: ScannerError): boolean {
  return mppsStatus(refusal(error) ?? '')?.again === true;
}

function refusalOf(request: Request, error: ScannerError): StepRefusal {
  const status = refusal(error);
  if (status === undefined) return { request, status: error.code, meaning: error.message };
  const { comment } = error.context;
  const text = mppsStatus(status)?.text ?? 'no status of this service';
  return { request, status, meaning: comment && comment !== 'no comment' ? `${text}: ${comment}` : text };
}
