/**
 * Sends instances to a node and, where asked, waits for its storage commitment. What the node acknowledged is
 * never sent again, whatever breaks in between.
 */

import { assign, emit, setup } from 'xstate';
import {
  awaiting,
  COMMITMENT_ATTEMPT_LIMIT,
  type InspectSendInput,
  isDelivered,
  type RefusedInstance,
  type RequestCommitmentInput,
  type SendBatchInput,
  type SendBatchResult,
  type SendContext,
  type SendEvent,
  type SendInput,
  type SendOutput,
  type SendVerdict,
  sendOutput,
  startSend,
  union,
  unsent,
  withReport,
} from './send.types.js';
import { failureOf, type Json, type Unexpected } from './types.js';
import { unexpected } from './unexpected.js';
import { unprovided } from './unprovided.js';

const thrownOf = ({ event }: { event: { error: unknown } }) => ({ thrown: event.error });

export const sendMachine = setup({
  types: {
    input: {} as SendInput,
    context: {} as SendContext,
    events: {} as SendEvent,
    output: {} as SendOutput,
    emitted: {} as Unexpected,
  },
  actors: {
    sendBatch: unprovided<SendBatchResult, SendBatchInput>('sendBatch'),
    requestCommitment: unprovided<Json, RequestCommitmentInput>('requestCommitment'),
    inspectSend: unprovided<SendVerdict, InspectSendInput>('inspectSend'),
  },
  delays: {
    backOff: ({ context }) =>
      Math.min(context.longestPauseMs, context.firstPauseMs * 2 ** Math.max(0, context.attempts - 1)),
    commitmentLimit: ({ context }) => context.commitmentLimitMs,
  },
  guards: {
    wasIn: ({ context }, state: string) => context.recoveredFrom === state,
    wasRecovered: ({ context }) => context.recoveredFrom !== null,
    hasUnsent: ({ context }) => unsent(context).length > 0,
    hasAwaiting: ({ context }) => context.commitment && awaiting(context).length > 0,
    isDelivered: ({ context }) => isDelivered(context),
    mayTryAgain: ({ context }, { thrown }: { thrown: unknown }) =>
      failureOf(thrown).retry && context.attempts < context.attemptLimit,
    mayAskAgain: ({ context }) => context.commitmentAttempts < COMMITMENT_ATTEMPT_LIMIT,
  },
  actions: {
    reportUnexpected: emit(unexpected('send')),
    noteTry: assign({ attempts: ({ context }) => context.attempts + 1 }),
    noteAsk: assign({ commitmentAttempts: ({ context }) => context.commitmentAttempts + 1 }),
    noteAcknowledged: assign(({ context }, { uids }: { uids: string[] }) => ({
      acknowledged: union(context.acknowledged, uids),
    })),
    noteRefused: assign(({ context }, { refused }: { refused: RefusedInstance[] }) => ({
      refused: [...context.refused, ...refused],
    })),
    noteReport: assign(({ context }, { committed, failed }: { committed: string[]; failed: string[] }) =>
      withReport(context, committed, failed),
    ),
    noteUncommitted: assign(({ context }) => withReport(context, [], awaiting(context))),
    noteFailure: assign((_, { thrown }: { thrown: unknown }) => ({ error: failureOf(thrown) })),
    clearFailure: assign({ error: null }),
  },
}).createMachine({
  id: 'send',
  context: ({ input }) => startSend(input),
  initial: 'starting',
  output: ({ event }) => (event as unknown as { output: SendOutput }).output,
  on: { '*': { actions: 'reportUnexpected' } },
  states: {
    starting: {
      always: [
        { guard: { type: 'wasIn', params: 'done' }, target: 'done' },
        { guard: { type: 'wasIn', params: 'failed' }, target: 'failed' },
        { guard: { type: 'wasIn', params: 'cancelled' }, target: 'cancelled' },
        { guard: 'wasRecovered', target: 'recovering' },
        { target: 'queued' },
      ],
    },
    /** The archive's own record of acknowledgements is newer than the machine's. */
    recovering: {
      on: { CANCEL: 'cancelled', COMMITMENT_REPORTED: { actions: report() } },
      invoke: {
        id: 'inspectSend',
        src: 'inspectSend',
        input: ({ context: { sendId, node, instances, since } }) => ({ sendId, node, instances, since }),
        onDone: {
          target: 'queued',
          actions: [
            { type: 'noteAcknowledged', params: ({ event }) => ({ uids: event.output.acknowledged }) },
            {
              type: 'noteReport',
              params: ({ event }) => ({ committed: event.output.committed, failed: [] as string[] }),
            },
          ],
        },
        onError: { target: 'failed', actions: { type: 'noteFailure', params: thrownOf } },
      },
    },
    queued: {
      on: { START: 'choosing', CANCEL: 'cancelled', COMMITMENT_REPORTED: { actions: report() } },
    },
    choosing: {
      always: [
        { guard: 'hasUnsent', target: 'sending' },
        { guard: 'hasAwaiting', target: 'awaitingCommitment' },
        { guard: 'isDelivered', target: 'done' },
        { target: 'failed' },
      ],
    },
    sending: {
      entry: 'noteTry',
      on: {
        CANCEL: 'cancelled',
        ACKNOWLEDGED: { actions: { type: 'noteAcknowledged', params: ({ event }) => ({ uids: event.uids }) } },
        COMMITMENT_REPORTED: { actions: report() },
      },
      invoke: {
        id: 'sendBatch',
        src: 'sendBatch',
        input: ({ context, self }) => ({
          sendId: context.sendId,
          node: context.node,
          instances: unsent(context),
          attempt: context.attempts,
          acknowledged: (uids) => self.send({ type: 'ACKNOWLEDGED', uids }),
        }),
        onDone: {
          target: 'settling',
          actions: [
            'clearFailure',
            { type: 'noteAcknowledged', params: ({ event }) => ({ uids: event.output.acknowledged }) },
            { type: 'noteRefused', params: ({ event }) => ({ refused: event.output.refused }) },
          ],
        },
        onError: [
          {
            guard: { type: 'mayTryAgain', params: thrownOf },
            target: 'backingOff',
            actions: { type: 'noteFailure', params: thrownOf },
          },
          { target: 'failed', actions: { type: 'noteFailure', params: thrownOf } },
        ],
      },
    },
    /** A batch that ended without an answer for each instance is a broken promise of the sender, not a reason to loop. */
    settling: { always: [{ guard: 'hasUnsent', target: 'failed' }, { target: 'choosing' }] },
    backingOff: {
      after: { backOff: 'choosing' },
      on: {
        CANCEL: 'cancelled',
        START: 'choosing',
        // an answer that was under way when the association broke
        ACKNOWLEDGED: { actions: { type: 'noteAcknowledged', params: ({ event }) => ({ uids: event.uids }) } },
        COMMITMENT_REPORTED: { actions: report() },
      },
    },
    awaitingCommitment: {
      entry: 'noteAsk',
      on: {
        CANCEL: 'cancelled',
        COMMITMENT_REPORTED: { target: 'hearing', actions: report() },
      },
      after: {
        commitmentLimit: [
          { guard: 'mayAskAgain', target: 'awaitingCommitment', reenter: true },
          { target: 'choosing', actions: 'noteUncommitted' },
        ],
      },
      invoke: {
        id: 'requestCommitment',
        src: 'requestCommitment',
        input: ({ context }) => ({
          sendId: context.sendId,
          node: context.node,
          instances: awaiting(context),
          attempt: context.commitmentAttempts,
        }),
        onDone: { actions: [] },
        // asked again when the limit has passed
        onError: { actions: { type: 'noteFailure', params: thrownOf } },
      },
    },
    /** A report may name only some of the instances: the rest is still waited for. */
    hearing: {
      always: [
        { guard: 'hasAwaiting', target: 'listening' },
        { target: 'choosing', actions: 'clearFailure' },
      ],
    },
    listening: {
      on: {
        CANCEL: 'cancelled',
        COMMITMENT_REPORTED: { target: 'hearing', actions: report() },
      },
      after: {
        commitmentLimit: [
          { guard: 'mayAskAgain', target: 'awaitingCommitment' },
          { target: 'choosing', actions: 'noteUncommitted' },
        ],
      },
    },
    done: { type: 'final', output: ({ context }) => sendOutput(context, 'done') },
    failed: { type: 'final', output: ({ context }) => sendOutput(context, 'failed') },
    cancelled: { type: 'final', output: ({ context }) => sendOutput(context, 'cancelled') },
  },
});

function report() {
  return {
    type: 'noteReport',
    params: ({ event }: { event: { committed: string[]; failed: string[] } }) => ({
      committed: event.committed,
      failed: event.failed,
    }),
  } as const;
}
