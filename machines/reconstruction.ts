/** One reconstruction job. A kernel that failed is tried once more; bad data is not. */

import { assign, emit, setup } from 'xstate';
import { ScannerError } from '../hal/base/errors.js';
import {
  type Failure,
  failureOf,
  formerState,
  type Json,
  type RangeKind,
  type Recovered,
  type Unexpected,
} from './types.js';
import { unexpected } from './unexpected.js';
import { unprovided } from './unprovided.js';

export interface ReconstructionInput {
  jobId: string;
  examId: string;
  rangeId: string;
  kind: RangeKind;
  recovered?: Recovered<ReconstructionContext>;
}

export interface ReconstructionContext {
  jobId: string;
  examId: string;
  rangeId: string;
  kind: RangeKind;
  attempt: number;
  /** 0 to 1. */
  progress: number;
  result: Json;
  error: Failure | null;
  recoveredFrom: string | null;
}

export type ReconstructionEvent = { type: 'START' } | { type: 'CANCEL' } | { type: 'PROGRESSED'; fraction: number };

export interface RunReconstructionInput {
  jobId: string;
  examId: string;
  rangeId: string;
  kind: RangeKind;
  attempt: number;
  /** Tells how much is done, 0 to 1. */
  progress: (fraction: number) => void;
}

export interface InspectReconstructionInput {
  jobId: string;
  examId: string;
  rangeId: string;
}

/** `done`: the result is complete on disk. `resume`: run it (again). `discontinue`: its input is gone. */
export interface ReconstructionVerdict {
  decision: 'done' | 'resume' | 'discontinue';
  result: Json;
}

export interface ReconstructionOutput {
  jobId: string;
  outcome: 'done' | 'failed' | 'cancelled';
  result: Json;
  error?: Failure;
}

const ATTEMPT_LIMIT = 2;
/** A job in which the process ended this often is what ends it. */
const RESTART_LIMIT = 3;

export const reconstructionMachine = setup({
  types: {
    input: {} as ReconstructionInput,
    context: {} as ReconstructionContext,
    events: {} as ReconstructionEvent,
    output: {} as ReconstructionOutput,
    emitted: {} as Unexpected,
  },
  actors: {
    runReconstruction: unprovided<Json, RunReconstructionInput>('runReconstruction'),
    inspectReconstruction: unprovided<ReconstructionVerdict, InspectReconstructionInput>('inspectReconstruction'),
  },
  guards: {
    wasIn: ({ context }, state: string) => context.recoveredFrom === state,
    wasRecovered: ({ context }) => context.recoveredFrom !== null,
    mayTryAgain: ({ context }, { thrown }: { thrown: unknown }) =>
      failureOf(thrown).kind === 'native' && context.attempt < ATTEMPT_LIMIT,
    isWornOut: ({ context }) => context.attempt >= RESTART_LIMIT,
    found: (_, { decision, want }: { decision: string; want: string }) => decision === want,
  },
  actions: {
    reportUnexpected: emit(unexpected('reconstruction')),
    noteTry: assign({ attempt: ({ context }) => context.attempt + 1, progress: 0 }),
    noteProgress: assign((_, { fraction }: { fraction: number }) => ({ progress: Math.min(1, Math.max(0, fraction)) })),
    noteResult: assign((_, { result }: { result: Json }) => ({ result, progress: 1, error: null })),
    noteWornOut: assign({
      error: ({ context: { attempt } }) =>
        failureOf(
          new ScannerError('native.failed', {
            kernel: 'reconstruction',
            message: `the process ended in it ${attempt} times`,
          }),
        ),
    }),
    noteFailure: assign((_, { thrown }: { thrown: unknown }) => ({ error: failureOf(thrown) })),
  },
}).createMachine({
  id: 'reconstruction',
  context: ({ input }) => {
    const { recovered, ...job } = input;
    if (recovered) return { ...recovered.context, recoveredFrom: formerState(recovered) };
    return { ...job, attempt: 0, progress: 0, result: null, error: null, recoveredFrom: null };
  },
  initial: 'starting',
  output: ({ event }) => (event as unknown as { output: ReconstructionOutput }).output,
  on: {
    '*': { actions: 'reportUnexpected' },
    // the last of a run that was called off or had already ended
    PROGRESSED: { actions: [] },
  },
  states: {
    starting: {
      always: [
        { guard: { type: 'wasIn', params: 'done' }, target: 'done' },
        { guard: { type: 'wasIn', params: 'failed' }, target: 'failed' },
        { guard: { type: 'wasIn', params: 'cancelled' }, target: 'cancelled' },
        { guard: { type: 'wasIn', params: 'queued' }, target: 'queued' },
        { guard: 'wasRecovered', target: 'recovering' },
        { target: 'queued' },
      ],
    },
    recovering: {
      on: { CANCEL: 'cancelled' },
      invoke: {
        id: 'inspectReconstruction',
        src: 'inspectReconstruction',
        input: ({ context: { jobId, examId, rangeId } }) => ({ jobId, examId, rangeId }),
        onDone: [
          {
            guard: { type: 'found', params: ({ event }) => ({ decision: event.output.decision, want: 'done' }) },
            target: 'done',
            actions: { type: 'noteResult', params: ({ event }) => ({ result: event.output.result }) },
          },
          { guard: 'isWornOut', target: 'failed', actions: 'noteWornOut' },
          {
            guard: { type: 'found', params: ({ event }) => ({ decision: event.output.decision, want: 'resume' }) },
            target: 'queued',
          },
          { target: 'cancelled' },
        ],
        onError: {
          target: 'failed',
          actions: { type: 'noteFailure', params: ({ event }) => ({ thrown: event.error }) },
        },
      },
    },
    queued: { on: { START: 'running', CANCEL: 'cancelled' } },
    running: {
      entry: 'noteTry',
      on: {
        CANCEL: 'cancelled',
        PROGRESSED: {
          actions: { type: 'noteProgress', params: ({ event }) => ({ fraction: event.fraction }) },
        },
      },
      invoke: {
        id: 'runReconstruction',
        src: 'runReconstruction',
        input: ({ context: { jobId, examId, rangeId, kind, attempt }, self }) => ({
          jobId,
          examId,
          rangeId,
          kind,
          attempt,
          progress: (fraction) => self.send({ type: 'PROGRESSED', fraction }),
        }),
        onDone: {
          target: 'done',
          actions: { type: 'noteResult', params: ({ event }) => ({ result: event.output }) },
        },
        onError: [
          {
            guard: { type: 'mayTryAgain', params: ({ event }) => ({ thrown: event.error }) },
            target: 'running',
            reenter: true,
            actions: { type: 'noteFailure', params: ({ event }) => ({ thrown: event.error }) },
          },
          {
            target: 'failed',
            actions: { type: 'noteFailure', params: ({ event }) => ({ thrown: event.error }) },
          },
        ],
      },
    },
    done: { type: 'final', output: ({ context: { jobId, result } }) => ({ jobId, outcome: 'done' as const, result }) },
    failed: { type: 'final', output: ({ context }) => unfinished(context, 'failed') },
    cancelled: { type: 'final', output: ({ context }) => unfinished(context, 'cancelled') },
  },
});

function unfinished({ jobId, error }: ReconstructionContext, outcome: 'failed' | 'cancelled'): ReconstructionOutput {
  return error ? { jobId, outcome, result: null, error } : { jobId, outcome, result: null };
}
