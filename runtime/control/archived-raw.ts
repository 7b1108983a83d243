/** Raw data of an ended examination: its files where they still are, else the values of the objects that the archive has of them. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { ScannerError } from '../../hal/base/errors.js';
import type { Archive } from '../archive/archive.js';
import { readHeader } from '../dicom/dataset/header.js';
import type { RawSet } from '../raw/rawset.js';
import { rawSeriesKey } from './imaging.js';
import type { ExamRecord } from './record.js';

/** Where the words stand in a raw data object. */
const DATA_TAG = '7FE11010';

export type RawPlace = 'archive' | 'folder' | 'missing';

/** Where a range's raw data are; nothing of them is read. */
export async function placeOfRaw(record: ExamRecord, rangeId: string, archive: Archive): Promise<RawPlace> {
  const sets = record.rawSets[rangeId] ?? [];
  if (sets.length === 0) return 'missing';
  if ((await objectsOf(record, rangeId, archive)).length === sets.length) return 'archive';
  const there = await Promise.all(sets.map(({ file }) => access(file).then(...YES_OR_NO)));
  return there.every(Boolean) ? 'folder' : 'missing';
}

const YES_OR_NO = [() => true, () => false] as const;

/**
 * A range's raw sets, each with its words checked against their checksum.
 * @throws ScannerError data.missing, data.invalid for words that changed, timeout.aborted
 */
export async function rawOf(
  record: ExamRecord,
  rangeId: string,
  archive: Archive,
  signal: AbortSignal,
): Promise<RawSet[]> {
  const place = await placeOfRaw(record, rangeId, archive);
  if (place === 'missing') throw new ScannerError('data.missing', { what: `raw data of range ${rangeId}` });
  const recorded = record.rawSets[rangeId]!;
  const objects = place === 'archive' ? await objectsOf(record, rangeId, archive) : [];
  const sets: RawSet[] = [];
  for (const [i, set] of recorded.entries()) {
    const found = objects[i] ? await within(set, objects[i].file) : set;
    await mustBeUnchanged(found, signal);
    sets.push(found);
  }
  return sets;
}

async function objectsOf(record: ExamRecord, rangeId: string, archive: Archive) {
  const series = record.series.find(({ key }) => key === rawSeriesKey(rangeId));
  if (!series) return [];
  return archive.instances({ seriesInstanceUid: series.summary.seriesInstanceUid });
}

/** The set as it stands in its object: the words, and behind them CT's trace. */
async function within(set: RawSet, file: string): Promise<RawSet> {
  const { dataset } = await readHeader(file);
  const found = dataset[DATA_TAG]?.bulk;
  const traceBytes = set.ct ? set.ct.readings * 24 : 0;
  const expected = set.bytes + traceBytes;
  if (!found || found.inflated || (found.length ?? 0) < expected) {
    throw new ScannerError('data.truncated', { what: `raw data in ${file}`, got: found?.length ?? 0, expected });
  }
  const { offset } = found;
  const ct = set.ct && { ...set.ct, indexFile: file, indexOffset: offset + set.bytes };
  return { ...set, file, offset, ct };
}

async function mustBeUnchanged({ file, offset = 0, bytes, checksum }: RawSet, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256');
  const stream = createReadStream(file, { start: offset, end: offset + bytes - 1, highWaterMark: 1 << 20 });
  for await (const chunk of stream) {
    if (signal.aborted) throw new ScannerError('timeout.aborted', { what: 'reading raw data' });
    hash.update(chunk as Buffer);
  }
  if (hash.digest('hex') === checksum) return;
  throw new ScannerError('data.invalid', { what: `raw data in ${file}`, message: 'not what the detector sent' });
}
