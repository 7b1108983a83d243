import { ScannerError } from '../../../hal/base/errors.js';
import { DurableFile, temporaryName, type WrittenFile } from '../dataset/durable-file.js';
import { encodeFileMeta } from '../dataset/file-meta.js';
import type { PreparedFiles } from '../dataset/prepared-files.js';
import { isUid } from '../dataset/uid.js';
import type { IncomingData } from '../dimse/message.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import { STATUS } from '../dimse/status.js';
import type { Implementation } from '../implementation.js';
import type { Service } from './server.js';

/** An object on its way in, as its command and context name it. */
export interface IncomingObject {
  sopClassUid: string;
  /** Checked to be a UID, so it is safe in a file name. */
  sopInstanceUid: string;
  transferSyntax: string;
  callingAe: string;
  /** Name of the configured node that sends it. */
  node?: string;
  calledAe: string;
  /** Of an object that goes to a file: the first bytes of that file, meta header and all, 32 KiB of them at least. */
  head?: Buffer;
}

/** Bytes of a dataset that is handed over in memory: headers without pixels, reports, presentation states. */
const SMALL_LIMIT = 32 * 1024;

export interface StoreScpOptions {
  /** Transfer syntaxes taken, best first, by SOP class. */
  syntaxes: Readonly<Record<string, readonly string[]>>;
  /** Where the object goes when it needs a file. May refuse by a reply, before its dataset is taken. */
  pathFor(object: IncomingObject): string | Reply | Promise<string | Reply>;
  /** Called when the file is whole and on the disk; success is answered only after it resolves. May answer otherwise by a reply. */
  onStored?(object: IncomingObject, file: WrittenFile): Promise<Reply | undefined> | Promise<void>;
  /**
   * Takes an object whose whole dataset fits `smallLimit` bytes (default 32 KiB) as a complete Part 10 file in memory, which it must
   * make durable before it resolves; without it small objects go to files as well. May answer otherwise by a reply.
   */
  onSmall?(object: IncomingObject, part10: Buffer): Promise<Reply | undefined> | Promise<void>;
  smallLimit?: number;
  /** Files that stand ready for objects, on the disk where they go. */
  prepared?: PreparedFiles;
  implementation?: Implementation;
  /** False leaves the checksum of files out. */
  hash?: boolean;
}

/** Storage as SCP: datasets go from the socket to a Part 10 file byte for byte, unparsed. */
export function storageService(options: StoreScpOptions): Service {
  return { syntaxes: options.syntaxes, operations: { 'C-STORE': (request) => store(request, options) } };
}

async function store(request: DimseRequest, options: StoreScpOptions): Promise<Reply> {
  const { command, context, association, data } = request;
  const sopInstanceUid = command.AffectedSOPInstanceUID ?? '';
  if (command.AffectedSOPClassUID !== context.abstractSyntax) {
    return { status: STATUS.noSuchClass, comment: 'the SOP class is not that of the presentation context' };
  }
  if (!context.weAreScp) return { status: STATUS.notAuthorized, comment: 'the requestor has no SCU role here' };
  if (!isUid(sopInstanceUid)) return { status: STATUS.invalidInstance, comment: 'no Affected SOP Instance UID' };
  if (!data) return { status: STATUS.cannotUnderstand, comment: 'no dataset' };
  const { callingAe, calledAe, node } = association.info;
  const { abstractSyntax: sopClassUid, transferSyntax } = context;
  const object = { sopClassUid, sopInstanceUid, transferSyntax, callingAe, calledAe, node };
  const path = await options.pathFor(object);
  if (typeof path !== 'string') return path;
  try {
    return (await receive(data, object, path, options)) ?? { status: STATUS.success };
  } catch (error) {
    if (!(error instanceof ScannerError) || error.code !== 'data.disk') throw error;
    return { status: STATUS.outOfResources, comment: error.message };
  }
}

async function receive(
  data: IncomingData,
  object: IncomingObject,
  path: string,
  options: StoreScpOptions,
): Promise<Reply | undefined> {
  const meta = { implementation: options.implementation, sourceAeTitle: object.callingAe };
  const parts = [encodeFileMeta(object, meta)];
  const pieces = data[Symbol.asyncIterator]();
  const whole = await gather(pieces, parts, options.onSmall ? (options.smallLimit ?? SMALL_LIMIT) : 0);
  if (parts.length === 1) throw new ScannerError('data.dicom', { where: 'dataset', message: 'it is empty' });
  if (whole && options.onSmall) return (await options.onSmall(object, Buffer.concat(parts))) ?? undefined;
  const stored = async (written: WrittenFile) => {
    const head = Buffer.concat(parts);
    return (await options.onStored?.({ ...object, head }, written)) ?? undefined;
  };
  const pumped = whole ? undefined : await pump(data, path, parts, options);
  if (pumped) return stored(pumped);
  const file = await DurableFile.create(path, { hash: options.hash });
  try {
    for (const part of parts) await file.write(part);
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) await file.write(next.value);
    return await stored(await file.commit());
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** By a thread, where the connection can be lent. */
async function pump(
  data: IncomingData,
  path: string,
  begin: readonly Buffer[],
  { prepared, hash = true }: StoreScpOptions,
): Promise<WrittenFile | undefined> {
  const ready = prepared?.take();
  const file = await data.toFile({
    path,
    temporary: ready?.path ?? temporaryName(path),
    prepared: ready?.bytes ?? 0,
    begin,
    hash,
  });
  if (file) prepared?.used(file.size);
  else if (ready) prepared?.giveBack(ready);
  return file;
}

/** Takes pieces until there are more than `limit` bytes. @returns true when that was all */
async function gather(pieces: AsyncIterator<Buffer>, parts: Buffer[], limit: number): Promise<boolean> {
  for (let size = 0; ; ) {
    const next = await pieces.next();
    if (next.done) return true;
    parts.push(next.value);
    size += next.value.length;
    if (size > limit) return false;
  }
}
