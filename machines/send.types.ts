/** Records of the send machine, and the pure steps it takes on them. */

import { ScannerError } from '../hal/base/errors.js';
import { type Failure, failureOf, formerState, type Recovered } from './types.js';

export interface SendInput {
  sendId: string;
  /** Name of the destination node. */
  node: string;
  /** SOP Instance UIDs. */
  instances: string[];
  /** Ask the node for storage commitment once all is acknowledged. */
  commitment: boolean;
  /** Pause before the first new try, wall ms; doubles with each. */
  firstPauseMs?: number;
  longestPauseMs?: number;
  attemptLimit?: number;
  /** How long a commitment report is waited for before it is asked for again, wall ms. */
  commitmentLimitMs?: number;
  /** Wall ms since the epoch: what the node answered before then was answered to other jobs. */
  since?: number;
  recovered?: Recovered<SendContext>;
}

export interface RefusedInstance {
  uid: string;
  /** DIMSE status, e.g. 0xA700. */
  status: number;
}

export interface SendContext {
  sendId: string;
  node: string;
  instances: string[];
  commitment: boolean;
  firstPauseMs: number;
  longestPauseMs: number;
  attemptLimit: number;
  commitmentLimitMs: number;
  since: number;
  attempts: number;
  commitmentAttempts: number;
  /** What the node answered Success (or a warning) for: never sent again. */
  acknowledged: string[];
  /** What the node refused for good. */
  refused: RefusedInstance[];
  committed: string[];
  uncommitted: string[];
  error: Failure | null;
  recoveredFrom: string | null;
}

export interface SendBatchInput {
  sendId: string;
  node: string;
  /** What is still to be sent. */
  instances: string[];
  attempt: number;
  /** Tells what is acknowledged, before a failure at the latest: a broken association does not send it again. */
  acknowledged: (uids: string[]) => void;
}

/** Resolves when each instance was answered; rejects when the association could not be had or broke. */
export interface SendBatchResult {
  acknowledged: string[];
  refused: RefusedInstance[];
}

export interface RequestCommitmentInput {
  sendId: string;
  node: string;
  instances: string[];
  attempt: number;
}

export interface InspectSendInput {
  sendId: string;
  node: string;
  instances: string[];
  since: number;
}

/** What the archive knows as acknowledged and committed by that node. */
export interface SendVerdict {
  acknowledged: string[];
  committed: string[];
}

export type SendEvent =
  | { type: 'START' }
  | { type: 'CANCEL' }
  | { type: 'ACKNOWLEDGED'; uids: string[] }
  | { type: 'COMMITMENT_REPORTED'; committed: string[]; failed: string[] };

export interface SendOutput {
  sendId: string;
  node: string;
  outcome: 'done' | 'failed' | 'cancelled';
  acknowledged: string[];
  refused: RefusedInstance[];
  committed: string[];
  uncommitted: string[];
  error?: Failure;
}

export const COMMITMENT_ATTEMPT_LIMIT = 3;

export function startSend(input: SendInput): SendContext {
  const { recovered } = input;
  // a record of an earlier version has no `since`
  if (recovered)
    return { ...recovered.context, since: recovered.context.since ?? 0, recoveredFrom: formerState(recovered) };
  return {
    sendId: input.sendId,
    node: input.node,
    instances: input.instances,
    commitment: input.commitment,
    firstPauseMs: input.firstPauseMs ?? 1000,
    longestPauseMs: input.longestPauseMs ?? 60_000,
    attemptLimit: input.attemptLimit ?? 8,
    commitmentLimitMs: input.commitmentLimitMs ?? 60_000,
    since: input.since ?? 0,
    attempts: 0,
    commitmentAttempts: 0,
    acknowledged: [],
    refused: [],
    committed: [],
    uncommitted: [],
    error: null,
    recoveredFrom: null,
  };
}

export function union(known: readonly string[], more: readonly string[]): string[] {
  return [...new Set([...known, ...more])];
}

/** What was neither acknowledged nor refused yet. */
export function unsent(context: SendContext): string[] {
  const answered = new Set([...context.acknowledged, ...context.refused.map(({ uid }) => uid)]);
  return context.instances.filter((uid) => !answered.has(uid));
}

/** What was acknowledged and is waiting for the node's word that it is kept. */
export function awaiting(context: SendContext): string[] {
  const told = new Set([...context.committed, ...context.uncommitted]);
  return context.acknowledged.filter((uid) => !told.has(uid));
}

export function withReport(context: SendContext, committed: string[], failed: string[]): Partial<SendContext> {
  const ours = (uids: string[]) => uids.filter((uid) => context.instances.includes(uid));
  return {
    committed: union(context.committed, ours(committed)),
    uncommitted: union(context.uncommitted, ours(failed)).filter((uid) => !committed.includes(uid)),
  };
}

export function isDelivered(context: SendContext): boolean {
  return context.refused.length === 0 && context.uncommitted.length === 0 && unsent(context).length === 0;
}

export function undeliveredError({ node, refused, uncommitted }: SendContext): Failure {
  const status = refused[0] ? `0x${refused[0].status.toString(16).toUpperCase().padStart(4, '0')}` : 'not committed';
  const command = refused[0] ? 'C-STORE' : 'storage commitment';
  const comment = `${refused.length} refused, ${uncommitted.length} not committed`;
  return failureOf(new ScannerError('peer.status', { node, command, status, comment }));
}

export function sendOutput(context: SendContext, outcome: SendOutput['outcome']): SendOutput {
  const { sendId, node, acknowledged, refused, committed, uncommitted } = context;
  const output: SendOutput = { sendId, node, outcome, acknowledged, refused, committed, uncommitted };
  if (outcome !== 'failed') return output;
  return { ...output, error: context.error ?? undeliveredError(context) };
}
