import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { DEFAULT_IMPLEMENTATION, type Implementation } from '../implementation.js';
import type { BulkValue } from './bulk.js';
import { type Dataset, dataset, needText, setElement } from './dataset.js';
import { DurableFile, type WrittenFile } from './durable-file.js';
import { encodeElementHeader } from './element-header.js';
import { encodeDataset } from './encode.js';
import { datasetSegments } from './segments.js';
import { EXPLICIT_LITTLE_ENDIAN, encodingOf } from './transfer-syntax.js';

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
  const groupLength = Buffer.concat([
    encodeElementHeader('00020000', 'UL', 4, encodingOf(EXPLICIT_LITTLE_ENDIAN)),
    length,
  ]);
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
    for (const segment of datasetSegments(ds, transferSyntax, options.bulk ?? {})) {
      if (Buffer.isBuffer(segment)) await writer.write(segment);
      else await writeBulk(writer, segment.tag, segment.value);
    }
    return await writer.commit();
  } catch (error) {
    await writer.discard();
    throw asScannerError(error, 'data.disk', { path });
  }
}

async function writeBulk(writer: DurableFile, tag: string, { length, chunks }: BulkValue): Promise<void> {
  let got = 0;
  for await (const chunk of chunks) {
    got += chunk.byteLength;
    await writer.write(chunk);
  }
  if (length !== undefined && got !== length) {
    throw new ScannerError('data.truncated', { what: `bulk value of ${tag}`, got, expected: length });
  }
}
