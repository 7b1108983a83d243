/** What is known of one performed procedure step, kept in the archive from its start to long after its end. */

import type { Millisecond } from '../../hal/base/units.js';
import type { Archive } from '../archive/archive.js';
import type { DoseSummary, FilmUse, StepChanges } from '../archive/fact.js';
import type { Exam } from '../exam/exam.js';
import type { SeriesSummary } from '../objects/instance.js';
import { performedParts } from './mpps-parts.js';

export type StepPhase =
  /** Of an emergency patient: nobody is told before the user asks for it. */
  | 'held'
  /** On its way to the RIS. */
  | 'new'
  | 'in progress'
  /** The examination is over; the user is to say how the step ends. */
  | 'performed'
  | 'completed'
  | 'discontinued'
  /** The RIS refused: sent again only when the user asks for it. */
  | 'refused';

export interface StepRefusal {
  request: 'N-CREATE' | 'N-SET';
  /** As the standard prints it, or an error code where it did not come to an answer. */
  status: string;
  meaning: string;
}

/** How the examination ended. */
export interface ExamEnd {
  outcome: 'COMPLETED' | 'DISCONTINUED';
  reason: string;
  endedAt: Millisecond;
  dose: DoseSummary;
}

export interface StepRecord {
  exam: Exam;
  /** Which of the examination's performed steps: 0 is its own. */
  part: number;
  phase: StepPhase;
  /** The RIS has it. */
  created: boolean;
  /** A request whose answer may have been lost: when it is repeated the answer tells whether it had arrived. */
  sending?: 'create' | 'end';
  series: SeriesSummary[];
  films: FilmUse[];
  /** The last fact whose films or changes are in: one that comes again adds nothing. */
  countedUpTo: number;
  changes: StepChanges;
  ended?: ExamEnd;
  /** How the user said that the step ends. */
  verdict?: 'COMPLETED' | 'DISCONTINUED';
  refusal?: StepRefusal;
  /** Retrieve AE Title by Series Instance UID. */
  retrieveAeTitles: Record<string, string>;
  /** Of the last change, ms since the epoch. */
  at: Millisecond;
}

const OWNER = 'mpps';
/** Steps that are over and still listed. */
const KEPT = 200;

export function isOver({ phase }: StepRecord): boolean {
  return phase === 'completed' || phase === 'discontinued';
}

export function newStep(exam: Exam, part: number): StepRecord {
  return {
    exam,
    part,
    phase: exam.emergency ? 'held' : 'new',
    created: false,
    series: [],
    films: [],
    countedUpTo: 0,
    changes: {},
    retrieveAeTitles: {},
    at: 0,
  };
}

/** Films of one kind and size counted together. */
export function withFilms(films: readonly FilmUse[], more: FilmUse): FilmUse[] {
  const same = (one: FilmUse) => one.mediumType === more.mediumType && one.filmSizeId === more.filmSizeId;
  if (!films.some(same)) return [...films, more];
  return films.map((one) => (same(one) ? { ...one, count: one.count + more.count } : one));
}

export function withChanges(before: StepChanges, more: StepChanges): StepChanges {
  return { ...before, ...more, supplies: [...(before.supplies ?? []), ...(more.supplies ?? [])] };
}

/** The steps in the archive's state records. */
export class StepStore {
  readonly #archive: Archive;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  async load(examId: string, part = 0): Promise<StepRecord | undefined> {
    const found = await this.#archive.loadState<StoredStep>(OWNER, keyOf(examId, part));
    return found && current(found);
  }

  /** All steps of one examination, its own first; [] when it is not known. */
  async ofExam(examId: string): Promise<StepRecord[]> {
    const own = await this.load(examId);
    if (!own) return [];
    const further = performedParts(own.exam).slice(1);
    const loaded = await Promise.all(further.map((_, index) => this.load(examId, index + 1)));
    return [own, ...loaded.filter((step) => step !== undefined)];
  }

  /** All that are known, the latest last. */
  async all(): Promise<StepRecord[]> {
    const found = await this.#archive.states<StoredStep>(OWNER);
    return found.map(({ value }) => current(value)).sort((a, b) => a.at - b.at);
  }

  async keep(step: StepRecord): Promise<void> {
    await this.#archive.saveState(OWNER, keyOf(step.exam.id, step.part), isOver(step) ? remembered(step) : step);
    if (isOver(step)) await this.#forget();
  }

  async #forget(): Promise<void> {
    const over = (await this.all()).filter(isOver);
    for (const { exam, part } of over.slice(0, Math.max(0, over.length - KEPT))) {
      await this.#archive.removeState(OWNER, keyOf(exam.id, part));
    }
  }
}

function keyOf(examId: string, part: number): string {
  return part === 0 ? examId : `${examId}/${part}`;
}

/** A step that is over is only listed: what its requests were made of may be long. */
function remembered(step: StepRecord): StepRecord {
  return { ...step, series: step.series.map((series) => ({ ...series, instances: [] })) };
}

/** Records of earlier versions lack what was not known then, and called the phases otherwise. */
type StoredStep = Omit<Partial<StepRecord>, 'phase'> & { exam: Exam; phase: StepPhase | 'created' | 'ending' };

function current(stored: StoredStep): StepRecord {
  const { phase } = stored;
  const created = phase === 'created' || phase === 'ending';
  return {
    ...newStep(stored.exam, 0),
    created,
    ...stored,
    sending: phase === 'ending' ? 'end' : stored.sending,
    phase: phase === 'created' || phase === 'ending' ? 'in progress' : phase,
  };
}
