/** The send machine's tasks: storage and commitment at the configured destinations, kept in the archive's status flags. */

import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { SendTasks } from '../../machines/tasks.js';
import type { Archive, InstanceRecord } from '../archive/archive.js';
import type { CommitmentScu } from '../dicom/services/commitment-scu.js';
import type { ScuOptions } from '../dicom/services/session.js';
import { type StoreResult, storeFiles } from '../dicom/services/store-scu.js';

export interface Destination {
  aeTitle: string;
  host: string;
  port: number;
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

const DELIVERED: readonly string[] = ['stored', 'warning'];
/** How long the association of a request stays open for the answer, wall ms; later ones come on one that the node opens. */
const COMMITMENT_WAIT_MS = 2000;

export function sendTasks(options: SendingOptions): SendTasks {
  return {
    sendBatch: async (input, signal) => {
      const files = await options.archive.instances({ sopInstanceUids: input.instances });
      const uids = new Map(files.map((instance) => [instance.file, instance.sopInstanceUid]));
      const acknowledged: string[] = [];
      const refused: { uid: string; status: number }[] = [];
      const note = (result: StoreResult) => {
        const uid = uids.get(result.path);
        if (!uid) return;
        if (DELIVERED.includes(result.outcome)) {
          acknowledged.push(uid);
          input.acknowledged(uid);
          options.progress(input.sendId, input.node, uid);
        } else if (result.outcome !== 'unsent')
          refused.push({ uid, status: Number.parseInt(result.status ?? '0', 16) });
      };
      const results = await storeAll(options, input.node, [...uids.keys()], note, signal);
      await options.archive.recordDeliveries(
        input.node,
        results.flatMap((result) => deliveryOf(result, uids)),
      );
      const unsent = results.find((result) => result.outcome === 'unsent');
      if (unsent?.error && acknowledged.length + refused.length === 0) throw unsent.error;
      return { acknowledged, refused };
    },
    requestCommitment: async (input, signal) => {
      const instances = await options.archive.instances({ sopInstanceUids: input.instances });
      void commit(options, input.node, instances, signal);
      return { asked: instances.length };
    },
    inspectSend: async ({ node, instances }) => {
      const deliveries = await options.archive.deliveries({ node, sopInstanceUids: instances });
      const named = (pick: (delivery: (typeof deliveries)[number]) => boolean) =>
        deliveries.filter(pick).map((delivery) => delivery.sopInstanceUid);
      return {
        acknowledged: named((delivery) => delivery.sent === 'sent'),
        committed: named((delivery) => delivery.commitment === 'committed'),
      };
    },
  };
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

function deliveryOf(result: StoreResult, uids: ReadonlyMap<string, string>) {
  const sopInstanceUid = uids.get(result.path);
  if (!sopInstanceUid || result.outcome === 'unsent') return [];
  const sent = DELIVERED.includes(result.outcome) ? ('sent' as const) : ('failed' as const);
  return [{ sopInstanceUid, sent, status: result.status ? Number.parseInt(result.status, 16) : undefined }];
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
