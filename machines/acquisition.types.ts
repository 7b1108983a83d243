/** Records of the acquisition machine, and the pure steps it takes on them. */

import { ScannerError } from '../hal/base/errors.js';
import { type Blocker, blocking, type HazardEvent, needs, type SafetyEvent } from './hazards.js';
import {
  type Failure,
  failureOf,
  formerState,
  type Json,
  type RangeKind,
  type RangeRef,
  type Recovered,
} from './types.js';

/** What every step actor of a range is given. */
export interface RangeInput {
  examId: string;
  rangeId: string;
  kind: RangeKind;
  /** 1 for the first go. */
  attempt: number;
  /** An interrupted PET range goes on where it stopped: what was acquired before counts. Never true for X-ray. */
  resume: boolean;
}

export interface MakeSafeInput {
  examId: string;
  /** Why, for the log and the trace. */
  reason: string;
}

export interface InspectHardwareInput {
  examId: string;
  rangeId: string;
  kind: RangeKind;
  /** The state the record was left in. */
  state: string;
}

/** `resume`: idle and sound. `makeSafe`: something moves or is armed, the exam may go on after. `discontinue`: it may not. */
export interface HardwareVerdict {
  decision: 'resume' | 'makeSafe' | 'discontinue';
  reason: string;
}

export const RANGE_STEPS = ['check', 'position', 'prepare', 'arm', 'scan', 'drain'] as const;
export type RangeStep = (typeof RANGE_STEPS)[number];

export interface RangeResult {
  rangeId: string;
  kind: RangeKind;
  attempts: number;
  steps: Partial<Record<RangeStep, Json>>;
}

export interface AcquisitionInput {
  examId: string;
  ranges: RangeRef[];
  /** Range to begin with; the ones before it count as not acquired. */
  resumeAt?: string;
  /** What stands in the way already. */
  blockers?: Blocker[];
  /** How long an interrupted range waits for the operator, wall ms. */
  interruptedLimitMs?: number;
  recovered?: Recovered<AcquisitionContext>;
  /** The process ended before this acquisition was first recorded: the scanner is looked at before anything starts. */
  unrecorded?: boolean;
  /** The recovered acquisition is to be made safe and ended. */
  discontinue?: boolean;
}

export interface AcquisitionContext {
  examId: string;
  ranges: RangeRef[];
  index: number;
  attempt: number;
  hold: boolean;
  blockers: Blocker[];
  /** What follows once the scanner is safe. */
  verdict: 'interrupted' | 'aborted' | 'failed';
  /** The interruption passes by itself (link, interlock) and the range is PET: it may go on without the operator. */
  selfResume: boolean;
  error: Failure | null;
  completed: string[];
  results: RangeResult[];
  safeAttempts: number;
  interruptedLimitMs: number;
  /** State name of the record this actor was restored from. */
  recoveredFrom: string | null;
}

export interface AcquisitionOutput {
  completed: string[];
  outcome: 'completed' | 'aborted' | 'failed';
  results: RangeResult[];
  error?: Failure;
}

/** Told to the parent when all data of a range are in. */
export interface RangeCompleted {
  type: 'RANGE_COMPLETED';
  rangeId: string;
  kind: RangeKind;
}

export type AcquisitionEvent =
  | { type: 'ABORT' }
  | { type: 'HOLD' }
  | { type: 'RESUME' }
  | { type: 'CONTINUE' }
  | SafetyEvent;

const DEFAULT_INTERRUPTED_LIMIT_MS = 600_000;

/** More restarts of a PET range without the operator than this mean that something is wrong with the scanner. */
export const SELF_RESUME_LIMIT = 3;
export const MAKE_SAFE_LIMIT = 3;

export function startContext(input: AcquisitionInput): AcquisitionContext {
  const context = input.recovered ? recoveredContext(input, input.recovered) : freshContext(input);
  if (!input.discontinue) return context;
  const error = context.error ?? failureOf(new ScannerError('operator.discontinued', { reason: 'after a restart' }));
  return { ...context, verdict: 'aborted', error };
}

function freshContext(input: AcquisitionInput): AcquisitionContext {
  const index = input.resumeAt === undefined ? 0 : input.ranges.findIndex((range) => range.id === input.resumeAt);
  const unknown = index < 0 ? failureOf(unknownRange(input)) : null;
  return {
    examId: input.examId,
    ranges: input.ranges,
    index: Math.max(0, index),
    attempt: 1,
    hold: false,
    blockers: input.blockers ?? [],
    verdict: unknown ? 'failed' : 'interrupted',
    selfResume: false,
    error: unknown,
    completed: [],
    results: [],
    safeAttempts: 0,
    interruptedLimitMs: input.interruptedLimitMs ?? DEFAULT_INTERRUPTED_LIMIT_MS,
    recoveredFrom: input.unrecorded ? 'unrecorded' : null,
  };
}

function recoveredContext(input: AcquisitionInput, recovered: Recovered<AcquisitionContext>): AcquisitionContext {
  const { context } = recovered;
  const recoveredFrom = formerState(recovered);
  return { ...context, blockers: input.blockers ?? [], safeAttempts: 0, recoveredFrom };
}

function unknownRange(input: AcquisitionInput): ScannerError {
  const known = input.ranges.map((range) => range.id).join(', ');
  return new ScannerError('operator.unknown', { what: 'range', name: input.resumeAt, known });
}

export function currentRange(context: AcquisitionContext): RangeRef | undefined {
  return context.ranges[context.index];
}

export function rangeInput(context: AcquisitionContext): RangeInput {
  const range = currentRange(context);
  if (!range) throw new ScannerError('bug.contract', { message: `no range ${context.index} in ${context.examId}` });
  const resume = range.kind === 'pet' && context.attempt > 1;
  return { examId: context.examId, rangeId: range.id, kind: range.kind, attempt: context.attempt, resume };
}

export function isBlocked(context: AcquisitionContext): boolean {
  return blocking(currentRange(context), context.blockers).length > 0;
}

/** Whether the range goes on by itself now that `blockers` are left. */
export function resumesItself(context: AcquisitionContext, blockers: readonly Blocker[] = context.blockers): boolean {
  const range = currentRange(context);
  return (
    context.selfResume &&
    range?.kind === 'pet' &&
    context.attempt < SELF_RESUME_LIMIT &&
    blocking(range, blockers).length === 0
  );
}

/** Whether `event` concerns what is being acquired. */
export function concerns(context: AcquisitionContext, event: HazardEvent): boolean {
  if (event.type === 'LINK_LOST' || event.type === 'FAULT') return needs(currentRange(context), event.device);
  return true;
}

export function hazardError(event: HazardEvent): ScannerError {
  switch (event.type) {
    case 'INTERLOCK_OPENED':
      return new ScannerError('interlock.open', { reason: event.reason });
    case 'EMERGENCY_STOPPED':
      return new ScannerError('interlock.stop');
    case 'LINK_LOST':
      return new ScannerError('link.closed', { device: event.device });
    case 'FAULT':
      return new ScannerError('device.fault', { device: event.device, fault: event.code });
  }
}

/** The results with `summary` noted for `step` of the current range. */
export function withStep(context: AcquisitionContext, step: RangeStep, summary: Json): RangeResult[] {
  const { rangeId, kind, attempt } = rangeInput(context);
  const known = context.results.find((result) => result.rangeId === rangeId);
  const next: RangeResult = { rangeId, kind, attempts: attempt, steps: { ...known?.steps, [step]: summary } };
  return [...context.results.filter((result) => result.rangeId !== rangeId), next];
}

export function acquisitionOutput(
  context: AcquisitionContext,
  outcome: AcquisitionOutput['outcome'],
): AcquisitionOutput {
  const { completed, results, error } = context;
  return outcome !== 'completed' && error ? { completed, outcome, results, error } : { completed, outcome, results };
}

/** Whether a link or interlock fact that comes after `error` may be what caused it: then it passes when they come back. */
export function explainedByHazard(error: Failure | null): boolean {
  return error !== null && ['link', 'interlock', 'timeout'].includes(error.kind);
}

/** What follows once a recovered scanner is safe. An abort or failure decided before the process ended stands. */
export function afterInspection(context: AcquisitionContext, found: HardwareVerdict): Partial<AcquisitionContext> {
  if (context.verdict !== 'interrupted') return {};
  const error = context.error ?? failureOf(new ScannerError('operator.discontinued', { reason: found.reason }));
  if (found.decision === 'discontinue') return { verdict: 'aborted', selfResume: false, error };
  const wasWaiting = context.recoveredFrom === 'interrupted';
  return { selfResume: wasWaiting ? context.selfResume : found.decision === 'resume', error };
}

/** Whether the scanner cannot answer yet but may once its link is back. An abort does not wait for that. */
export function waitsForLink(context: AcquisitionContext): boolean {
  return context.verdict === 'interrupted' && context.blockers.some((blocker) => blocker.startsWith('link:'));
}
