/**
 * One examination, from the announcement of its start to that of its end, which is made exactly once whatever
 * happened between. Completed ranges are reconstructed one by one while later ones are acquired.
 */

import { exam } from './exam.setup.js';
import {
  acquisitionInput,
  type ExamVerdict,
  endInput,
  examOutput,
  nextReconstruction,
  startExam,
  storeInput,
} from './exam.types.js';
import type { Json } from './types.js';

const thrownOf = ({ event }: { event: { error: unknown } }) => ({ thrown: event.error });
const failed = { type: 'tell', params: { type: 'exam.failed', detail: null } } as const;
const want =
  (what: 'ended' | 'dropped' | 'unstarted') =>
  ({ event }: { event: { output: ExamVerdict } }) => ({ found: event.output, want: what });
const told =
  <T extends 'exam.started' | 'exam.reconstructed' | 'exam.stored' | 'exam.ended'>(type: T) =>
  ({ event }: { event: { output: Json } }) => ({ type, detail: event.output });

export const examMachine = exam.createMachine({
  id: 'exam',
  context: ({ input }) => startExam(input),
  initial: 'starting',
  output: ({ context }) => examOutput(context),
  on: {
    '*': { actions: 'reportUnexpected' },
    INTERLOCK_OPENED: { actions: 'noteBlocker' },
    EMERGENCY_STOPPED: { actions: 'noteBlocker' },
    LINK_LOST: { actions: 'noteBlocker' },
    INTERLOCK_CLOSED: { actions: 'noteBlocker' },
    LINK_RESTORED: { actions: 'noteBlocker' },
    FAULT: { actions: 'noteBlocker' },
  },
  states: {
    starting: {
      always: [
        { guard: 'wasFinal', target: 'finished' },
        { guard: 'wasRecovered', target: 'recovering' },
        { target: 'registering' },
      ],
    },
    /** A process ended in the midst of this exam. What was announced is asked of the archive, never guessed. */
    recovering: {
      on: { ABORT: { actions: 'noteAbort' } },
      invoke: {
        id: 'inspectExam',
        src: 'inspectExam',
        input: ({ context }) => ({ examId: context.examId, state: context.recoveredFrom ?? '' }),
        onDone: [
          { guard: { type: 'verdict', params: want('ended') }, target: 'finished', actions: noteVerdict() },
          { guard: 'wasAcquiring', target: 'working', actions: noteVerdict() },
          { guard: 'wasSecuring', target: 'working', actions: noteVerdict() },
          { guard: 'wasClosing', target: 'closing', actions: noteVerdict() },
          { guard: 'wasStoring', target: 'storing', actions: noteVerdict() },
          { guard: { type: 'verdict', params: want('dropped') }, target: 'leaving', actions: noteVerdict() },
          { guard: { type: 'verdict', params: want('unstarted') }, target: 'registering', actions: noteVerdict() },
          { target: 'working', actions: noteVerdict() },
        ],
        onError: [
          { guard: 'wasAcquiring', target: 'working', actions: { type: 'giveUp', params: thrownOf } },
          { guard: 'wasSecuring', target: 'working', actions: { type: 'giveUp', params: thrownOf } },
          { target: 'leaving', actions: { type: 'giveUp', params: thrownOf } },
        ],
      },
    },
    registering: {
      on: { ABORT: { actions: 'noteAbort' } },
      invoke: {
        id: 'announceStart',
        src: 'announceStart',
        input: ({ context }) => ({ examId: context.examId }),
        onDone: [
          {
            guard: 'isAborted',
            target: 'leaving',
            actions: ['noteStarted', { type: 'tell', params: told('exam.started') }],
          },
          { target: 'working', actions: ['noteStarted', { type: 'tell', params: told('exam.started') }] },
        ],
        onError: { target: 'leaving', actions: [{ type: 'noteFailure', params: thrownOf }, failed] },
      },
    },
    working: {
      type: 'parallel',
      on: {
        RANGE_COMPLETED: {
          actions: {
            type: 'queueReconstruction',
            params: ({ event }) => ({ rangeId: event.rangeId, kind: event.kind }),
          },
        },
        // nothing is being acquired any more: the operator calls off the reconstructions
        ABORT: { target: 'leaving', actions: 'noteAbort' },
      },
      onDone: 'leaving',
      states: {
        acquisition: {
          initial: 'beginning',
          onDone: { actions: [] },
          states: {
            beginning: {
              always: [
                { guard: 'wasSecuring', target: 'securing' },
                { guard: 'isAcquired', target: 'acquired' },
                { target: 'acquiring' },
              ],
            },
            acquiring: {
              on: {
                ABORT: { actions: ['noteAbort', 'forward'] },
                HOLD: { actions: 'forward' },
                RESUME: { actions: 'forward' },
                CONTINUE: { actions: 'forward' },
                INTERLOCK_OPENED: { actions: ['noteBlocker', 'forward'] },
                EMERGENCY_STOPPED: { actions: ['noteBlocker', 'forward'] },
                LINK_LOST: { actions: ['noteBlocker', 'forward'] },
                INTERLOCK_CLOSED: { actions: ['noteBlocker', 'forward'] },
                LINK_RESTORED: { actions: ['noteBlocker', 'forward'] },
                FAULT: { actions: ['noteBlocker', 'forward'] },
              },
              invoke: {
                id: 'acquisition',
                src: 'acquisition',
                input: ({ context }) => acquisitionInput(context),
                onDone: {
                  target: 'acquired',
                  actions: [
                    { type: 'noteAcquired', params: ({ event }) => ({ acquired: event.output }) },
                    {
                      type: 'tell',
                      params: ({ event }) => ({ type: 'exam.acquired', detail: event.output.outcome }),
                    },
                  ],
                },
                onError: { target: 'securing', actions: [{ type: 'noteBroken', params: thrownOf }, failed] },
              },
            },
            /** The acquisition machine itself broke: nobody else has switched the beam off. */
            securing: {
              invoke: {
                id: 'makeSafe',
                src: 'makeSafe',
                input: ({ context }) => ({ examId: context.examId, reason: context.error?.code ?? 'bug.unexpected' }),
                onDone: 'acquired',
                onError: { target: 'acquired', actions: failed },
              },
              on: { ABORT: { actions: 'noteAbort' } },
            },
            acquired: { type: 'final' },
          },
        },
        reconstruction: {
          initial: 'waiting',
          onDone: { actions: [] },
          states: {
            waiting: {
              always: [
                { guard: 'hasReconstruction', target: 'reconstructing' },
                { guard: 'isAcquired', target: 'settled' },
              ],
            },
            reconstructing: {
              invoke: {
                id: 'reconstruct',
                src: 'reconstruct',
                input: ({ context }) => {
                  const job = nextReconstruction(context);
                  return { examId: context.examId, rangeId: job?.rangeId ?? '', kind: job?.kind ?? 'ct' };
                },
                onDone: {
                  target: 'waiting',
                  actions: [
                    { type: 'noteReconstructed', params: ({ event }) => ({ summary: event.output }) },
                    { type: 'tell', params: told('exam.reconstructed') },
                  ],
                },
                onError: {
                  target: 'waiting',
                  actions: [{ type: 'noteUnreconstructed', params: thrownOf }, failed],
                },
              },
            },
            settled: { type: 'final' },
          },
        },
      },
    },
    leaving: { always: [{ guard: 'hasResults', target: 'storing' }, { target: 'closing' }] },
    storing: {
      invoke: {
        id: 'storeResults',
        src: 'storeResults',
        input: ({ context }) => storeInput(context),
        onDone: {
          target: 'closing',
          actions: [
            { type: 'noteStored', params: ({ event }) => ({ stored: event.output }) },
            { type: 'tell', params: told('exam.stored') },
          ],
        },
        onError: { target: 'closing', actions: [{ type: 'noteFailure', params: thrownOf }, failed] },
      },
    },
    closing: {
      entry: 'noteClose',
      invoke: {
        id: 'announceEnd',
        src: 'announceEnd',
        input: ({ context }) => endInput(context),
        onDone: { target: 'finished', actions: ['noteEnded', { type: 'tell', params: told('exam.ended') }] },
        onError: [
          { guard: 'mayStillClose', target: 'retryingClose' },
          { target: 'finished', actions: [{ type: 'noteFailure', params: thrownOf }, failed] },
        ],
      },
    },
    retryingClose: { after: { closePause: 'closing' } },
    finished: { always: [{ guard: 'isComplete', target: 'completed' }, { target: 'discontinued' }] },
    completed: { type: 'final' },
    discontinued: { type: 'final' },
  },
});

function noteVerdict() {
  return {
    type: 'noteVerdict',
    params: ({ event }: { event: { output: ExamVerdict } }) => ({ found: event.output }),
  } as const;
}
