/** Gantry and table together, as far as a person in the room is concerned: what moves now. */

import { assign, emit, setup } from 'xstate';
import type { Unexpected } from './types.js';
import { unexpected } from './unexpected.js';

export interface MotionContext {
  rotating: boolean;
  haltReason: string | null;
}

export type MotionEvent =
  /** Table, tilt or tube parking. */
  | { type: 'MOVE_STARTED' }
  | { type: 'MOVE_ENDED' }
  | { type: 'ROTATION_STARTED' }
  | { type: 'ROTATION_STOPPED' }
  | { type: 'FEED_STARTED' }
  | { type: 'FEED_ENDED' }
  | { type: 'HALTED'; reason: string };

export const motionMachine = setup({
  types: {
    context: {} as MotionContext,
    events: {} as MotionEvent,
    emitted: {} as Unexpected,
  },
  guards: { isRotating: ({ context }) => context.rotating },
  actions: {
    reportUnexpected: emit(unexpected('motion')),
    noteRotating: assign({ rotating: true }),
    noteStopped: assign({ rotating: false }),
    noteHalt: assign((_, { reason }: { reason: string }) => ({ haltReason: reason })),
    clearHalt: assign({ haltReason: null }),
  },
}).createMachine({
  id: 'motion',
  context: { rotating: false, haltReason: null },
  initial: 'idle',
  on: {
    '*': { actions: 'reportUnexpected' },
    HALTED: { target: '.halted', actions: { type: 'noteHalt', params: ({ event }) => ({ reason: event.reason }) } },
    FEED_STARTED: '.feeding',
    ROTATION_STARTED: { actions: 'noteRotating' },
    ROTATION_STOPPED: { actions: 'noteStopped' },
  },
  states: {
    idle: {
      on: {
        MOVE_STARTED: 'positioning',
        ROTATION_STARTED: { target: 'spinning', actions: 'noteRotating' },
        // the device's state may be heard before its event
        MOVE_ENDED: { actions: [] },
        FEED_ENDED: { actions: [] },
      },
    },
    positioning: {
      on: {
        MOVE_ENDED: [{ guard: 'isRotating', target: 'spinning' }, { target: 'idle' }],
      },
    },
    spinning: {
      on: {
        MOVE_STARTED: 'positioning',
        ROTATION_STOPPED: { target: 'idle', actions: 'noteStopped' },
        MOVE_ENDED: { actions: [] },
        FEED_ENDED: { actions: [] },
      },
    },
    feeding: {
      on: {
        FEED_ENDED: [{ guard: 'isRotating', target: 'spinning' }, { target: 'idle' }],
        MOVE_ENDED: [{ guard: 'isRotating', target: 'spinning' }, { target: 'idle' }],
        MOVE_STARTED: { actions: [] },
        FEED_STARTED: { actions: [] },
      },
    },
    halted: {
      exit: 'clearHalt',
      on: {
        MOVE_STARTED: 'positioning',
        ROTATION_STARTED: { target: 'spinning', actions: 'noteRotating' },
        MOVE_ENDED: { actions: [] },
        FEED_ENDED: { actions: [] },
      },
    },
  },
});
