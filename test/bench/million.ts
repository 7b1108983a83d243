/** An archive of a million instances, made through the catalogue: rows as imports make them, without the files. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { Catalogue, type IndexedObject } from '../../runtime/archive/catalogue.js';
import { patientKey } from '../../runtime/archive/header.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { SqliteDatabase } from '../../runtime/archive/sqlite-database.js';
import { queryService } from '../../runtime/dicom/services/query-scp.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import { findIn } from '../../runtime/network/query/finding.js';

const PATIENTS = 2000;
const STUDIES = 4000;
/** Sizes of the series of every tenth study, and of the others: 1,000,800 instances in 15,600 series. */
const LARGE = [1000, 600, 2];
const SMALL = [50, 43, 6, 1];
const MODALITIES = ['CT', 'PT', 'SR', 'OT'];
const GROUP = 5000;

const FAMILIES = [
  'Müller',
  'Schmidt',
  'Novák',
  'García',
  'Kowalski',
  'Sørensen',
  'Rossi',
  'Dubois',
  'Jansen',
  'Smith',
  'Yamada',
  'Ivanov',
];
const GIVEN = [
  'Anna',
  'Bert',
  'Chloé',
  'David',
  'Eva',
  'François',
  'Greta',
  'Hiro',
  'Inês',
  'Jörg',
  'Kim',
  'Łukasz',
  'Maria',
];

const digits = (value: number, count: number) => String(value).padStart(count, '0');

export interface Million {
  archive: SqliteArchive;
  instances: number;
  /** How long making it took. */
  seconds: number;
  /** A port where it answers C-FIND. */
  port: number;
}

function patient(p: number) {
  const family = `${FAMILIES[p % FAMILIES.length]}-${digits(Math.floor(p / 20), 3)}`;
  const birth_date = `19${digits(p % 100, 2)}${digits((p % 12) + 1, 2)}15`;
  const columns = {
    patient_id: `PID${digits(p, 6)}`,
    name: `${family}^${GIVEN[p % GIVEN.length]}`,
    birth_date,
    sex: 'O',
  };
  return { ...columns, attributes: '{}' };
}

function* objects(): Generator<IndexedObject> {
  for (let study = 0; study < STUDIES; study++) {
    const PATIENT = patient(study % PATIENTS);
    const studyInstanceUid = `1.3.12.2.1107.5.1.4.${study}`;
    const date = `20${digits(10 + (study % 16), 2)}${digits((study % 12) + 1, 2)}${digits((study % 28) + 1, 2)}`;
    const STUDY = {
      study_uid: studyInstanceUid,
      date,
      time: '101500',
      study_id: String(study),
      accession: `A${study}`,
    };
    const sizes = study % 10 === 0 ? LARGE : SMALL;
    for (const [number, size] of sizes.entries()) {
      const modality = MODALITIES[number]!;
      const seriesInstanceUid = `${studyInstanceUid}.${number + 1}`;
      const SERIES = {
        series_uid: seriesInstanceUid,
        modality,
        number: String(number + 1),
        description: `${modality} 5.0`,
      };
      for (let image = 1; image <= size; image++) {
        const sopInstanceUid = `${seriesInstanceUid}.${20260101000000 + image}.${digits((image * 7919) % 100000, 5)}`;
        const sopClassUid = '1.2.840.10008.5.1.4.1.1.2';
        const attributes = JSON.stringify({
          ContentDate: [date],
          ContentTime: [`1015${digits(image % 60, 2)}.000000`],
        });
        yield {
          header: {
            ...{
              studyInstanceUid,
              seriesInstanceUid,
              sopInstanceUid,
              sopClassUid,
              modality,
              characterSet: 'ISO_IR 192',
            },
            patientKey: patientKey(PATIENT),
            columns: {
              PATIENT,
              STUDY: { ...STUDY, description: 'PET/CT whole body', attributes: '{}' },
              SERIES: { ...SERIES, protocol: 'WB', attributes: '{"BodyPartExamined":["WHOLEBODY"]}' },
              IMAGE: { sop_uid: sopInstanceUid, class_uid: sopClassUid, number: String(image), attributes },
            },
          },
          file: {
            transferSyntaxUid: '1.2.840.10008.1.2.1',
            file: `objects/${studyInstanceUid}/${seriesInstanceUid}/${sopInstanceUid}.dcm`,
            ...{ bytes: 528_000, checksum: '0'.repeat(64), storedAt: 0, origin: 'received' },
          },
        };
      }
    }
  }
}

async function fill(path: string): Promise<number> {
  const database = new SqliteDatabase(path);
  const catalogue = new Catalogue(database.dialect);
  let group: IndexedObject[] = [];
  let count = 0;
  const flush = async () => {
    await database.transaction(() => catalogue.addAll(group));
    count += group.length;
    group = [];
  };
  for (const object of objects()) if (group.push(object) === GROUP) await flush();
  await flush();
  await database.close();
  return count;
}

let made: Promise<Million> | undefined;

async function make(): Promise<Million> {
  const root = mkdtempSync(join(tmpdir(), 'petrig-million-'));
  process.on('exit', () => rmSync(root, { recursive: true, force: true }));
  const clock = new ScaledClock();
  // opened while it is empty: the next opening would miss the files
  const archive = await SqliteArchive.open({ root, clock, log: silentLog });
  const started = performance.now();
  const instances = await fill(join(root, 'archive.sqlite'));
  const seconds = (performance.now() - started) / 1000;
  const queries = queryService({ retrieveAeTitle: 'PETRIG', find: findIn(archive), log: silentLog });
  const server = new DicomServer({ port: 0, clock, log: silentLog, services: [verificationService(), queries] });
  return { archive, instances, seconds, port: await server.listen() };
}

/** Made once, for all who ask. */
export function million(): Promise<Million> {
  made ??= make();
  return made;
}
