/** Objects of an archive of version 1 are read again: its index had not what may be asked for now. */

import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import { dataset } from '../dicom/dataset/dataset.js';
import { readHeader } from '../dicom/dataset/header.js';
import type { Catalogue, IndexedFile } from './catalogue.js';
import { type IndexedHeader, indexedHeader } from './header.js';
import { row, rows, type SqlDatabase, type Work } from './sql.js';

const GROUP = 200;
const PROGRESS_MS = 5000;
const OLD_TABLES = ['instance', 'series', 'study', 'patient'];

interface OldInstance extends Omit<IndexedFile, 'transferSyntaxUid'> {
  syntax: string;
  missing: number;
  keywords: string;
}

/** Keywords by what version 1 called them, for objects whose file is gone. */
const OLD_COLUMNS = `
  'SOPInstanceUID', i.sop_uid, 'SOPClassUID', i.class_uid, 'InstanceNumber', i.number, 'SeriesInstanceUID', s.series_uid,
  'Modality', s.modality, 'SeriesNumber', s.number, 'SeriesDescription', s.description, 'ProtocolName', s.protocol,
  'StudyInstanceUID', t.study_uid, 'StudyDate', t.date, 'StudyTime', t.time, 'StudyID', t.study_id,
  'AccessionNumber', t.accession, 'StudyDescription', t.description, 'PatientID', p.patient_id, 'PatientName', p.name,
  'PatientBirthDate', p.birth_date, 'PatientSex', p.sex`;

export interface ReindexOptions {
  root: string;
  database: SqlDatabase;
  catalogue: Catalogue;
  clock: Clock;
  log: Log;
}

/** Brings what waits in the tables `old_*` into the new ones, a group at a time; a kill leaves the rest for the next opening. */
export async function reindex({ root, database, catalogue, clock, log }: ReindexOptions): Promise<void> {
  if (!(await database.read(hasOldTables))) return;
  const total = await database.read(countOld);
  let done = 0;
  let told = clock.wall.now();
  for (;;) {
    const group = await database.read(oldGroup);
    if (group.length === 0) break;
    const objects = await Promise.all(group.map(async (old) => ({ old, header: await headerOf(root, old) })));
    await database.transaction(function* () {
      for (const { old, header } of objects) yield* move(catalogue, old, header);
    });
    done += group.length;
    if (clock.wall.now() - told < PROGRESS_MS) continue;
    told = clock.wall.now();
    log.info({ done, total }, 'objects of an older archive are read again');
  }
  await database.transaction(function* () {
    for (const table of OLD_TABLES) yield* rows(`DROP TABLE old_${table}`);
  });
  log.info({ objects: total }, 'the index of an older archive is renewed');
}

function* hasOldTables(): Work<boolean> {
  return (yield* rows("SELECT 1 FROM sqlite_master WHERE name = 'old_instance'")).length > 0;
}

function* countOld(): Work<number> {
  return (yield* row<{ count: number }>('SELECT count(*) AS count FROM old_instance'))!.count;
}

function* oldGroup(): Work<OldInstance[]> {
  return yield* rows<OldInstance>(
    `SELECT i.file, i.bytes, i.checksum, i.stored_at AS "storedAt", i.origin, i.syntax_uid AS syntax, i.missing,
       json_object(${OLD_COLUMNS}) AS keywords
     FROM old_instance i JOIN old_series s ON s.series_uid = i.series_uid JOIN old_study t ON t.study_uid = s.study_uid
       JOIN old_patient p ON p.patient_key = t.patient_key LIMIT :limit`,
    { limit: GROUP },
  );
}

async function headerOf(root: string, old: OldInstance): Promise<IndexedHeader> {
  try {
    return indexedHeader((await readHeader(join(root, old.file), { stopAtTag: '7FE00010' })).dataset);
  } catch {
    return indexedHeader(dataset(JSON.parse(old.keywords) as Record<string, string>));
  }
}

function* move(catalogue: Catalogue, old: OldInstance, header: IndexedHeader): Work<void> {
  const { syntax, missing, file, bytes, checksum, storedAt, origin } = old;
  const indexed = { transferSyntaxUid: syntax, file, bytes, checksum, storedAt, origin };
  yield* catalogue.addAll([{ header, file: indexed }]);
  if (missing) yield* catalogue.setMissing(header.sopInstanceUid, true);
  const { SOPInstanceUID: uid = header.sopInstanceUid } = JSON.parse(old.keywords) as Record<string, string>;
  yield* rows('DELETE FROM old_instance WHERE sop_uid = :uid', { uid });
}
