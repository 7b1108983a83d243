/** The link to one device: connects, and connects again with growing pauses when it is lost. */

import { assign, emit, setup } from 'xstate';
import type { DeviceName } from '../hal/contract/device.js';
import { type Failure, failureOf, type Json, type Unexpected } from './types.js';
import { unexpected } from './unexpected.js';
import { unprovided } from './unprovided.js';

export interface LinkInput {
  device: DeviceName;
  /** Pause before the first new try, wall ms; doubles with each. */
  firstPauseMs?: number;
  longestPauseMs?: number;
}

export interface LinkContext {
  device: DeviceName;
  firstPauseMs: number;
  longestPauseMs: number;
  /** Tries since the link was last up. */
  attempts: number;
  error: Failure | null;
}

export type LinkEvent = { type: 'LINK_DROPPED'; code: string } | { type: 'RECONNECT' } | { type: 'CLOSE' };

export interface LinkFact {
  type: 'link.up' | 'link.lost';
  device: DeviceName;
}

export interface ConnectInput {
  device: DeviceName;
  attempt: number;
}

export const linkMachine = setup({
  types: {
    input: {} as LinkInput,
    context: {} as LinkContext,
    events: {} as LinkEvent,
    emitted: {} as Unexpected | LinkFact,
  },
  actors: {
    /** Configures and activates the device: unconfigured or failed -> active. */
    connect: unprovided<Json, ConnectInput>('connect'),
  },
  delays: {
    backOff: ({ context }) =>
      Math.min(context.longestPauseMs, context.firstPauseMs * 2 ** Math.max(0, context.attempts - 1)),
  },
  actions: {
    reportUnexpected: emit(unexpected('link')),
    noteTry: assign({ attempts: ({ context }) => context.attempts + 1 }),
    noteFailure: assign((_, { thrown }: { thrown: unknown }) => ({ error: failureOf(thrown) })),
    noteUp: assign({ attempts: 0, error: null }),
    tellUp: emit(({ context }) => ({ type: 'link.up', device: context.device })),
    tellLost: emit(({ context }) => ({ type: 'link.lost', device: context.device })),
  },
}).createMachine({
  id: 'link',
  context: ({ input }) => ({
    device: input.device,
    firstPauseMs: input.firstPauseMs ?? 250,
    longestPauseMs: input.longestPauseMs ?? 8000,
    attempts: 0,
    error: null,
  }),
  initial: 'connecting',
  on: {
    '*': { actions: 'reportUnexpected' },
    CLOSE: '.closed',
  },
  states: {
    connecting: {
      entry: 'noteTry',
      // the try itself fails when the device drops out in its midst
      on: { LINK_DROPPED: { actions: [] }, RECONNECT: { actions: [] } },
      invoke: {
        id: 'connect',
        src: 'connect',
        input: ({ context }) => ({ device: context.device, attempt: context.attempts }),
        onDone: 'up',
        onError: { target: 'lost', actions: { type: 'noteFailure', params: ({ event }) => ({ thrown: event.error }) } },
      },
    },
    up: {
      entry: ['noteUp', 'tellUp'],
      on: {
        LINK_DROPPED: { target: 'lost', actions: 'tellLost' },
        RECONNECT: { actions: [] },
      },
    },
    lost: {
      after: { backOff: 'reconnecting' },
      on: { RECONNECT: 'reconnecting', LINK_DROPPED: { actions: [] } },
    },
    reconnecting: {
      entry: 'noteTry',
      on: { LINK_DROPPED: { actions: [] }, RECONNECT: { actions: [] } },
      invoke: {
        id: 'reconnect',
        src: 'connect',
        input: ({ context }) => ({ device: context.device, attempt: context.attempts }),
        onDone: 'up',
        onError: { target: 'lost', actions: { type: 'noteFailure', params: ({ event }) => ({ thrown: event.error }) } },
      },
    },
    closed: { type: 'final' },
  },
});
