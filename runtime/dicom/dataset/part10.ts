import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { Implementation } from '../implementation.js';
import type { BulkValue } from './bulk.js';
import { type Dataset, needText } from './dataset.js';
import { DurableFile, type WrittenFile } from './durable-file.js';
import { encodeFileMeta } from './file-meta.js';
import { datasetSegments } from './segments.js';

export interface Part10Options {
  implementation?: Implementation;
  /** AE title for Source Application Entity Title. */
  sourceAeTitle?: string;
  /** Values to stream, by tag 'GGGGEEEE'; the dataset holds that element with its VR and an empty Value. */
  bulk?: Readonly<Record<string, BulkValue>>;
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
