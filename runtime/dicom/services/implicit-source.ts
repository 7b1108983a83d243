import type { FileHandle } from 'node:fs/promises';
import type { BulkValue } from '../dataset/bulk.js';
import { readHeader } from '../dataset/header.js';
import { datasetSegments } from '../dataset/segments.js';
import { IMPLICIT_LITTLE_ENDIAN } from '../dataset/transfer-syntax.js';
import { type DataSource, fileSource, joined } from '../dimse/source.js';

interface FileValue extends BulkValue {
  offset: number;
  length: number;
}

/**
 * The dataset of an explicit VR little endian file in implicit VR, the one syntax that every peer takes (PS3.5 10.1).
 * Big values are read from the file as they are sent.
 * @throws ScannerError data.dicom, data.text, limit.size
 */
export async function implicitSource(path: string, handle: FileHandle): Promise<DataSource> {
  const { dataset } = await readHeader(path);
  const bulk: Record<string, FileValue> = {};
  for (const [tag, element] of Object.entries(dataset)) {
    if (element.bulk?.length === undefined) continue;
    bulk[tag] = { offset: element.bulk.offset, length: element.bulk.length, chunks: [] };
  }
  const parts: (Buffer | DataSource)[] = [];
  for (const segment of datasetSegments(dataset, IMPLICIT_LITTLE_ENDIAN, bulk)) {
    if (Buffer.isBuffer(segment)) parts.push(segment);
    else parts.push(fileSource(handle, segment.value.offset, segment.value.offset + segment.value.length));
  }
  return joined(parts);
}
