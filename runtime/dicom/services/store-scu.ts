import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { type Head, readHeads } from '../../../native/net.js';
import { type FileMeta, metaOf, readFileMeta } from '../dataset/header.js';
import type { DimseChannel } from '../dimse/channel.js';
import type { Proposal } from '../upper-layer/request.js';
import { openChannel, type ScuOptions } from './session.js';
import {
  discard,
  jobFor,
  prepare,
  resultOf,
  type SendOptions,
  type StoreJob,
  type StoreResult,
  sendOne,
} from './store-sending.js';
import { sendTrain, trainLength } from './store-train.js';

export type { ConvertedSource, StoreOutcome, StoreResult, SyntaxHooks } from './store-sending.js';

export interface StoreOptions extends ScuOptions, SendOptions {
  /** Told as each instance is settled, in the order of the paths. */
  onResult?(result: StoreResult): void;
  /** How many instances may go before it is asked again, at least 1: for a caller that keeps what `onResult` told. Default: any number. */
  room?(): Promise<number>;
}

const MAX_CONTEXTS = 128;
/** Files whose first bytes are read at a time, and how many: the meta information of nearly every file is shorter. */
const HEADS = 64;
const HEAD_BYTES = 1024;

/**
 * Storage as SCU: sends Part 10 files over one association (more only when they need over 128 contexts), byte for byte
 * in their own transfer syntax; in another one when `offer` prefers it or the peer takes no other of those offered.
 * Any status but success and warning aborts the association, and what follows is `unsent`.
 * @returns one result a path; throws only what stands before the first object
 * @throws ScannerError peer.connect, peer.rejected, peer.aborted, peer.timeout while the first association is opened
 */
export async function storeFiles(options: StoreOptions, paths: readonly string[]): Promise<StoreResult[]> {
  const results: StoreResult[] = [];
  const settle = (result: StoreResult) => {
    results.push(result);
    options.onResult?.(result);
  };
  const jobs: StoreJob[] = [];
  for (const entry of await readMetas(paths)) {
    if (entry.meta) jobs.push(jobFor(entry.path, entry.meta, options));
    else settle({ path: entry.path, outcome: 'unreadable', error: entry.error });
  }
  let stopped: ScannerError | undefined;
  for (const group of byAssociation(jobs)) {
    if (stopped) for (const job of group) settle(resultOf(job, 'unsent', { error: stopped }));
    else stopped = await sendGroup(options, group, settle);
  }
  return results;
}

/** Sends over one association. @returns why it stopped before the end */
async function sendGroup(
  options: StoreOptions,
  group: StoreJob[],
  settle: (result: StoreResult) => void,
): Promise<ScannerError | undefined> {
  const channel = await openChannel(options, [...new Map(group.flatMap(proposalsOf)).values()]);
  const { association } = channel;
  let stopped: ScannerError | undefined;
  const settleOne = (result: StoreResult) => {
    settle(result);
    if (result.outcome === 'refused' || association.over) stopped ??= result.error ?? association.failure;
    if (stopped) association.fail(stopped);
  };
  for (let done = 0; done < group.length; ) {
    const room = await roomIn(options, group.length - done);
    if (room instanceof ScannerError) association.fail((stopped ??= room));
    const rest = group.slice(done, stopped ? undefined : done + Number(room));
    const length = stopped ? 0 : trainLength(channel, rest);
    const sent = length > 0 ? await sendTrain(channel, rest.slice(0, length), options, settleOne) : 0;
    done += sent > 0 ? sent : await sendPlain(channel, rest, options, () => stopped, settleOne);
  }
  if (!stopped) await channel.release();
  return stopped;
}

async function roomIn({ room }: StoreOptions, wanted: number): Promise<number | ScannerError> {
  if (!room) return wanted;
  return room().catch((error: unknown) => asScannerError(error));
}

/** Sends jobs one by one up to the next that a thread may take. @returns how many are settled */
async function sendPlain(
  channel: DimseChannel,
  jobs: readonly StoreJob[],
  options: StoreOptions,
  stopped: () => ScannerError | undefined,
  settle: (result: StoreResult) => void,
): Promise<number> {
  const lendable = channel.association.lendable;
  let next = prepare(channel, jobs[0], options);
  for (const [i, job] of jobs.entries()) {
    const prepared = await next;
    const following = jobs[i + 1];
    const ends = following && lendable && trainLength(channel, [following]) > 0;
    // the file after this one is opened and read while this one waits for its answer
    next = prepare(channel, stopped() || ends ? undefined : following, options);
    const why = stopped();
    const result = why ? resultOf(job, 'unsent', { error: why }) : await sendOne(channel, job, prepared, options);
    await discard(prepared);
    settle(result);
    if (ends && !stopped()) return i + 1;
  }
  return jobs.length;
}

interface Entry {
  path: string;
  meta?: FileMeta;
  error?: ScannerError;
}

async function readMetas(paths: readonly string[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let start = 0; start < paths.length; start += HEADS) {
    const batch = paths.slice(start, start + HEADS);
    const heads = await readHeads(batch, HEAD_BYTES);
    for (const [i, path] of batch.entries()) entries.push(entryOf(path, heads?.[i]) ?? (await readEntry(path)));
  }
  return entries;
}

/** From the first bytes of the file; undefined when they do not tell. */
function entryOf(path: string, head: Head | undefined): Entry | undefined {
  if (!head || head.size < 0) return undefined;
  try {
    const meta = metaOf(head.bytes, head.size);
    return meta && { path, meta };
  } catch (error) {
    const { code, context } = asScannerError(error);
    return { path, error: new ScannerError(code, { path, ...context }, error) };
  }
}

async function readEntry(path: string): Promise<Entry> {
  try {
    return { path, meta: await readFileMeta(path) };
  } catch (error) {
    return { path, error: asScannerError(error) };
  }
}

/** Groups in their order, each with no more presentation contexts than an association has. */
function byAssociation(jobs: StoreJob[]): StoreJob[][] {
  const groups: StoreJob[][] = [];
  let contexts = new Set<string>();
  for (const job of jobs) {
    const wanted = proposalsOf(job).map(([name]) => name);
    const more = new Set([...contexts, ...wanted]);
    const full = groups.length === 0 || more.size > MAX_CONTEXTS;
    if (full) groups.push([]);
    contexts = full ? new Set(wanted) : more;
    groups.at(-1)!.push(job);
  }
  return groups;
}

/** A context for each syntax, so that the choice is ours and not the peer's. */
function proposalsOf({ meta: { sopClassUid }, offered }: StoreJob): [string, Proposal][] {
  return offered.map((syntax) => [
    `${sopClassUid} ${syntax}`,
    { abstractSyntax: sopClassUid, transferSyntaxes: [syntax] },
  ]);
}
