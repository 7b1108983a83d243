/** The send machine's tasks: storage at a node, one association at a time, and commitment after it. 2.2, 2.3 of the statement. */

import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { SendBatchInput, SendBatchResult } from '../../machines/send.types.js';
import type { SendTasks } from '../../machines/tasks.js';
import type { Archive, Delivery } from '../archive/archive.js';
import { TurnByKey } from '../archive/turn-by-key.js';
import { STATUS } from '../dicom/dimse/status.js';
import type { Node } from '../dicom/services/session.js';
import type { StoreResult, SyntaxHooks } from '../dicom/services/store-scu.js';
import type { CommitmentDesk, CommittingNode } from './commitment-desk.js';
import { AnswerLog, sentAs } from './sending-answers.js';
import { storeAll } from './store-all.js';

/** A node that objects are sent to. */
export interface Destination extends Node {
  name: string;
  /** Ended examinations go there by themselves. */
  automatic: boolean;
  send: 'all' | 'images';
  /** Status flag A instead of S. */
  archive: boolean;
  /** Absent when it is not asked for commitment. */
  commitment?: CommittingNode['commitment'];
}

/** One instance of a job has been answered. */
export interface SendStep {
  sendId: string;
  node: string;
  sopInstanceUid: string;
  sent: boolean;
  /** DIMSE status, or the one that says why nothing was sent. */
  status: number;
  reason?: string;
}

export interface SendingOptions {
  archive: Archive;
  commitment: CommitmentDesk;
  destinations: readonly Destination[];
  callingAe: string;
  /** In which transfer syntaxes objects go. */
  hooks?: SyntaxHooks;
  clock: Clock;
  log: Log;
  /** Told when it is a job's turn; `over` resolves when its association is gone and its answers are durable. */
  started?(sendId: string, over: Promise<void>): void;
  progress(step: SendStep): void;
}

const DELIVERED: readonly string[] = ['stored', 'warning'];

export function sendTasks(options: SendingOptions): SendTasks {
  const turns = new TurnByKey();
  return {
    // one association a destination, several destinations at a time: 3.2.1.2
    sendBatch: (input, signal) =>
      turns.run(input.node, () => {
        const batch = sendBatch(options, input, signal);
        const over = batch.then(
          () => undefined,
          () => undefined,
        );
        if (!signal.aborted) options.started?.(input.sendId, over);
        return batch;
      }),
    requestCommitment: async ({ sendId, node, instances: uids }) => {
      const instances = await options.archive.instances({ sopInstanceUids: uids });
      const derived = await sentAs.load(options.archive, sendId);
      const asked = instances.map(({ sopClassUid, sopInstanceUid }) => {
        return { sopClassUid, sopInstanceUid, sentAs: derived.get(sopInstanceUid) };
      });
      await options.commitment.request(sendId, node, asked);
      return { asked: asked.length };
    },
    inspectSend: async ({ node, instances, since }) => {
      const answers = await options.archive.deliveries({ node, sopInstanceUids: instances });
      // an object that an earlier job has sent is still to be sent by this one
      const deliveries = answers.filter(({ at }) => at >= since);
      const named = (pick: (delivery: Delivery) => boolean) =>
        deliveries.filter(pick).map((delivery) => delivery.sopInstanceUid);
      return {
        acknowledged: named((delivery) => delivery.sent === 'sent'),
        committed: named((delivery) => delivery.commitment === 'committed'),
      };
    },
  };
}

async function sendBatch(
  options: SendingOptions,
  input: SendBatchInput,
  signal: AbortSignal,
): Promise<SendBatchResult> {
  signal.throwIfAborted();
  const { archive, clock } = options;
  const { sendId, node } = input;
  const files = await archive.instances({ sopInstanceUids: input.instances });
  const uids = new Map(files.map((instance) => [instance.file, instance.sopInstanceUid]));
  const batch: SendBatchResult = { acknowledged: [], refused: [] };
  const answers = new AnswerLog({ archive, sendId, node, clock: clock.wall, acknowledged: input.acknowledged });
  const note = (result: StoreResult) => {
    const sopInstanceUid = uids.get(result.path);
    if (!sopInstanceUid || result.outcome === 'unsent') return;
    const sent = DELIVERED.includes(result.outcome);
    const status = statusOf(result);
    answers.add({ sopInstanceUid, sent: sent ? 'sent' : 'failed', status, sentAs: result.sentSopInstanceUid });
    if (sent) batch.acknowledged.push(sopInstanceUid);
    else batch.refused.push({ uid: sopInstanceUid, status });
    options.progress({ sendId, node, sopInstanceUid, sent, status, reason: result.error?.message });
  };
  try {
    const { callingAe, log, hooks } = options;
    const scu = { node: destination(options, node), callingAe, clock, log, signal };
    const results = await storeAll({ ...scu, ...hooks, onResult: note, room: () => answers.room() }, [...uids.keys()]);
    // the association broke: what it settled is noted, the rest is the next attempt's
    const unsent = results.find((result) => result.outcome === 'unsent');
    if (unsent)
      throw unsent.error ?? new ScannerError('peer.aborted', { node, reason: 'before the object was answered' });
  } finally {
    await answers.written();
  }
  return { ...batch, refused: [...batch.refused, ...goneFrom(input.instances, uids)] };
}

/** Instances that the archive does not have any more. */
function goneFrom(wanted: readonly string[], found: ReadonlyMap<string, string>): SendBatchResult['refused'] {
  const held = new Set(found.values());
  return wanted.filter((uid) => !held.has(uid)).map((uid) => ({ uid, status: STATUS.noSuchInstance }));
}

/** The node's status; where none was answered, the one that says why nothing was sent. */
function statusOf(result: StoreResult): number {
  if (result.status) return Number.parseInt(result.status, 16);
  return result.outcome === 'no-context' ? STATUS.sopClassNotSupported : STATUS.cannotUnderstand;
}

function destination({ destinations }: SendingOptions, name: string): Destination {
  const found = destinations.find((node) => node.name === name);
  if (found) return found;
  const known = destinations.map((node) => node.name).join(', ') || 'none';
  throw new ScannerError('operator.unknown', { what: 'destination', name, known });
}
