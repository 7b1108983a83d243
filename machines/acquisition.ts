/**
 * Acquires the ranges of an examination one after the other. Whatever goes wrong in a state with beam or motion
 * passes `makingSafe` before the machine rests. A PET range whose link or interlock came back goes on by itself;
 * an X-ray range waits for the operator's CONTINUE.
 */

import { acquisition } from './acquisition.setup.js';
import {
  type AcquisitionOutput,
  acquisitionOutput,
  type RangeStep,
  rangeInput,
  startContext,
} from './acquisition.types.js';
import type { Json } from './types.js';

const thrownOf = ({ event }: { event: { error: unknown } }) => ({ thrown: event.error });
const stepOf =
  (step: RangeStep) =>
  ({ event }: { event: { output: Json } }) => ({ step, summary: event.output });

export const acquisitionMachine = acquisition.createMachine({
  id: 'acquisition',
  context: ({ input }) => startContext(input),
  initial: 'starting',
  output: ({ event }) => (event as unknown as { output: AcquisitionOutput }).output,
  on: { '*': { actions: 'reportUnexpected' } },
  states: {
    starting: {
      always: [
        { guard: { type: 'wasIn', params: ['completed'] }, target: 'completed' },
        { guard: { type: 'wasIn', params: ['aborted'] }, target: 'aborted' },
        { guard: { type: 'wasIn', params: ['failed'] }, target: 'failed' },
        { guard: 'wasRecovered', target: 'recovering' },
        { guard: 'fails', target: 'failed' },
        { target: 'running' },
      ],
    },
    /** A process ended in the midst of this acquisition. Nothing is assumed; whatever may be on is switched off. */
    recovering: {
      invoke: {
        id: 'inspectHardware',
        src: 'inspectHardware',
        input: ({ context }) => {
          const { examId, rangeId, kind } = rangeInput(context);
          return { examId, rangeId, kind, state: context.recoveredFrom ?? '' };
        },
        onDone: {
          target: 'makingSafe',
          actions: { type: 'noteVerdict', params: ({ event }) => ({ verdict: event.output }) },
        },
        onError: { target: 'makingSafe', actions: { type: 'noteUnsafe', params: thrownOf } },
      },
      on: {
        ABORT: { target: 'makingSafe', actions: 'noteAbort' },
        INTERLOCK_OPENED: { actions: 'noteBlocker' },
        EMERGENCY_STOPPED: { actions: 'noteBlocker' },
        LINK_LOST: { actions: 'noteBlocker' },
        INTERLOCK_CLOSED: { actions: 'noteBlocker' },
        LINK_RESTORED: { actions: 'noteBlocker' },
        FAULT: { actions: 'noteBlocker' },
      },
    },
    running: {
      initial: 'next',
      on: {
        ABORT: { target: 'makingSafe', actions: 'noteAbort' },
        HOLD: { actions: 'setHold' },
        RESUME: { actions: 'clearHold' },
        INTERLOCK_OPENED: { target: 'makingSafe', actions: ['noteBlocker', 'noteHazard'] },
        EMERGENCY_STOPPED: { target: 'makingSafe', actions: ['noteBlocker', 'noteHazard'] },
        LINK_LOST: [
          { guard: 'concerns', target: 'makingSafe', actions: ['noteBlocker', 'noteHazard'] },
          { actions: 'noteBlocker' },
        ],
        FAULT: [{ guard: 'concerns', target: 'makingSafe', actions: 'noteHazard' }, { actions: 'noteBlocker' }],
        INTERLOCK_CLOSED: { actions: 'noteBlocker' },
        LINK_RESTORED: { actions: 'noteBlocker' },
      },
      states: {
        next: {
          always: [
            { guard: 'isDone', target: '#acquisition.completed' },
            { guard: 'isHeld', target: 'held' },
            { guard: 'isBlocked', target: '#acquisition.makingSafe', actions: 'noteBlocked' },
            { target: 'checking' },
          ],
        },
        held: {
          on: { RESUME: { target: 'next', actions: 'clearHold' } },
        },
        checking: {
          invoke: {
            id: 'checkRange',
            src: 'checkRange',
            input: ({ context }) => rangeInput(context),
            onDone: { target: 'positioning', actions: { type: 'noteStep', params: stepOf('check') } },
            onError: { target: '#acquisition.makingSafe', actions: { type: 'noteFailure', params: thrownOf } },
          },
        },
        positioning: {
          invoke: {
            id: 'positionRange',
            src: 'positionRange',
            input: ({ context }) => rangeInput(context),
            onDone: { target: 'preparing', actions: { type: 'noteStep', params: stepOf('position') } },
            onError: { target: '#acquisition.makingSafe', actions: { type: 'noteFailure', params: thrownOf } },
          },
        },
        preparing: {
          invoke: {
            id: 'prepareRange',
            src: 'prepareRange',
            input: ({ context }) => rangeInput(context),
            onDone: { target: 'arming', actions: { type: 'noteStep', params: stepOf('prepare') } },
            onError: { target: '#acquisition.makingSafe', actions: { type: 'noteFailure', params: thrownOf } },
          },
        },
        arming: {
          invoke: {
            id: 'armRange',
            src: 'armRange',
            input: ({ context }) => rangeInput(context),
            onDone: { target: 'scanning', actions: { type: 'noteStep', params: stepOf('arm') } },
            onError: { target: '#acquisition.makingSafe', actions: { type: 'noteFailure', params: thrownOf } },
          },
        },
        scanning: {
          invoke: {
            id: 'scanRange',
            src: 'scanRange',
            input: ({ context }) => rangeInput(context),
            onDone: { target: 'draining', actions: { type: 'noteStep', params: stepOf('scan') } },
            onError: { target: '#acquisition.makingSafe', actions: { type: 'noteFailure', params: thrownOf } },
          },
        },
        draining: {
          invoke: {
            id: 'drainRange',
            src: 'drainRange',
            input: ({ context }) => rangeInput(context),
            onDone: { target: 'next', actions: [{ type: 'noteStep', params: stepOf('drain') }, 'completeRange'] },
            onError: { target: '#acquisition.makingSafe', actions: { type: 'noteFailure', params: thrownOf } },
          },
        },
      },
    },
    /**
     * Beam off and halt, again until the scanner says yes or the tries are used up; a device whose link is lost is
     * waited for. The device's own watchdog does not wait for any of this.
     */
    makingSafe: {
      initial: 'stopping',
      after: { interruptedLimit: { target: 'failed', actions: 'noteExpired' } },
      on: {
        ABORT: { actions: 'noteAbort' },
        INTERLOCK_OPENED: { actions: ['noteBlocker', 'noteLaterHazard'] },
        EMERGENCY_STOPPED: { actions: ['noteBlocker', 'noteLaterHazard'] },
        LINK_LOST: { actions: ['noteBlocker', 'noteLaterHazard'] },
        FAULT: { actions: 'noteLaterHazard' },
        INTERLOCK_CLOSED: { actions: 'noteBlocker' },
        LINK_RESTORED: { actions: 'noteBlocker' },
      },
      states: {
        stopping: {
          entry: 'noteTry',
          invoke: {
            id: 'makeSafe',
            src: 'makeSafe',
            input: ({ context }) => ({ examId: context.examId, reason: context.error?.code ?? context.verdict }),
            onDone: [
              { guard: 'aborts', target: '#acquisition.aborted' },
              { guard: 'fails', target: '#acquisition.failed' },
              {
                guard: 'maySelfResume',
                target: '#acquisition.running',
                actions: ['clearTries', 'restartRange'],
              },
              { target: '#acquisition.interrupted', actions: 'clearTries' },
            ],
            onError: [
              { guard: 'mayStillTry', target: 'pausing' },
              { target: '#acquisition.failed', actions: { type: 'noteUnsafe', params: thrownOf } },
            ],
          },
        },
        pausing: { after: { makeSafePause: 'stopping' } },
      },
    },
    /** Safe, and waiting: for what stood in the way to pass, or for the operator. */
    interrupted: {
      after: { interruptedLimit: { target: 'failed', actions: 'noteExpired' } },
      on: {
        ABORT: { target: 'aborted', actions: 'noteAbort' },
        CONTINUE: [{ guard: 'isFree', target: 'running', actions: 'restartRange' }, { actions: 'reportBlocked' }],
        INTERLOCK_OPENED: { actions: ['noteBlocker', 'noteLaterHazard'] },
        EMERGENCY_STOPPED: { actions: ['noteBlocker', 'noteLaterHazard'] },
        LINK_LOST: { actions: ['noteBlocker', 'noteLaterHazard'] },
        FAULT: { actions: 'noteLaterHazard' },
        INTERLOCK_CLOSED: [
          { guard: 'relieves', target: 'running', actions: ['noteBlocker', 'restartRange'] },
          { actions: 'noteBlocker' },
        ],
        LINK_RESTORED: [
          { guard: 'relieves', target: 'running', actions: ['noteBlocker', 'restartRange'] },
          { actions: 'noteBlocker' },
        ],
      },
    },
    completed: { type: 'final', output: ({ context }) => acquisitionOutput(context, 'completed') },
    aborted: { type: 'final', output: ({ context }) => acquisitionOutput(context, 'aborted') },
    failed: { type: 'final', output: ({ context }) => acquisitionOutput(context, 'failed') },
  },
});
