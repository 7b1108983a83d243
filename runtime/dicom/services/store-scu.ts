import { type FileHandle, open } from 'node:fs/promises';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { type FileMeta, readFileMeta } from '../dataset/header.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../dataset/transfer-syntax.js';
import type { DimseChannel } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { FragmentStream } from '../dimse/fragment.js';
import { fileSource } from '../dimse/source.js';
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
 * To a peer that takes nothing but implicit VR, files in explicit VR little endian go turned into that.
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
  const channel = await openChannel(options, [...new Map(group.flatMap(proposalsOf)).values()]);
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
  const context = job && contextFor(association, job.meta);
  if (!context) return undefined;
  const { path, meta } = job;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const asItIs = context.transferSyntax === meta.transferSyntax;
    const source = asItIs ? fileSource(handle, meta.datasetOffset, meta.size) : await implicitSource(path, handle);
    return { context, handle, stream: new FragmentStream(context.id, source, association.sendLimit).preload() };
  } catch (error) {
    await handle?.close();
    return asScannerError(error, 'data.missing', { what: path });
  }
}

/** The file's own syntax, else implicit VR for what can be turned into it. */
function contextFor(association: Association, { sopClassUid, transferSyntax }: FileMeta): AcceptedContext | undefined {
  const own = association.contextFor(sopClassUid, transferSyntax);
  if (own || transferSyntax !== EXPLICIT_LITTLE_ENDIAN) return own;
  return association.contextFor(sopClassUid, IMPLICIT_LITTLE_ENDIAN);
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

/** A context for the file's class in its syntax, and one in the default syntax where it can be turned into that. */
function proposalsOf({ meta: { sopClassUid, transferSyntax } }: Job): [string, Proposal][] {
  const syntaxes =
    transferSyntax === EXPLICIT_LITTLE_ENDIAN ? [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] : [transferSyntax];
  return syntaxes.map((syntax) => [
    `${sopClassUid} ${syntax}`,
    { abstractSyntax: sopClassUid, transferSyntaxes: [syntax] },
  ]);
}

function resultOf(job: Job, outcome: StoreOutcome, more: Partial<StoreResult>): StoreResult {
  const { sopClassUid, sopInstanceUid } = job.meta;
  return { path: job.path, sopClassUid, sopInstanceUid, outcome, ...more };
}

function noContext(association: Association, meta: FileMeta): ScannerError {
  const what = `${meta.sopClassUid} in ${meta.transferSyntax}`;
  return new ScannerError('peer.context', { node: association.options.peerName, what });
}
