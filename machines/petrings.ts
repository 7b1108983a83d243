/** The PET detector rings: frames start, end, and are drained. */

import { assign, emit, setup } from 'xstate';
import type { Second } from '../hal/base/units.js';
import type { Unexpected } from './types.js';
import { unexpected } from './unexpected.js';

export interface PetRingsContext {
  frameId: number | null;
  lastFrame: { frameId: number; reason: string; seconds: Second; words: number | null } | null;
  fault: string | null;
}

export type PetRingsMachineEvent =
  | { type: 'FRAME_STARTED'; frameId: number }
  | { type: 'FRAME_ENDED'; frameId: number; reason: string; seconds: Second }
  | { type: 'DRAINED'; frameId: number; words: number }
  | { type: 'WENT_IDLE' }
  | { type: 'FAULTED'; code: string };

/** A frame that never ended: the rings were idle when last heard of. */
export interface FrameLost {
  type: 'frame.lost';
  frameId: number;
}

export const petringsMachine = setup({
  types: {
    context: {} as PetRingsContext,
    events: {} as PetRingsMachineEvent,
    emitted: {} as Unexpected | FrameLost,
  },
  actions: {
    reportUnexpected: emit(unexpected('petrings')),
    tellLost: emit(({ context }) => ({ type: 'frame.lost', frameId: context.frameId ?? 0 })),
    noteFrame: assign((_, { frameId }: { frameId: number }) => ({ frameId })),
    noteEnd: assign((_, frame: { frameId: number; reason: string; seconds: Second }) => ({
      lastFrame: { ...frame, words: null },
    })),
    noteWords: assign(({ context }, { words }: { words: number }) => ({
      frameId: null,
      lastFrame: context.lastFrame && { ...context.lastFrame, words },
    })),
    noteFault: assign((_, { code }: { code: string }) => ({ fault: code })),
    clearFault: assign({ fault: null }),
  },
}).createMachine({
  id: 'petrings',
  context: { frameId: null, lastFrame: null, fault: null },
  initial: 'idle',
  on: {
    '*': { actions: 'reportUnexpected' },
    FRAME_STARTED: {
      target: '.acquiring',
      actions: { type: 'noteFrame', params: ({ event }) => ({ frameId: event.frameId }) },
    },
    WENT_IDLE: '.idle',
    FAULTED: { target: '.faulted', actions: { type: 'noteFault', params: ({ event }) => ({ code: event.code }) } },
  },
  states: {
    idle: {
      on: {
        WENT_IDLE: { actions: [] },
        // the state may be heard before the event
        DRAINED: { actions: { type: 'noteWords', params: ({ event }) => ({ words: event.words }) } },
      },
    },
    acquiring: {
      on: {
        FRAME_ENDED: {
          target: 'draining',
          actions: {
            type: 'noteEnd',
            params: ({ event }) => ({ frameId: event.frameId, reason: event.reason, seconds: event.seconds }),
          },
        },
        WENT_IDLE: { target: 'idle', actions: 'tellLost' },
      },
    },
    draining: {
      on: {
        DRAINED: {
          target: 'idle',
          actions: { type: 'noteWords', params: ({ event }) => ({ words: event.words }) },
        },
      },
    },
    faulted: { exit: 'clearFault' },
  },
});
