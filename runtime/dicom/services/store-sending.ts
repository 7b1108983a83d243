import { open } from 'node:fs/promises';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { FileMeta } from '../dataset/header.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, isDeflated } from '../dataset/transfer-syntax.js';
import type { Response } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { FragmentStream } from '../dimse/fragment.js';
import type { Requester } from '../dimse/performer.js';
import { type DataSource, fileSource, joined } from '../dimse/source.js';
import { hexStatus, statusClass } from '../dimse/status.js';
import type { AcceptedContext, Association } from '../upper-layer/association.js';
import { implicitSource } from './implicit-source.js';
import { statusError } from './session.js';

export type StoreOutcome = 'stored' | 'warning' | 'refused' | 'no-context' | 'unreadable' | 'unsent';

export interface StoreResult {
  path: string;
  sopClassUid?: string;
  sopInstanceUid?: string;
  /** Of the derived object that went in the file's place, when lossy compression was asked for. */
  sentSopInstanceUid?: string;
  outcome: StoreOutcome;
  /** The response's status, as the standard prints it. */
  status?: string;
  /** Why it is not stored. */
  error?: ScannerError;
}

/** A file's dataset in another transfer syntax, made as it is read. */
export interface ConvertedSource extends DataSource {
  /** Of the object that lossy conversion makes; absent where it is the same object. */
  sopInstanceUid?: string;
  /** Called once, sent or not. */
  close(): Promise<void>;
}

/** In which transfer syntaxes files go. */
export interface SyntaxHooks {
  /** Transfer syntaxes to propose for a file, best first. Default: its own, and implicit VR for explicit VR little endian. */
  offer?(meta: FileMeta): readonly string[];
  /** The dataset in one of the syntaxes offered that is not the file's own; undefined when it cannot be turned into that. */
  convert?(path: string, meta: FileMeta, to: string): Promise<ConvertedSource | undefined>;
}

/** A file to send over an association. */
export interface StoreJob {
  path: string;
  meta: FileMeta;
  /** Transfer syntaxes, best first. */
  offered: readonly string[];
}

export interface SendOptions extends SyntaxHooks {
  /** AE title and message ID of the C-MOVE that this store serves. */
  moveOriginator?: { aeTitle: string; messageId: number };
}

const PRIORITY_MEDIUM = 0;

/** A dataset being read for sending. */
export interface Prepared {
  context: AcceptedContext;
  stream: FragmentStream;
  /** When not the file's. */
  sopInstanceUid?: string;
  close(): Promise<void>;
}

/** Opens a job's dataset and starts reading it; undefined for a job that cannot go, an error when its file cannot be read. */
export async function prepare(
  channel: Requester,
  job: StoreJob | undefined,
  options: SendOptions,
): Promise<Prepared | ScannerError | undefined> {
  if (!job) return undefined;
  const { association } = channel;
  try {
    for (const syntax of job.offered) {
      const context = association.contextFor(job.meta.sopClassUid, syntax);
      if (!context?.weAreScu) continue;
      const source = await openSource(job, syntax, options);
      if (!source) continue;
      const even = evenSource(source, syntax);
      if (!even) {
        await source.close();
        return oddDataset(job, source.length);
      }
      const stream = new FragmentStream(context.id, even, association.sendLimit).preload();
      return { context, stream, sopInstanceUid: source.sopInstanceUid, close: () => source.close() };
    }
    return undefined;
  } catch (error) {
    return asScannerError(error, 'data.missing', { what: job.path });
  }
}

async function openSource(job: StoreJob, syntax: string, options: SendOptions): Promise<ConvertedSource | undefined> {
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

/** Fragments have even lengths (PS3.8 E.2): the stream of a deflated file gets its pad (PS3.5 A.5); undefined for other odd ones. */
function evenSource(source: DataSource, syntax: string): DataSource | undefined {
  if (source.length % 2 === 0) return source;
  return isDeflated(syntax) ? joined([source, Buffer.alloc(1)]) : undefined;
}

/** Peers abort the association at such a one. */
function oddDataset({ path }: StoreJob, length: number): ScannerError {
  return new ScannerError('data.dicom', { where: path, message: `its dataset has an odd length, ${length} bytes` });
}

/** A file with the transfer syntaxes that it may go in: those of the hooks, else its own and implicit VR for what we turn into it ourselves. */
export function jobFor(path: string, meta: FileMeta, { offer }: SyntaxHooks): StoreJob {
  return { path, meta, offered: offer ? offer(meta) : ownSyntaxes(meta) };
}

function ownSyntaxes({ transferSyntax }: FileMeta): readonly string[] {
  return transferSyntax === EXPLICIT_LITTLE_ENDIAN ? [transferSyntax, IMPLICIT_LITTLE_ENDIAN] : [transferSyntax];
}

function isDefaultConversion(meta: FileMeta, syntax: string): boolean {
  return meta.transferSyntax === EXPLICIT_LITTLE_ENDIAN && syntax === IMPLICIT_LITTLE_ENDIAN;
}

/** Lets go of a dataset, sent or not. */
export async function discard(prepared: Prepared | ScannerError | undefined): Promise<void> {
  if (!prepared || prepared instanceof ScannerError) return;
  await prepared.stream.drop();
  await prepared.close();
}

/** Sends a prepared job and waits for its answer. Never rejects. */
export async function sendOne(
  channel: Requester,
  job: StoreJob,
  prepared: Prepared | ScannerError | undefined,
  options: SendOptions,
): Promise<StoreResult> {
  const { association } = channel;
  if (!prepared) return resultOf(job, 'no-context', { error: noContext(association, job) });
  if (prepared instanceof ScannerError) return resultOf(job, 'unreadable', { error: prepared });
  const { context, stream } = prepared;
  try {
    const { storeMs } = association.options.timeouts;
    const sopInstanceUid = prepared.sopInstanceUid ?? job.meta.sopInstanceUid;
    const command = commandFor({ ...job.meta, sopInstanceUid }, options);
    const response = await channel.request(context, command, stream, storeMs);
    const result = answered(job, association, response);
    return prepared.sopInstanceUid ? { ...result, sentSopInstanceUid: sopInstanceUid } : result;
  } catch (error) {
    return resultOf(job, 'unsent', { error: asScannerError(error) });
  }
}

/** What a response says of a job. */
export function answered(job: StoreJob, association: Association, response: Response): StoreResult {
  const kind = statusClass(response.status);
  const status = hexStatus(response.status);
  if (kind === 'success') return resultOf(job, 'stored', { status });
  if (kind === 'warning') return resultOf(job, 'warning', { status });
  return resultOf(job, 'refused', { status, error: statusError(association.options.peerName, 'C-STORE', response) });
}

/** The C-STORE-RQ of a job. */
export function commandFor(meta: FileMeta, options: SendOptions) {
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

export function resultOf(job: StoreJob, outcome: StoreOutcome, more: Partial<StoreResult>): StoreResult {
  const { sopClassUid, sopInstanceUid } = job.meta;
  return { path: job.path, sopClassUid, sopInstanceUid, outcome, ...more };
}

function noContext(association: Association, { meta, offered }: StoreJob): ScannerError {
  const what = `${meta.sopClassUid} in ${offered.join(' or ')}`;
  return new ScannerError('peer.context', { node: association.options.peerName, what });
}
