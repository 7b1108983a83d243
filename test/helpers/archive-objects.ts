import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Archive } from '../../runtime/archive/archive.js';
import type { IndexQuery, IndexRow } from '../../runtime/archive/query.js';
import { dataset, needText, type Value } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/part10.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import type { BuiltObject } from '../../runtime/objects/instance.js';

export type Fields = Record<string, Value | readonly Value[] | undefined>;

/** An object without pixels; `fields` add to it or take its place. */
export function header(fields: Fields = {}): BuiltObject {
  return {
    dataset: dataset({
      SpecificCharacterSet: 'ISO_IR 192',
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
      SOPInstanceUID: makeUid(),
      StudyInstanceUID: '2.25.1000',
      SeriesInstanceUID: '2.25.1001',
      Modality: 'CT',
      PatientName: 'Müller^Jörg',
      PatientID: 'P1',
      ...fields,
    }),
  };
}

/** The object as a Part 10 file in memory. */
export function part10({ dataset: ds }: BuiltObject): Buffer {
  const named = { sopClassUid: needText(ds, 'SOPClassUID'), sopInstanceUid: needText(ds, 'SOPInstanceUID') };
  return Buffer.concat([
    encodeFileMeta({ ...named, transferSyntax: EXPLICIT_LITTLE_ENDIAN }),
    encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN),
  ]);
}

export async function rowsOf(archive: Archive, query: IndexQuery): Promise<IndexRow[]> {
  const found: IndexRow[] = [];
  for await (const row of archive.query(query)) found.push(row);
  return found;
}

/** A folder for one test; `release` removes it. */
export async function freshFolder(): Promise<{ root: string; release(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'petrig-archive-'));
  return { root, release: () => rm(root, { recursive: true, force: true }) };
}

/** A copy of `file` under `root`/incoming, as the storage SCP leaves it. */
export async function arrived(root: string, file: string): Promise<string> {
  const folder = join(root, 'incoming');
  await mkdir(folder, { recursive: true });
  const path = join(folder, makeUid());
  await copyFile(file, path);
  return path;
}
