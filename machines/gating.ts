/** One physiological signal: switched off, searched for, triggering, lost. */

import { assign, emit, setup } from 'xstate';
import type { GatingSource } from '../hal/contract/gating.js';
import type { Unexpected } from './types.js';
import { unexpected } from './unexpected.js';

export interface GatingInput {
  source: GatingSource;
}

export interface GatingContext {
  source: GatingSource;
  perMinute: number | null;
}

export type GatingMachineEvent =
  | { type: 'SIGNAL_ENABLED' }
  | { type: 'SIGNAL_DISABLED' }
  | { type: 'RHYTHM_FOUND'; perMinute: number }
  | { type: 'RHYTHM_LOST' };

export const gatingMachine = setup({
  types: {
    input: {} as GatingInput,
    context: {} as GatingContext,
    events: {} as GatingMachineEvent,
    emitted: {} as Unexpected,
  },
  actions: {
    reportUnexpected: emit(unexpected('gating')),
    noteRate: assign((_, { perMinute }: { perMinute: number }) => ({ perMinute })),
    clearRate: assign({ perMinute: null }),
  },
}).createMachine({
  id: 'gating',
  context: ({ input }) => ({ source: input.source, perMinute: null }),
  initial: 'off',
  on: { '*': { actions: 'reportUnexpected' } },
  states: {
    off: { on: { SIGNAL_ENABLED: 'searching' } },
    searching: {
      on: {
        SIGNAL_DISABLED: 'off',
        RHYTHM_FOUND: {
          target: 'triggering',
          actions: { type: 'noteRate', params: ({ event }) => ({ perMinute: event.perMinute }) },
        },
        RHYTHM_LOST: 'lost',
      },
    },
    triggering: {
      exit: 'clearRate',
      on: { SIGNAL_DISABLED: 'off', RHYTHM_LOST: 'lost' },
    },
    lost: {
      on: {
        SIGNAL_DISABLED: 'off',
        RHYTHM_FOUND: {
          target: 'triggering',
          actions: { type: 'noteRate', params: ({ event }) => ({ perMinute: event.perMinute }) },
        },
      },
    },
  },
});
