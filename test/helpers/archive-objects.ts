import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import type { Archive } from '../../runtime/archive/archive.js';
import type { ArchiveOptions } from '../../runtime/archive/indexed-archive.js';
import type { IndexQuery, IndexRow } from '../../runtime/archive/query.js';
import { dataset, needText, type Value } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
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

export const STUDY = '2.25.1000';

/** CT images of one new series, numbered from 1. */
export function images(count: number, pixelBytes = 2048): BuiltObject[] {
  const SeriesInstanceUID = makeUid();
  return Array.from({ length: count }, (_, i) =>
    header({
      ...{ StudyInstanceUID: STUDY, SeriesInstanceUID, SeriesNumber: '2', InstanceNumber: String(i + 1) },
      PixelData: Buffer.alloc(pixelBytes, i + 1),
    }),
  );
}

export async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, ScannerError);
  assert.is((error as ScannerError).code, code);
}

export async function dcmFiles(root: string): Promise<string[]> {
  const names = await readdir(join(root, 'objects'), { recursive: true });
  return names.filter((name) => name.endsWith('.dcm')).map((name) => join(root, 'objects', name));
}

/** Files and index agree, every file is whole, no temporary file is left. @returns how many there are */
export async function assertSound(root: string, archive: Archive): Promise<number> {
  const records = await archive.instances();
  const files = await dcmFiles(root);
  assert.equal(records.map((record) => record.file).sort(), files.sort());
  const names = await readdir(join(root, 'objects'), { recursive: true });
  assert.equal(names.filter((name) => name.endsWith('.part')).length, 0, 'temporary files are gone');
  for (const record of records) {
    const bytes = await readFile(record.file);
    assert.is(bytes.length, record.bytes);
    assert.is(createHash('sha256').update(bytes).digest('hex'), record.checksum);
    const { dataset: ds } = await readHeader(record.file);
    assert.is(ds['00080018']?.Value[0], record.sopInstanceUid);
  }
  const counts = (await archive.series()).reduce((sum, { instanceCount }) => sum + instanceCount, 0);
  assert.is(counts, records.length, 'the counts of the series');
  return files.length;
}

/** One archive of a test, with the database of its suite. */
export interface ArchiveSite {
  root: string;
  /** How another process opens it. */
  url?: string;
  /** Opens it; again after it was closed, or beside who has it open where the database allows that. */
  open(changes?: Partial<ArchiveOptions>): Promise<Archive>;
  release(): Promise<void>;
}
