/** Actors, guards and actions of the examination machine. */

import { assign, emit, sendTo, setup } from 'xstate';
import { acquisitionMachine } from './acquisition.js';
import type { AcquisitionOutput, MakeSafeInput } from './acquisition.types.js';
import {
  type AnnounceEndInput,
  type AnnounceStartInput,
  brokenAcquisition,
  CLOSE_LIMIT,
  type ExamContext,
  type ExamEvent,
  type ExamFact,
  type ExamInput,
  type ExamOutput,
  type ExamVerdict,
  type InspectExamInput,
  isComplete,
  nextReconstruction,
  queued,
  type ReconstructInput,
  reconciled,
  type StoreResultsInput,
  wasAcquiring,
  withReconstruction,
} from './exam.types.js';
import { blockersAfter, type SafetyEvent } from './hazards.js';
import { failureOf, type Json, type RangeKind, type Unexpected } from './types.js';
import { unexpected } from './unexpected.js';
import { unprovided } from './unprovided.js';

export const exam = setup({
  types: {
    input: {} as ExamInput,
    context: {} as ExamContext,
    events: {} as ExamEvent,
    output: {} as ExamOutput,
    emitted: {} as Unexpected | ExamFact,
  },
  actors: {
    acquisition: acquisitionMachine,
    announceStart: unprovided<Json, AnnounceStartInput>('announceStart'),
    reconstruct: unprovided<Json, ReconstructInput>('reconstruct'),
    storeResults: unprovided<Json, StoreResultsInput>('storeResults'),
    announceEnd: unprovided<Json, AnnounceEndInput>('announceEnd'),
    inspectExam: unprovided<ExamVerdict, InspectExamInput>('inspectExam'),
    makeSafe: unprovided<Json, MakeSafeInput>('makeSafe'),
  },
  delays: { closePause: 1000 },
  guards: {
    wasRecovered: ({ context }) => context.recoveredFrom !== null,
    wasFinal: ({ context }) => ['completed', 'discontinued'].includes(context.recoveredFrom ?? ''),
    wasAcquiring: ({ context }) => wasAcquiring(context),
    wasSecuring: ({ context }) => (context.recoveredFrom ?? '').includes('securing'),
    wasStoring: ({ context }) => context.recoveredFrom === 'storing',
    wasClosing: ({ context }) => ['closing', 'retryingClose'].includes(context.recoveredFrom ?? ''),
    wasRegistering: ({ context }) => context.recoveredFrom === 'registering',
    isAborted: ({ context }) => context.aborted || context.discontinue,
    isAcquired: ({ context }) => context.acquired !== null,
    hasResults: ({ context }) => (context.acquired?.completed.length ?? 0) > 0,
    hasReconstruction: ({ context }) => nextReconstruction(context) !== undefined,
    isComplete: ({ context }) => isComplete(context),
    mayStillClose: ({ context }) => context.closeAttempts < CLOSE_LIMIT,
    verdict: ({ context }, { found, want }: { found: ExamVerdict; want: 'ended' | 'dropped' | 'unstarted' }) => {
      if (want === 'ended') return found.ended;
      if (want === 'dropped') return found.decision === 'discontinue' || context.aborted;
      return !found.started;
    },
  },
  actions: {
    reportUnexpected: emit(unexpected('exam')),
    tell: emit(({ context }, { type, detail }: { type: ExamFact['type']; detail: Json }) => ({
      type,
      examId: context.examId,
      detail,
    })),
    noteBlocker: assign({ blockers: ({ context, event }) => blockersAfter(context.blockers, event as SafetyEvent) }),
    forward: sendTo('acquisition', ({ event }) => event as Exclude<ExamEvent, { type: 'RANGE_COMPLETED' }>),
    noteAbort: assign({ aborted: true }),
    noteStarted: assign({ started: true }),
    noteFailure: assign((_, { thrown }: { thrown: unknown }) => ({ error: failureOf(thrown) })),
    // an acquisition that had ended is not undone by what is found now
    noteVerdict: assign(({ context }, { found }: { found: ExamVerdict }) => ({
      started: found.started,
      ended: found.ended,
      discontinue: context.discontinue || (context.acquired === null && found.decision === 'discontinue'),
    })),
    giveUp: assign((_, { thrown }: { thrown: unknown }) => ({ discontinue: true, error: failureOf(thrown) })),
    queueReconstruction: assign({
      reconstructions: ({ context }, { rangeId, kind }: { rangeId: string; kind: RangeKind }) =>
        queued(context, rangeId, kind),
    }),
    noteReconstructed: assign(({ context }, { summary }: { summary: Json }) => ({
      reconstructions: withReconstruction(context, nextReconstruction(context)?.rangeId ?? '', {
        state: 'done',
        summary,
      }),
    })),
    noteUnreconstructed: assign(({ context }, { thrown }: { thrown: unknown }) => ({
      reconstructions: withReconstruction(context, nextReconstruction(context)?.rangeId ?? '', {
        state: 'failed',
        error: failureOf(thrown),
      }),
    })),
    noteAcquired: assign(({ context }, { acquired }: { acquired: AcquisitionOutput }) => ({
      acquired,
      error: acquired.error ?? context.error,
      reconstructions: reconciled(context, acquired),
      recoveredAcquisition: null,
    })),
    noteBroken: assign(({ context }, { thrown }: { thrown: unknown }) => {
      const error = failureOf(thrown);
      return { acquired: brokenAcquisition(context, error), error, recoveredAcquisition: null };
    }),
    noteStored: assign((_, { stored }: { stored: Json }) => ({ stored })),
    noteClose: assign({ closeAttempts: ({ context }) => context.closeAttempts + 1 }),
    noteEnded: assign({ ended: true }),
  },
});
