/** The safety chain as the host sees it. Until the chain was heard of it counts as open. */

import { assign, emit, setup } from 'xstate';
import type { Unexpected } from './types.js';
import { unexpected } from './unexpected.js';

export interface InterlockContext {
  reason: string | null;
}

export type InterlockMachineEvent =
  | { type: 'CHAIN_CLOSED' }
  | { type: 'CHAIN_OPENED'; reason: string }
  | { type: 'CHAIN_TRIPPED' };

export const interlockMachine = setup({
  types: {
    context: {} as InterlockContext,
    events: {} as InterlockMachineEvent,
    emitted: {} as Unexpected,
  },
  actions: {
    reportUnexpected: emit(unexpected('interlock')),
    noteReason: assign((_, { reason }: { reason: string }) => ({ reason })),
    clearReason: assign({ reason: null }),
  },
}).createMachine({
  id: 'interlock',
  context: { reason: 'not heard of yet' },
  initial: 'open',
  on: {
    '*': { actions: 'reportUnexpected' },
    CHAIN_CLOSED: '.closed',
    CHAIN_OPENED: {
      target: '.open',
      actions: { type: 'noteReason', params: ({ event }) => ({ reason: event.reason }) },
    },
    CHAIN_TRIPPED: { target: '.tripped', actions: { type: 'noteReason', params: { reason: 'emergency stop' } } },
  },
  states: {
    closed: { entry: 'clearReason' },
    open: {},
    tripped: {},
  },
});
