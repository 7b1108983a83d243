import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { DEFAULT_IMPLEMENTATION, type Implementation } from '../implementation.js';
import type { BulkValue } from './bulk.js';
import { type Dataset, dataset, needText, setElement } from './dataset.js';
import { DurableFile, type WrittenFile } from './durable-file.js';
import { encodeDataset, encodeElementHeader } from './encode.js';
import { EXPLICIT_LITTLE_ENDIAN, isImplicit } from './transfer-syntax.js';

const UNDEFINED_LENGTH = 0xffffffff;

export interface Part10Options {
  implementation?: Implementation;
  /** AE title for Source Application Entity Title. */
  sourceAeTitle?: string;
  /** Values to stream, by tag 'GGGGEEEE'; the dataset holds that element with its VR and an empty Value. */
  bulk?: Readonly<Record<string, BulkValue>>;
}

/** The preamble, DICM and the file meta information of an object: PS3.10 7.1. */
export function encodeFileMeta(
  object: { sopClassUid: string; sopInstanceUid: string; transferSyntax: string },
  options: { implementation?: Implementation; sourceAeTitle?: string } = {},
): Buffer {
  const implementation = options.implementation ?? DEFAULT_IMPLEMENTATION;
  const meta = dataset({
    FileMetaInformationVersion: Uint8Array.of(0, 1),
    MediaStorageSOPClassUID: object.sopClassUid,
    MediaStorageSOPInstanceUID: object.sopInstanceUid,
    TransferSyntaxUID: object.transferSyntax,
    ImplementationClassUID: implementation.classUid,
    ImplementationVersionName: implementation.versionName,
  });
  if (options.sourceAeTitle) setElement(meta, 'SourceApplicationEntityTitle', 'AE', [options.sourceAeTitle]);
  const body = encodeDataset(meta, EXPLICIT_LITTLE_ENDIAN);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  const groupLength = Buffer.concat([encodeElementHeader('00020000', 'UL', 4, false), length]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM', 'latin1'), groupLength, body]);
}

/**
 * Writes a Part 10 file that appears under `path` whole and durable, or not at all: temporary file, fsync, rename, fsync of the folder.
 * @param ds the object; SOP Class UID and SOP Instance UID name it in the meta header
 * @throws ScannerError data.missing, data.invalid, data.text, data.disk
 */
export async function writePart10File(
  path: string,
  ds: Dataset,
  transferSyntax: string,
  options: Part10Options = {},
): Promise<WrittenFile> {
  const object = {
    sopClassUid: needText(ds, 'SOPClassUID'),
    sopInstanceUid: needText(ds, 'SOPInstanceUID'),
    transferSyntax,
  };
  const writer = await DurableFile.create(path);
  try {
    await writer.write(encodeFileMeta(object, options));
    await writeDataset(writer, ds, transferSyntax, options.bulk ?? {});
    return await writer.commit();
  } catch (error) {
    await writer.discard();
    throw asScannerError(error, 'data.disk', { path });
  }
}

async function writeDataset(
  writer: DurableFile,
  ds: Dataset,
  transferSyntax: string,
  bulk: Readonly<Record<string, BulkValue>>,
): Promise<void> {
  const tags = Object.keys(bulk).sort();
  let rest = ds;
  for (const tag of tags) {
    const element = ds[tag];
    if (!element) throw new ScannerError('data.missing', { what: `element ${tag} of the bulk value` });
    const before = Object.fromEntries(Object.entries(rest).filter(([key]) => key < tag));
    rest = Object.fromEntries(Object.entries(rest).filter(([key]) => key > tag));
    const charset = ds['00080005'];
    if (charset && !before['00080005'] && tag > '00080005')
      await writer.write(encodeTail(before, charset, transferSyntax));
    else await writer.write(encodeDataset(before, transferSyntax));
    await writeBulk(writer, tag, element.vr, bulk[tag]!, isImplicit(transferSyntax));
  }
  const charset = ds['00080005'];
  await writer.write(
    tags.length > 0 && charset ? encodeTail(rest, charset, transferSyntax) : encodeDataset(rest, transferSyntax),
  );
}

/** Elements after a bulk value are written in the object's character set, which stands before it. */
function encodeTail(ds: Dataset, charset: Dataset[string], transferSyntax: string): Buffer {
  const own = { '00080005': charset };
  return encodeDataset({ ...ds, ...own }, transferSyntax).subarray(encodeDataset(own, transferSyntax).length);
}

async function writeBulk(
  writer: DurableFile,
  tag: string,
  vr: string,
  value: BulkValue,
  implicit: boolean,
): Promise<void> {
  const { length } = value;
  const padded = length === undefined ? UNDEFINED_LENGTH : length + (length & 1);
  if (length !== undefined && padded >= UNDEFINED_LENGTH) {
    throw new ScannerError('limit.size', { what: `value of ${tag}`, value: length, max: UNDEFINED_LENGTH - 1 });
  }
  await writer.write(encodeElementHeader(tag, vr, padded, implicit));
  let got = 0;
  for await (const chunk of value.chunks) {
    got += chunk.byteLength;
    await writer.write(chunk);
  }
  if (length === undefined) return;
  if (got !== length) throw new ScannerError('data.truncated', { what: `bulk value of ${tag}`, got, expected: length });
  if (length & 1) await writer.write(Buffer.from([0]));
}
