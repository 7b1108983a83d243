/** Storage as SCP, as the statement has it: 3.2.3. */

import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../hal/base/clock.js';
import { asScannerError, type ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { Archive, KnownOfObject } from '../../archive/archive.js';
import { readExactly } from '../../dicom/codecs/bytes.js';
import type { CodecPool } from '../../dicom/codecs/pool.js';
import { decodeDataset } from '../../dicom/dataset/decode.js';
import { DurableFile, type WrittenFile } from '../../dicom/dataset/durable-file.js';
import { encodeFileMeta } from '../../dicom/dataset/file-meta.js';
import type { PreparedFiles } from '../../dicom/dataset/prepared-files.js';
import { textNotes } from '../../dicom/dimse/message.js';
import type { DimseRequest, Reply } from '../../dicom/dimse/performer.js';
import { hexStatus, STATUS, statusClass } from '../../dicom/dimse/status.js';
import type { Implementation } from '../../dicom/implementation.js';
import type { Caller, Service } from '../../dicom/services/server.js';
import { type IncomingObject, storageService } from '../../dicom/services/store-scp.js';
import { storageSyntaxes } from '../../dicom/storage-classes.js';
import { type ChangedObject, type Changes, changeObject, changesFor } from './changes.js';
import { rememberConversion } from './conversions.js';
import { datasetInFile, datasetInMemory, type ReceivedDataset } from './file.js';
import { type Findings, inspect } from './findings.js';
import { implausible } from './plausible.js';
import { DiskGauge } from './resources.js';

/** Where received objects go: the archive. */
export interface ObjectSink extends Pick<Archive, 'saveState'> {
  /** Takes the file over. Resolves when the object is durable, also when the first of its UID is kept instead of it. */
  importFile(path: string, known?: KnownOfObject): Promise<unknown>;
  importBytes(part10: Buffer, known?: KnownOfObject): Promise<unknown>;
}

export interface ReceivingOptions {
  archive: ObjectSink;
  /** For objects on their way in; on the archive's disk. */
  folder: string;
  codecs: CodecPool;
  /** What is done to a sender's objects: changed as the statement orders, or nothing at all. */
  importFrom(sender: Caller): 'statement' | 'preserve';
  /** Files that stand ready for objects, on the disk of `folder`. */
  prepared?: PreparedFiles;
  /** Objects are refused while less is free on the disk, bytes. */
  reserveBytes: number;
  uidRoot?: string;
  implementation?: Implementation;
  clock: Clock;
  log: Log;
}

/** A dataset up to this is handed over in memory when it has been changed, bytes. */
const SMALL_BYTES = 64 * 1024;

/** Takes objects into the archive; whatever is not success is answered, and then the association is aborted: 3.2.3.1.3. */
export function receivingService(options: ReceivingOptions): Service {
  const receiver = new ObjectReceiver(options);
  const storage = storageService({
    syntaxes: storageSyntaxes(),
    implementation: options.implementation,
    prepared: options.prepared,
    pathFor: () => receiver.place(),
    onStored: (object, file) => receiver.file(object, file),
    onSmall: (object, part10) => receiver.small(object, part10),
  });
  const store = storage.operations['C-STORE']!;
  return { ...storage, operations: { 'C-STORE': (request) => answered(request, store, options.log) } };
}

async function answered(
  request: DimseRequest,
  store: NonNullable<Service['operations']['C-STORE']>,
  log: Log,
): Promise<Reply> {
  const reply = await (store(request) as Promise<Reply>).catch((error: unknown) => {
    if (request.association.over) throw error;
    const failure = asScannerError(error);
    return refusal(failure, failure.kind === 'data' ? STATUS.invalidDataSet : STATUS.processingFailure);
  });
  if (statusClass(reply.status) !== 'success') {
    const { callingAe } = request.association.info;
    const sopInstanceUid = request.command.AffectedSOPInstanceUID;
    log.warn({ callingAe, sopInstanceUid, status: hexStatus(reply.status), comment: reply.comment }, 'object refused');
    const reason = `an object was refused with ${hexStatus(reply.status)}`;
    void request.replied.then(() => request.association.abort(reason));
  }
  return reply;
}

/** Takes one object after another into the archive, as the statement orders. */
export class ObjectReceiver {
  readonly #options: ReceivingOptions;
  readonly #disk: DiskGauge;
  /** No other process' files are called so, nor those that this one left behind when it ran before. */
  readonly #own = randomBytes(12).toString('hex');
  #names = 0;

  constructor(options: ReceivingOptions) {
    this.#options = options;
    this.#disk = new DiskGauge(options.folder, options.clock);
  }

  /** Where a file may be written, or why none may. */
  async place(): Promise<string | Reply> {
    const { reserveBytes } = this.#options;
    const free = await this.#disk.free();
    if (free >= reserveBytes) return this.#newPath();
    return { status: STATUS.outOfResources, comment: `${free} bytes are free on the disk, ${reserveBytes} are kept` };
  }

  #newPath(): string {
    return join(this.#options.folder, `${this.#own}-${++this.#names}.dcm`);
  }

  /** A Part 10 file, which is gone afterwards. @returns the refusal, or undefined when the object is in the archive */
  async file(object: IncomingObject, { path, size, sha256 }: WrittenFile): Promise<Reply | undefined> {
    const open = () => datasetInFile(path, size, object.head);
    const keep = (known: KnownOfObject) =>
      this.#options.archive.importFile(path, { ...known, checksum: sha256 || undefined });
    const taken = await this.#take(object, open, keep);
    if (taken !== 'kept') await unlink(path).catch(() => undefined);
    return typeof taken === 'object' ? taken : undefined;
  }

  async small(object: IncomingObject, part10: Buffer): Promise<Reply | undefined> {
    const open = async () => datasetInMemory(part10);
    const taken = await this.#take(object, open, (known) => this.#options.archive.importBytes(part10, known));
    return typeof taken === 'object' ? taken : undefined;
  }

  /** @returns 'kept' when the object went as it came, 'changed' when another one went in its place, or the refusal */
  async #take(
    object: IncomingObject,
    open: () => Promise<ReceivedDataset>,
    keep: (known: KnownOfObject) => Promise<unknown>,
  ): Promise<'kept' | 'changed' | Reply> {
    let dataset: ReceivedDataset | undefined;
    try {
      dataset = await open();
      const found = await this.#check(object, dataset);
      if ('status' in found) return found;
      const asIs = this.#options.importFrom(object) === 'preserve';
      const changes = asIs ? undefined : changesFor(object, found);
      if (changes) await this.#keepChanged(object, dataset, changes);
      else await keep({ header: await headerOf(dataset, object, found, this.#options.log) });
      return changes ? 'changed' : 'kept';
    } catch (error) {
      return refusal(asScannerError(error), STATUS.processingFailure);
    } finally {
      await dataset?.close();
    }
  }

  async #check(object: IncomingObject, { bytes }: ReceivedDataset): Promise<Reply | Findings> {
    try {
      const found = await inspect(bytes, object.transferSyntax);
      const wrong = implausible(object, found);
      return wrong ? { status: STATUS.invalidDataSet, comment: wrong } : found;
    } catch (error) {
      return refusal(asScannerError(error), STATUS.invalidDataSet);
    }
  }

  async #keepChanged(object: IncomingObject, { bytes }: ReceivedDataset, changes: Changes): Promise<void> {
    const changed = await changeObject(bytes, object, changes, this.#options);
    const { sopInstanceUid } = changed;
    const converted = sopInstanceUid !== object.sopInstanceUid;
    if (converted) await rememberConversion(this.#options.archive, object.sopInstanceUid, sopInstanceUid);
    const fields = { from: object.callingAe, sopInstanceUid: object.sopInstanceUid, changes };
    if (converted) this.#options.log.info({ ...fields, newSopInstanceUid: sopInstanceUid }, 'retired class converted');
    else this.#options.log.debug(fields, 'object changed on import');
    await this.#write(object, changed);
  }

  async #write({ callingAe }: IncomingObject, changed: ChangedObject): Promise<void> {
    const { archive, implementation } = this.#options;
    const meta = encodeFileMeta(changed, { implementation, sourceAeTitle: callingAe });
    if (changed.plan.length <= SMALL_BYTES) {
      const parts: Uint8Array[] = [meta];
      for await (const chunk of changed.plan.chunks()) parts.push(chunk);
      await archive.importBytes(Buffer.concat(parts));
      return;
    }
    const file = await DurableFile.create(this.#newPath(), { hash: false });
    try {
      await file.write(meta);
      for await (const chunk of changed.plan.chunks()) await file.write(chunk);
      const { path } = await file.commit();
      await archive.importFile(path);
    } catch (error) {
      await file.discard();
      throw error;
    }
  }
}

/** What the index wants to know, where it is in memory already; what cannot be read here the archive judges. */
async function headerOf(
  { bytes }: ReceivedDataset,
  { transferSyntax }: IncomingObject,
  { indexed }: Findings,
  log: Log,
) {
  if (indexed.some(([, end]) => end > SMALL_BYTES)) return undefined;
  const parts: Buffer[] = [];
  for (const [start, end] of indexed) parts.push(await readExactly(bytes, start, end - start));
  try {
    const dataset = decodeDataset(Buffer.concat(parts), transferSyntax, { onText: textNotes(log) });
    return { dataset, transferSyntax };
  } catch {
    return undefined;
  }
}

/** A700 where the disk or a limit is at fault; what else went wrong as the caller says. */
function refusal(error: ScannerError, otherwise: number): Reply {
  const isResource = error.code === 'data.disk' || error.kind === 'limit';
  return { status: isResource ? STATUS.outOfResources : otherwise, comment: error.message };
}
