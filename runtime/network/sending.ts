/** The send machine's tasks: storage and commitment at the configured destinations, kept in the archive's status flags. */

import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { SendBatchInput, SendBatchResult } from '../../machines/send.types.js';
import type { SendTasks } from '../../machines/tasks.js';
import type { Archive, Delivery, DeliveryResult, InstanceRecord } from '../archive/archive.js';
import type { CommitmentScu } from '../dicom/services/commitment-scu.js';
import type { Node, ScuOptions } from '../dicom/services/session.js';
import { type StoreResult, storeFiles } from '../dicom/services/store-scu.js';

export interface Destination extends Node {
  commitment: boolean;
  send: 'all' | 'images';
}

export interface SendingOptions {
  archive: Archive;
  commitment: CommitmentScu;
  destinations: readonly Destination[];
  callingAe: string;
  clock: Clock;
  log: Log;
  commitmentSeconds: number;
  /** Tells the machines what a node has committed. */
  reportCommitment(report: { node: string; committed: string[]; failed: string[] }): void;
  progress(sendId: string, node: string, uid: string): void;
}

const SOP_CLASS_NOT_SUPPORTED = 0x0122;
const CANNOT_UNDERSTAND = 0xc000;
const DELIVERED: readonly string[] = ['stored', 'warning'];
/** How long the association of a request stays open for the answer, wall ms; later ones come on one that the node opens. */
const COMMITMENT_WAIT_MS = 2000;

export function sendTasks(options: SendingOptions): SendTasks {
  return {
    sendBatch: (input, signal) => sendBatch(options, input, signal),
    requestCommitment: async (input, signal) => {
      const instances = await options.archive.instances({ sopInstanceUids: input.instances });
      void commit(options, input.node, instances, signal);
      return { asked: instances.length };
    },
    inspectSend: async ({ node, instances }) => {
      const deliveries = await options.archive.deliveries({ node, sopInstanceUids: instances });
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
  const files = await options.archive.instances({ sopInstanceUids: input.instances });
  const uids = new Map(files.map((instance) => [instance.file, instance.sopInstanceUid]));
  const batch: SendBatchResult = { acknowledged: [], refused: [] };
  const flags = new FlagWriter(options.archive, input.node);
  const note = (result: StoreResult) => {
    const uid = uids.get(result.path);
    if (!uid || result.outcome === 'unsent') return;
    const sent = DELIVERED.includes(result.outcome);
    const status = statusOf(result);
    flags.add({ sopInstanceUid: uid, sent: sent ? 'sent' : 'failed', status });
    if (!sent) return void batch.refused.push({ uid, status });
    batch.acknowledged.push(uid);
    input.acknowledged(uid);
    options.progress(input.sendId, input.node, uid);
  };
  const results = await storeAll(options, input.node, [...uids.keys()], note, signal);
  await flags.written();
  // the association broke: what it settled is noted, the rest is the next attempt's
  const unsent = results.find((result) => result.outcome === 'unsent');
  if (unsent)
    throw (
      unsent.error ?? new ScannerError('peer.aborted', { node: input.node, reason: 'before the object was answered' })
    );
  return batch;
}

/** Status flags as they come, each durable soon after its answer: a restart sends nothing twice. */
class FlagWriter {
  readonly #archive: Archive;
  readonly #node: string;
  #waiting: DeliveryResult[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(archive: Archive, node: string) {
    this.#archive = archive;
    this.#node = node;
  }

  add(result: DeliveryResult): void {
    this.#waiting.push(result);
    if (this.#waiting.length === 1) this.#writing = this.#writing.then(() => this.#write());
  }

  /** @throws ScannerError data.disk */
  written(): Promise<void> {
    return this.#writing;
  }

  async #write(): Promise<void> {
    const results = this.#waiting;
    this.#waiting = [];
    await this.#archive.recordDeliveries(this.#node, results);
  }
}

/** The node's status; where none was answered, the one that says why nothing was sent. */
function statusOf(result: StoreResult): number {
  if (result.status) return Number.parseInt(result.status, 16);
  return result.outcome === 'no-context' ? SOP_CLASS_NOT_SUPPORTED : CANNOT_UNDERSTAND;
}

/** Sends all files; what follows a refused object goes on a new association, as long as each one settles something. */
async function storeAll(
  options: SendingOptions,
  node: string,
  paths: string[],
  onResult: (result: StoreResult) => void,
  signal: AbortSignal,
): Promise<StoreResult[]> {
  const settled: StoreResult[] = [];
  for (let left = paths; left.length > 0; ) {
    const results = await storeFiles({ ...scu(options, node, signal), onResult }, left);
    settled.push(...results.filter((result) => result.outcome !== 'unsent'));
    const unsent = results.filter((result) => result.outcome === 'unsent');
    const refused = results.some((result) => result.outcome === 'refused');
    if (!refused || unsent.length === left.length) return [...settled, ...unsent];
    left = unsent.map((result) => result.path);
  }
  return settled;
}

/** Asks for commitment and passes the answer on whenever it comes; no answer is left to the machine's own patience. */
async function commit(
  options: SendingOptions,
  node: string,
  instances: InstanceRecord[],
  signal: AbortSignal,
): Promise<void> {
  const { archive, commitment, log, commitmentSeconds } = options;
  const uids = instances.map(({ sopInstanceUid }) => sopInstanceUid);
  try {
    const request = scu(options, node);
    const timeouts = { ...request.timeouts, commitMs: commitmentSeconds * 1000 };
    const result = await commitment.request({ ...request, timeouts, instances, keepOpenMs: COMMITMENT_WAIT_MS });
    const { transactionUid } = result;
    const committed = result.committed.map(({ sopInstanceUid }) => sopInstanceUid);
    const failed = result.failed.map(({ sopInstanceUid }) => sopInstanceUid);
    await archive.recordCommitment(node, [
      ...committed.map((sopInstanceUid) => ({
        sopInstanceUid,
        commitment: 'committed' as const,
        transactionUid,
        reason: 0,
      })),
      ...result.failed.map(({ sopInstanceUid, reason }) => ({
        sopInstanceUid,
        commitment: 'failed' as const,
        transactionUid,
        reason: Number.parseInt(reason, 16),
      })),
    ]);
    const { retrieveAeTitle } = result;
    if (retrieveAeTitle && committed.length > 0) {
      await archive.putFacts({ type: 'instances.committed', node, retrieveAeTitle, sopInstanceUids: committed });
    }
    options.reportCommitment({ node, committed, failed });
  } catch (thrown) {
    log.warn({ node, instances: uids.length, message: (thrown as Error).message }, 'storage commitment not answered');
    if (!signal.aborted) options.reportCommitment({ node, committed: [], failed: uids });
  }
}

function scu(options: SendingOptions, name: string, signal?: AbortSignal): ScuOptions {
  const node = options.destinations.find(({ aeTitle }) => aeTitle === name);
  if (!node)
    throw new ScannerError('operator.unknown', {
      what: 'destination',
      name,
      known: options.destinations.map((d) => d.aeTitle).join(', '),
    });
  const { callingAe, clock, log } = options;
  return { node, callingAe, clock, log, signal };
}
