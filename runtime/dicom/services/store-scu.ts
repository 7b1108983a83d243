import { type FileHandle, open } from 'node:fs/promises';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { type FileMeta, readFileMeta } from '../dataset/header.js';
import type { DimseChannel } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { FragmentStream } from '../dimse/fragment.js';
import { fileSource } from '../dimse/source.js';
import { hexStatus, statusClass } from '../dimse/status.js';
import type { AcceptedContext, Association } from '../upper-layer/association.js';
import type { Proposal } from '../upper-layer/request.js';
import { openChannel, type ScuOptions, statusError } from './session.js';

export type StoreOutcome = 'stored' | 'warning' | 'refused' | 'no-context' | 'unreadable' | 'unsent';

export interface StoreResult {
  path: string;
  sopClassUid?: string;
  sopInstanceUid?: string;
  outcome: StoreOutcome;
  /** The response's status, as the standard prints it. */
  status?: string;
  /** Why it is not stored. */
  error?: ScannerError;
}

export interface StoreOptions extends ScuOptions {
  /** Told as each instance is settled, in the order of the paths. */
  onResult?(result: StoreResult): void;
  /** AE title and message ID of the C-MOVE that this store serves. */
  moveOriginator?: { aeTitle: string; messageId: number };
}

interface Job {
  path: string;
  meta: FileMeta;
}

const MAX_CONTEXTS = 128;
const READ_AHEAD = 8;
const PRIORITY_MEDIUM = 0;

/**
 * Storage as SCU: sends Part 10 files byte for byte over one association (more only when they need over 128 contexts).
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
  const jobs: Job[] = [];
  for (const entry of await readMetas(paths)) {
    if (entry.meta) jobs.push({ path: entry.path, meta: entry.meta });
    else settle({ path: entry.path, outcome: 'unreadable', error: entry.error });
  }
  let stopped: ScannerError | undefined;
  for (const group of byAssociation(jobs)) {
    if (stopped) for (const job of group) settle(resultOf(job, 'unsent', { error: stopped }));
    else stopped = await sendGroup(options, group, settle);
  }
  return results;
}

async function sendGroup(
  options: StoreOptions,
  group: Job[],
  settle: (result: StoreResult) => void,
): Promise<ScannerError | undefined> {
  const channel = await openChannel(options, proposalsFor(group));
  let stopped: ScannerError | undefined;
  let next = prepare(channel, group[0]);
  for (const [i, job] of group.entries()) {
    const prepared = await next;
    // the file after this one is opened and read while this one waits for its answer
    next = prepare(channel, stopped ? undefined : group[i + 1]);
    const result = stopped
      ? resultOf(job, 'unsent', { error: stopped })
      : await sendOne(channel, job, prepared, options);
    await discard(prepared);
    settle(result);
    if (result.outcome === 'refused' || channel.association.over) {
      stopped ??= result.error ?? channel.association.failure;
    }
    if (stopped) channel.association.fail(stopped);
  }
  if (!stopped) await channel.release();
  return stopped;
}

interface Prepared {
  context: AcceptedContext;
  handle: FileHandle;
  stream: FragmentStream;
}

/** Opens a job's file and starts reading it; undefined for a job that cannot go, an error when its file cannot be opened. */
async function prepare(channel: DimseChannel, job: Job | undefined): Promise<Prepared | ScannerError | undefined> {
  const { association } = channel;
  const context = job && association.contextFor(job.meta.sopClassUid, job.meta.transferSyntax);
  if (!context) return undefined;
  try {
    const handle = await open(job.path, 'r');
    const source = fileSource(handle, job.meta.datasetOffset, job.meta.size);
    return { context, handle, stream: new FragmentStream(context.id, source, association.sendLimit).preload() };
  } catch (error) {
    return asScannerError(error, 'data.missing', { what: job.path });
  }
}

async function discard(prepared: Prepared | ScannerError | undefined): Promise<void> {
  if (!prepared || prepared instanceof ScannerError) return;
  await prepared.stream.drop();
  await prepared.handle.close();
}

async function sendOne(
  channel: DimseChannel,
  job: Job,
  prepared: Prepared | ScannerError | undefined,
  options: StoreOptions,
): Promise<StoreResult> {
  const { association } = channel;
  if (!prepared) return resultOf(job, 'no-context', { error: noContext(association, job.meta) });
  if (prepared instanceof ScannerError) return resultOf(job, 'unreadable', { error: prepared });
  const { context, stream } = prepared;
  try {
    const { storeMs } = association.options.timeouts;
    const response = await channel.request(context, commandFor(job.meta, options), stream, storeMs);
    const kind = statusClass(response.status);
    const status = hexStatus(response.status);
    if (kind === 'success') return resultOf(job, 'stored', { status });
    if (kind === 'warning') return resultOf(job, 'warning', { status });
    return resultOf(job, 'refused', { status, error: statusError(association.options.peerName, 'C-STORE', response) });
  } catch (error) {
    return resultOf(job, 'unsent', { error: asScannerError(error) });
  }
}

function commandFor(meta: FileMeta, options: StoreOptions) {
  const { moveOriginator } = options;
  return {
    CommandField: COMMAND_FIELD['C-STORE'],
    AffectedSOPClassUID: meta.sopClassUid,
    AffectedSOPInstanceUID: meta.sopInstanceUid,
    Priority: PRIORITY_MEDIUM,
    ...(moveOriginator
      ? {
          MoveOriginatorApplicationEntityTitle: moveOriginator.aeTitle,
          MoveOriginatorMessageID: moveOriginator.messageId,
        }
      : {}),
  };
}

async function readMetas(paths: readonly string[]): Promise<{ path: string; meta?: FileMeta; error?: ScannerError }[]> {
  const entries: { path: string; meta?: FileMeta; error?: ScannerError }[] = [];
  for (let start = 0; start < paths.length; start += READ_AHEAD) {
    const batch = paths.slice(start, start + READ_AHEAD).map(async (path) => {
      try {
        return { path, meta: await readFileMeta(path) };
      } catch (error) {
        return { path, error: asScannerError(error) };
      }
    });
    entries.push(...(await Promise.all(batch)));
  }
  return entries;
}

/** Groups in their order, each with no more class and syntax pairs than an association has contexts. */
function byAssociation(jobs: Job[]): Job[][] {
  const groups: Job[][] = [];
  let pairs = new Set<string>();
  for (const job of jobs) {
    const pair = pairOf(job.meta);
    if (groups.length === 0 || (!pairs.has(pair) && pairs.size === MAX_CONTEXTS)) {
      groups.push([]);
      pairs = new Set();
    }
    pairs.add(pair);
    groups.at(-1)!.push(job);
  }
  return groups;
}

function proposalsFor(jobs: Job[]): Proposal[] {
  const proposals = new Map<string, Proposal>();
  for (const { meta } of jobs) {
    const proposal = { abstractSyntax: meta.sopClassUid, transferSyntaxes: [meta.transferSyntax] };
    proposals.set(pairOf(meta), proposal);
  }
  return [...proposals.values()];
}

function pairOf(meta: FileMeta): string {
  return `${meta.sopClassUid} ${meta.transferSyntax}`;
}

function resultOf(job: Job, outcome: StoreOutcome, more: Partial<StoreResult>): StoreResult {
  const { sopClassUid, sopInstanceUid } = job.meta;
  return { path: job.path, sopClassUid, sopInstanceUid, outcome, ...more };
}

function noContext(association: Association, meta: FileMeta): ScannerError {
  const what = `${meta.sopClassUid} in ${meta.transferSyntax}`;
  return new ScannerError('peer.context', { node: association.options.peerName, what });
}
