/**
 * The queue of one film camera: films are printed one after the other, each copy by itself. A film that the camera may or
 * may not have printed stops the queue: a person looks into the magazine and says what to do.
 */

import { assign, emit, setup } from 'xstate';
import {
  type FilmQueueContext,
  type FilmQueueEvent,
  type FilmQueueInput,
  type FilmVerdict,
  type InspectFilmsInput,
  type PrintFilmInput,
  type PrintVerdict,
  type QueueStop,
  startFilmQueue,
  unreachable,
  withCopy,
  withFilm,
  withoutFilm,
} from './film.types.js';
import { failureOf, type Unexpected } from './types.js';
import { unexpected } from './unexpected.js';
import { unprovided } from './unprovided.js';

const DOUBT = 'The camera was told to print this film and did not answer: look whether it came out.';

const thrownOf = ({ event }: { event: { error: unknown } }) => ({ thrown: event.error });
const filmOf = ({ event }: { event: { film: { jobId: string; copies: number; printed: number } } }) => ({
  film: event.film,
});
const jobOf = ({ event }: { event: { jobId: string } }) => ({ jobId: event.jobId });
const byOperator = {
  type: 'noteStop',
  params: { by: 'operator', message: 'Stopped by the operator.', jobId: null },
} as const;
const byCamera = {
  type: 'noteStop',
  params: ({ event }: { event: { message: string } }): QueueStop => ({
    by: 'camera',
    message: event.message,
    jobId: null,
  }),
} as const;
const add = { type: 'noteFilm', params: filmOf } as const;
const remove = { type: 'noteRemoved', params: jobOf } as const;

export const filmQueueMachine = setup({
  types: {
    input: {} as FilmQueueInput,
    context: {} as FilmQueueContext,
    events: {} as FilmQueueEvent,
    emitted: {} as Unexpected,
  },
  actors: {
    inspectFilms: unprovided<FilmVerdict, InspectFilmsInput>('inspectFilms'),
    printFilm: unprovided<PrintVerdict, PrintFilmInput>('printFilm'),
  },
  delays: {
    backOff: ({ context }) =>
      Math.min(context.longestPauseMs, context.firstPauseMs * 2 ** Math.max(0, context.attempts - 1)),
  },
  guards: {
    isStopped: ({ context }) => context.stop !== null,
    hasFilms: ({ context }) => context.films.length > 0,
    isDoubtful: (_, { verdict }: { verdict: FilmVerdict }) => verdict.doubtful !== null,
    isPrinted: (_, { verdict }: { verdict: PrintVerdict }) => verdict.kind === 'printed',
    mayTryAgain: ({ context }, { thrown }: { thrown: unknown }) =>
      failureOf(thrown).retry && context.attempts < context.attemptLimit,
  },
  actions: {
    reportUnexpected: emit(unexpected('film')),
    noteFilm: assign(({ context }, { film }: { film: FilmQueueContext['films'][number] }) => ({
      films: withFilm(context.films, film),
    })),
    noteRemoved: assign(({ context }, { jobId }: { jobId: string }) => ({ films: withoutFilm(context.films, jobId) })),
    noteRecords: assign((_, { verdict }: { verdict: FilmVerdict }) => ({ films: verdict.films })),
    noteDoubt: assign((_, { verdict }: { verdict: FilmVerdict }) => ({
      stop: { by: 'doubt', message: DOUBT, jobId: verdict.doubtful } satisfies QueueStop,
    })),
    noteStop: assign((_, stop: QueueStop) => ({ stop })),
    noteVerdict: assign(({ context }, { verdict }: { verdict: PrintVerdict }) => {
      if (verdict.kind === 'printed') return {};
      const by = verdict.kind === 'doubtful' ? 'doubt' : 'film';
      return { stop: { by, message: verdict.message, jobId: context.films[0]?.jobId ?? null } satisfies QueueStop };
    }),
    noteUnreachable: assign(({ context }, { thrown }: { thrown: unknown }) => ({ stop: unreachable(context, thrown) })),
    clearStop: assign({ stop: null, attempts: 0, error: null }),
    noteCopy: assign(({ context }) => ({ films: withCopy(context.films), attempts: 0, error: null })),
    noteFailure: assign(({ context }, { thrown }: { thrown: unknown }) => ({
      error: failureOf(thrown),
      attempts: context.attempts + 1,
    })),
  },
}).createMachine({
  id: 'film',
  context: ({ input }) => startFilmQueue(input),
  initial: 'recovering',
  on: { '*': { actions: 'reportUnexpected' } },
  states: {
    /** The films' own records are newer than the machine's. What changes meanwhile has them read anew. */
    recovering: {
      on: {
        ADD: { target: 'recovering', reenter: true },
        REMOVE: { target: 'recovering', reenter: true },
        STOP: { target: 'recovering', reenter: true, actions: byOperator },
        CONTINUE: { target: 'recovering', reenter: true, actions: 'clearStop' },
        CAMERA_STOPPED: { target: 'recovering', reenter: true, actions: byCamera },
      },
      invoke: {
        id: 'inspectFilms',
        src: 'inspectFilms',
        input: ({ context: { camera } }) => ({ camera }),
        onDone: [
          {
            guard: { type: 'isDoubtful', params: ({ event }) => ({ verdict: event.output }) },
            target: 'stopped',
            actions: [
              { type: 'noteRecords', params: ({ event }) => ({ verdict: event.output }) },
              { type: 'noteDoubt', params: ({ event }) => ({ verdict: event.output }) },
            ],
          },
          {
            target: 'choosing',
            actions: { type: 'noteRecords', params: ({ event }) => ({ verdict: event.output }) },
          },
        ],
        onError: { target: 'stopped', actions: { type: 'noteUnreachable', params: thrownOf } },
      },
    },
    choosing: {
      always: [
        { guard: 'isStopped', target: 'stopped' },
        { guard: 'hasFilms', target: 'printing' },
        { target: 'idle' },
      ],
    },
    idle: {
      on: {
        ADD: { target: 'choosing', actions: add },
        REMOVE: { actions: remove },
        STOP: { target: 'stopped', actions: byOperator },
        CONTINUE: {},
        CAMERA_STOPPED: { target: 'stopped', actions: byCamera },
      },
    },
    /** A stop comes into force after the film under way. */
    printing: {
      on: {
        ADD: { actions: add },
        REMOVE: { actions: remove },
        STOP: { actions: byOperator },
        CONTINUE: { actions: 'clearStop' },
        CAMERA_STOPPED: { actions: byCamera },
      },
      invoke: {
        id: 'printFilm',
        src: 'printFilm',
        input: ({ context: { camera, films } }) => ({ camera, jobId: films[0]?.jobId ?? '' }),
        onDone: [
          {
            guard: { type: 'isPrinted', params: ({ event }) => ({ verdict: event.output }) },
            target: 'choosing',
            actions: 'noteCopy',
          },
          {
            target: 'stopped',
            actions: { type: 'noteVerdict', params: ({ event }) => ({ verdict: event.output }) },
          },
        ],
        onError: [
          {
            guard: { type: 'mayTryAgain', params: thrownOf },
            target: 'backingOff',
            actions: { type: 'noteFailure', params: thrownOf },
          },
          { target: 'stopped', actions: { type: 'noteUnreachable', params: thrownOf } },
        ],
      },
    },
    backingOff: {
      always: { guard: 'isStopped', target: 'stopped' },
      after: { backOff: 'choosing' },
      on: {
        ADD: { actions: add },
        REMOVE: { target: 'choosing', actions: remove },
        STOP: { target: 'stopped', actions: byOperator },
        CONTINUE: 'choosing',
        CAMERA_STOPPED: { target: 'stopped', actions: byCamera },
      },
    },
    stopped: {
      on: {
        ADD: { actions: add },
        REMOVE: { actions: remove },
        STOP: {},
        CONTINUE: { target: 'recovering', actions: 'clearStop' },
        CAMERA_STOPPED: {},
      },
    },
  },
});
