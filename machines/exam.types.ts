/** Records of the examination machine, and the pure steps it takes on them. */

import type { AcquisitionContext, AcquisitionInput, AcquisitionOutput, RangeResult } from './acquisition.types.js';
import type { Blocker, SafetyEvent } from './hazards.js';
import { type Failure, formerState, type Json, type RangeKind, type RangeRef, type Recovered } from './types.js';

export interface ExamInput {
  examId: string;
  ranges: RangeRef[];
  blockers?: Blocker[];
  interruptedLimitMs?: number;
  recovered?: RecoveredExam;
}

/** The record of an exam, and that of its acquisition if it had one. */
export interface RecoveredExam extends Recovered<ExamContext> {
  acquisition?: Recovered<AcquisitionContext>;
}

export interface ReconstructionState {
  rangeId: string;
  kind: RangeKind;
  state: 'queued' | 'done' | 'failed';
  summary: Json;
  error: Failure | null;
}

export interface ExamContext {
  examId: string;
  ranges: RangeRef[];
  blockers: Blocker[];
  interruptedLimitMs: number | null;
  /** MPPS N-CREATE stands in the outbox. */
  started: boolean;
  /** MPPS N-SET with the final status stands in the outbox. */
  ended: boolean;
  aborted: boolean;
  error: Failure | null;
  acquired: AcquisitionOutput | null;
  reconstructions: ReconstructionState[];
  stored: Json;
  closeAttempts: number;
  recoveredFrom: string | null;
  recoveredAcquisition: Recovered<AcquisitionContext> | null;
  /** The recovered exam is to be made safe and ended. */
  discontinue: boolean;
}

export interface AnnounceStartInput {
  examId: string;
}

export interface StoreResultsInput {
  examId: string;
  completed: string[];
  reconstructed: string[];
  failed: string[];
}

export interface AnnounceEndInput {
  examId: string;
  status: 'COMPLETED' | 'DISCONTINUED';
  /** False when the start was never announced: then the step is to be created and ended. */
  started: boolean;
  completed: string[];
  results: RangeResult[];
  error: Failure | null;
}

export interface ReconstructInput {
  examId: string;
  rangeId: string;
  kind: RangeKind;
}

export interface InspectExamInput {
  examId: string;
  state: string;
}

/** What the archive and its outbox know of the exam, and whether it may go on. */
export interface ExamVerdict {
  decision: 'resume' | 'discontinue';
  started: boolean;
  ended: boolean;
}

export interface ExamOutput {
  examId: string;
  status: 'completed' | 'discontinued';
  /** False when the end could not be put into the outbox. */
  announced: boolean;
  completed: string[];
  results: RangeResult[];
  reconstructions: ReconstructionState[];
  stored: Json;
  error?: Failure;
}

export type ExamEvent =
  | { type: 'ABORT' }
  | { type: 'HOLD' }
  | { type: 'RESUME' }
  | { type: 'CONTINUE' }
  | { type: 'RANGE_COMPLETED'; rangeId: string; kind: RangeKind }
  | SafetyEvent;

/** Emitted at each turn of the exam. */
export interface ExamFact {
  type: 'exam.started' | 'exam.acquired' | 'exam.reconstructed' | 'exam.stored' | 'exam.ended' | 'exam.failed';
  examId: string;
  detail: Json;
}

export const CLOSE_LIMIT = 5;

export function startExam(input: ExamInput): ExamContext {
  if (input.recovered) {
    return {
      ...input.recovered.context,
      blockers: input.blockers ?? [],
      closeAttempts: 0,
      recoveredFrom: formerState(input.recovered),
      recoveredAcquisition: input.recovered.acquisition ?? null,
    };
  }
  return {
    examId: input.examId,
    ranges: input.ranges,
    blockers: input.blockers ?? [],
    interruptedLimitMs: input.interruptedLimitMs ?? null,
    started: false,
    ended: false,
    aborted: false,
    error: null,
    acquired: null,
    reconstructions: [],
    stored: null,
    closeAttempts: 0,
    recoveredFrom: null,
    recoveredAcquisition: null,
    discontinue: false,
  };
}

/** Whether the process ended while the scanner may have been at work for this exam. */
export function wasAcquiring(context: ExamContext): boolean {
  return context.acquired === null && (context.recoveredFrom ?? '').includes('acquiring');
}

export function acquisitionInput(context: ExamContext): AcquisitionInput {
  const { examId, ranges, blockers } = context;
  const discontinue = context.discontinue || context.aborted;
  const limit = context.interruptedLimitMs === null ? {} : { interruptedLimitMs: context.interruptedLimitMs };
  const plain: AcquisitionInput = { examId, ranges, blockers, ...limit };
  if (!wasAcquiring(context)) return plain;
  // the exam's record may be a step ahead of its acquisition's: then the acquisition had only begun
  const recovered = context.recoveredAcquisition;
  return recovered ? { ...plain, recovered, discontinue } : { ...plain, unrecorded: true, discontinue };
}

export function nextReconstruction(context: ExamContext): ReconstructionState | undefined {
  return context.reconstructions.find((job) => job.state === 'queued');
}

export function withReconstruction(
  context: ExamContext,
  rangeId: string,
  change: Partial<ReconstructionState>,
): ReconstructionState[] {
  return context.reconstructions.map((job) => (job.rangeId === rangeId ? { ...job, ...change } : job));
}

/** A range completed again (an interruption between its data and its record) is reconstructed again. */
export function queued(context: ExamContext, rangeId: string, kind: RangeKind): ReconstructionState[] {
  const job: ReconstructionState = { rangeId, kind, state: 'queued', summary: null, error: null };
  return [...context.reconstructions.filter((known) => known.rangeId !== rangeId), job];
}

export function storeInput(context: ExamContext): StoreResultsInput {
  const named = (state: ReconstructionState['state']) =>
    context.reconstructions.filter((job) => job.state === state).map((job) => job.rangeId);
  return {
    examId: context.examId,
    completed: context.acquired?.completed ?? [],
    reconstructed: named('done'),
    failed: [...named('failed'), ...named('queued')],
  };
}

/** The reconstructions once the acquisition has ended: what it completed and the exam had not yet heard of is queued. */
export function reconciled(context: ExamContext, acquired: AcquisitionOutput): ReconstructionState[] {
  const known = new Set(context.reconstructions.map((job) => job.rangeId));
  const unheard = context.ranges.filter(({ id }) => acquired.completed.includes(id) && !known.has(id));
  const jobs = unheard.map(
    ({ id, kind }): ReconstructionState => ({ rangeId: id, kind, state: 'queued', summary: null, error: null }),
  );
  return [...context.reconstructions, ...jobs];
}

/** The output of an acquisition whose machine itself broke down. */
export function brokenAcquisition(context: ExamContext, error: Failure): AcquisitionOutput {
  return { completed: context.reconstructions.map((job) => job.rangeId), outcome: 'failed', results: [], error };
}

export function isComplete(context: ExamContext): boolean {
  return !context.aborted && !context.discontinue && context.acquired?.outcome === 'completed';
}

export function endInput(context: ExamContext): AnnounceEndInput {
  return {
    examId: context.examId,
    status: isComplete(context) ? 'COMPLETED' : 'DISCONTINUED',
    started: context.started,
    completed: context.acquired?.completed ?? [],
    results: context.acquired?.results ?? [],
    error: context.error,
  };
}

export function examOutput(context: ExamContext): ExamOutput {
  const { examId, reconstructions, stored, ended, error } = context;
  return {
    examId,
    status: isComplete(context) ? 'completed' : 'discontinued',
    announced: ended,
    completed: context.acquired?.completed ?? [],
    results: context.acquired?.results ?? [],
    reconstructions,
    stored,
    ...(error ? { error } : {}),
  };
}
