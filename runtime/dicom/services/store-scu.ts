import { open } from 'node:fs/promises';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { type FileMeta, readFileMeta } from '../dataset/header.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../dataset/transfer-syntax.js';
import type { DimseChannel } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { FragmentStream } from '../dimse/fragment.js';
import { type DataSource, fileSource } from '../dimse/source.js';
import { hexStatus, statusClass } from '../dimse/status.js';
import type { AcceptedContext, Association } from '../upper-layer/association.js';
import type { Proposal } from '../upper-layer/request.js';
import { implicitSource } from './implicit-source.js';
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

/** A file's dataset in another transfer syntax, made as it is read. */
export interface ConvertedSource extends DataSource {
  /** Called once, sent or not. */
  close(): Promise<void>;
}

export interface StoreOptions extends ScuOptions {
  /** Transfer syntaxes to propose for a file, best first. Default: its own, and implicit VR for explicit VR little endian. */
  offer?(meta: FileMeta): readonly string[];
  /** The dataset in one of the syntaxes offered that is not the file's own; undefined when it cannot be turned into that. */
  convert?(path: string, meta: FileMeta, to: string): Promise<ConvertedSource | undefined>;
  /** Told as each instance is settled, in the order of the paths. */
  onResult?(result: StoreResult): void;
  /** AE title and message ID of the C-MOVE that this store serves. */
  moveOriginator?: { aeTitle: string; messageId: number };
}

interface Job {
  path: string;
  meta: FileMeta;
  /** Transfer syntaxes, best first. */
  offered: readonly string[];
}

const MAX_CONTEXTS = 128;
const READ_AHEAD = 8;
const PRIORITY_MEDIUM = 0;

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
  const jobs: Job[] = [];
  for (const entry of await readMetas(paths)) {
    if (entry.meta) jobs.push({ path: entry.path, meta: entry.meta, offered: (options.offer ?? itsOwn)(entry.meta) });
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
  const channel = await openChannel(options, [...new Map(group.flatMap(proposalsOf)).values()]);
  let stopped: ScannerError | undefined;
  let next = prepare(channel, group[0], options);
  for (const [i, job] of group.entries()) {
    const prepared = await next;
    // the file after this one is opened and read while this one waits for its answer
    next = prepare(channel, stopped ? undefined : group[i + 1], options);
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
  stream: FragmentStream;
  close(): Promise<void>;
}

/** Opens a job's dataset and starts reading it; undefined for a job that cannot go, an error when its file cannot be read. */
async function prepare(
  channel: DimseChannel,
  job: Job | undefined,
  options: StoreOptions,
): Promise<Prepared | ScannerError | undefined> {
  if (!job) return undefined;
  const { association } = channel;
  try {
    for (const syntax of job.offered) {
      const context = association.contextFor(job.meta.sopClassUid, syntax);
      const source = context && (await openSource(job, syntax, options));
      if (!source) continue;
      const stream = new FragmentStream(context.id, source, association.sendLimit).preload();
      return { context, stream, close: () => source.close() };
    }
    return undefined;
  } catch (error) {
    return asScannerError(error, 'data.missing', { what: job.path });
  }
}

async function openSource(job: Job, syntax: string, options: StoreOptions): Promise<ConvertedSource | undefined> {
  const { path, meta } = job;
  const own = syntax === meta.transferSyntax;
  const converted = own ? undefined : await options.convert?.(path, meta, syntax);
  if (converted) return converted;
  if (!own && !isDefaultConversion(meta, syntax)) return undefined;
  const handle = await open(path, 'r');
  try {
    const source = own ? fileSource(handle, meta.datasetOffset, meta.size) : await implicitSource(path, handle);
    return { length: source.length, read: (views) => source.read(views), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The file's own syntax, and implicit VR for what we turn into it ourselves. */
function itsOwn({ transferSyntax }: FileMeta): readonly string[] {
  return transferSyntax === EXPLICIT_LITTLE_ENDIAN ? [transferSyntax, IMPLICIT_LITTLE_ENDIAN] : [transferSyntax];
}

function isDefaultConversion(meta: FileMeta, syntax: string): boolean {
  return meta.transferSyntax === EXPLICIT_LITTLE_ENDIAN && syntax === IMPLICIT_LITTLE_ENDIAN;
}

async function discard(prepared: Prepared | ScannerError | undefined): Promise<void> {
  if (!prepared || prepared instanceof ScannerError) return;
  await prepared.stream.drop();
  await prepared.close();
}

async function sendOne(
  channel: DimseChannel,
  job: Job,
  prepared: Prepared | ScannerError | undefined,
  options: StoreOptions,
): Promise<StoreResult> {
  const { association } = channel;
  if (!prepared) return resultOf(job, 'no-context', { error: noContext(association, job) });
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

/** Groups in their order, each with no more presentation contexts than an association has. */
function byAssociation(jobs: Job[]): Job[][] {
  const groups: Job[][] = [];
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
function proposalsOf({ meta: { sopClassUid }, offered }: Job): [string, Proposal][] {
  return offered.map((syntax) => [
    `${sopClassUid} ${syntax}`,
    { abstractSyntax: sopClassUid, transferSyntaxes: [syntax] },
  ]);
}

function resultOf(job: Job, outcome: StoreOutcome, more: Partial<StoreResult>): StoreResult {
  const { sopClassUid, sopInstanceUid } = job.meta;
  return { path: job.path, sopClassUid, sopInstanceUid, outcome, ...more };
}

function noContext(association: Association, { meta, offered }: Job): ScannerError {
  const what = `${meta.sopClassUid} in ${offered.join(' or ')}`;
  return new ScannerError('peer.context', { node: association.options.peerName, what });
}
