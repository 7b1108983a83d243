import { ScannerError } from '../../../hal/base/errors.js';
import { DurableFile, type WrittenFile } from '../dataset/durable-file.js';
import { encodeFileMeta } from '../dataset/part10.js';
import { isUid } from '../dataset/uid.js';
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
  calledAe: string;
}

export interface StoreScpOptions {
  /** Transfer syntaxes taken, best first, by SOP class. */
  syntaxes: Readonly<Record<string, readonly string[]>>;
  /** Where the object goes. May refuse by a reply. */
  pathFor(object: IncomingObject): string | Reply | Promise<string | Reply>;
  /** Called when the file is whole and on the disk; success is answered only after it resolves. May answer otherwise by a reply. */
  onStored?(object: IncomingObject, file: WrittenFile): Promise<Reply | undefined> | Promise<void>;
  implementation?: Implementation;
  /** False leaves the checksum out. */
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
  if (!isUid(sopInstanceUid)) return { status: STATUS.invalidInstance, comment: 'no Affected SOP Instance UID' };
  if (!data) return { status: STATUS.cannotUnderstand, comment: 'no dataset' };
  const { callingAe, calledAe } = association.info;
  const { abstractSyntax: sopClassUid, transferSyntax } = context;
  const object = { sopClassUid, sopInstanceUid, transferSyntax, callingAe, calledAe };
  const path = await options.pathFor(object);
  if (typeof path !== 'string') return path;
  try {
    const file = await receive(request, object, path, options);
    return (await options.onStored?.(object, file)) ?? { status: STATUS.success };
  } catch (error) {
    if (!(error instanceof ScannerError) || error.code !== 'data.disk') throw error;
    return { status: STATUS.outOfResources, comment: error.message };
  }
}

async function receive(
  request: DimseRequest,
  object: IncomingObject,
  path: string,
  options: StoreScpOptions,
): Promise<WrittenFile> {
  const file = await DurableFile.create(path, { hash: options.hash });
  try {
    const meta = { implementation: options.implementation, sourceAeTitle: object.callingAe };
    await file.write(encodeFileMeta(object, meta));
    const before = file.size;
    for await (const part of request.data!) await file.write(part);
    if (file.size === before) throw new ScannerError('data.dicom', { where: 'dataset', message: 'it is empty' });
    return await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}
