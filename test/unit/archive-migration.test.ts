/** An archive that version 1 of the index left behind. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import type { Archive } from '../../runtime/archive/archive.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { type ArchiveSite, assertSound, header, rejects, rowsOf } from '../helpers/archive-objects.js';
import { sqliteSite } from '../helpers/archive-sites.js';

const test = suite('archive of version 1');

/** The tables as version 1 made them. */
const VERSION_1 = `
  CREATE TABLE patient (patient_key INTEGER PRIMARY KEY, patient_id TEXT NOT NULL, name TEXT NOT NULL, birth_date TEXT NOT NULL,
    sex TEXT NOT NULL, UNIQUE (patient_id, name, birth_date));
  CREATE TABLE study (study_uid TEXT PRIMARY KEY, patient_key INTEGER NOT NULL REFERENCES patient, date TEXT NOT NULL,
    time TEXT NOT NULL, study_id TEXT NOT NULL, accession TEXT NOT NULL, description TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX study_patient ON study (patient_key);
  CREATE TABLE series (series_uid TEXT PRIMARY KEY, study_uid TEXT NOT NULL REFERENCES study, modality TEXT NOT NULL,
    number TEXT NOT NULL, description TEXT NOT NULL, protocol TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX series_study ON series (study_uid);
  CREATE TABLE instance (sop_uid TEXT PRIMARY KEY, series_uid TEXT NOT NULL REFERENCES series, class_uid TEXT NOT NULL,
    syntax_uid TEXT NOT NULL, number TEXT NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL, checksum TEXT NOT NULL,
    stored_at REAL NOT NULL, origin TEXT NOT NULL, missing INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
  CREATE INDEX instance_series ON instance (series_uid);
  CREATE TABLE delivery (sop_uid TEXT NOT NULL, node TEXT NOT NULL, sent TEXT NOT NULL, status INTEGER, at REAL NOT NULL,
    commitment TEXT NOT NULL DEFAULT 'none', transaction_uid TEXT NOT NULL DEFAULT '', reason INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sop_uid, node)) WITHOUT ROWID;
  CREATE INDEX delivery_transaction ON delivery (transaction_uid);
  CREATE TABLE fact (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, body TEXT NOT NULL);
  CREATE TABLE cursor (consumer TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE ack (consumer TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (consumer, seq)) WITHOUT ROWID;
  CREATE TABLE state (owner TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID;
  INSERT INTO patient VALUES (1, 'P1', 'Müller^Jörg', '', '');
  INSERT INTO study VALUES ('2.25.1000', 1, '20260101', '1015', '7', 'A7', 'WB');
  INSERT INTO series VALUES ('2.25.1001', '2.25.1000', 'CT', '2', 'CT 5.0', 'WB');
  INSERT INTO fact (at, body) VALUES (1, '{"type":"instance.stored"}'), (2, '{"type":"instance.stored"}');
  INSERT INTO cursor VALUES ('mpps', 1);
  INSERT INTO state VALUES ('sends', 'S1', '{"a":1}');
  PRAGMA user_version = 1;`;

const COUNT = 450;
const fileOf = (uid: string) => `objects/2.25.1000/2.25.1001/${uid}.dcm`;

/** Objects whose files are there, and one whose file is gone. */
async function version1({ root }: ArchiveSite): Promise<void> {
  await mkdir(join(root, 'objects/2.25.1000/2.25.1001'), { recursive: true });
  const db = new Database(join(root, 'archive.sqlite'));
  db.exec(VERSION_1);
  const add = db.prepare(
    `INSERT INTO instance VALUES (?, '2.25.1001', '1.2.840.10008.5.1.4.1.1.2', ?, ?, ?, ?, ?, 5, 'made', ?)`,
  );
  for (let i = 1; i <= COUNT; i++) {
    const uid = `2.25.77.${i}`;
    const { dataset } = header({ SOPInstanceUID: uid, InstanceNumber: String(i), BodyPartExamined: 'CHEST' });
    const { size, sha256 } = await writePart10File(join(root, fileOf(uid)), dataset, EXPLICIT_LITTLE_ENDIAN);
    add.run(uid, EXPLICIT_LITTLE_ENDIAN, String(i), fileOf(uid), size, sha256, 0);
  }
  add.run('2.25.78.1', EXPLICIT_LITTLE_ENDIAN, '999', fileOf('2.25.78.1'), 1, 'x', 1);
  db.prepare(`INSERT INTO delivery (sop_uid, node, sent, at) VALUES ('2.25.77.1', 'PACS', 'sent', 3)`).run();
  db.close();
}

async function assertRenewed(root: string, archive: Archive): Promise<void> {
  assert.is(await assertSound(root, archive), COUNT);
  const conditions = { PatientName: { match: 'name', pattern: 'MÜLLER*' } } as const;
  const wanted = ['BodyPartExamined', 'NumberOfSeriesRelatedInstances'];
  const [series, ...more] = await rowsOf(archive, { level: 'SERIES', conditions, wanted });
  assert.equal([series?.values.BodyPartExamined, more.length], [['CHEST'], 0], 'read from the headers');
  assert.equal(series?.values.NumberOfSeriesRelatedInstances, [String(COUNT)]);
  assert.is((await archive.instances({ sopInstanceUids: ['2.25.77.3'] }))[0]?.storedAt, 5);
  assert.is((await archive.deliveries({ node: 'PACS' })).length, 1);
  assert.equal(
    (await archive.facts('mpps')).map(({ seq }) => seq),
    [2],
  );
  assert.equal(await archive.loadState('sends', 'S1'), { a: 1 });
}

test('its objects are read again at the first opening; facts, flags and states stay', async () => {
  const here = await sqliteSite();
  await version1(here);
  let archive = await here.open();
  assert.equal(archive.integrity.missing, [join(here.root, fileOf('2.25.78.1'))]);
  await assertRenewed(here.root, archive);
  await archive.close();
  archive = await here.open();
  await assertRenewed(here.root, archive);
  await archive.close();
  await here.release();
});

test('a renewal that was cut short goes on where it was', async () => {
  const here = await sqliteSite();
  await version1(here);
  // told of the time after each group: the first two are done when it fails
  let looks = 0;
  class Failing extends ScaledClock {
    override now(): number {
      if (++looks > 2) throw new Error('power failure');
      return super.now();
    }
  }
  const failing = new Failing();
  await here.open({ clock: failing }).then(
    () => assert.unreachable('it was cut'),
    () => undefined,
  );
  const db = new Database(join(here.root, 'archive.sqlite'), { readonly: true });
  const left = (db.prepare('SELECT count(*) AS count FROM old_instance').get() as { count: number }).count;
  db.close();
  assert.ok(left > 0 && left < COUNT, `${left} are left`);
  const archive = await here.open();
  await assertRenewed(here.root, archive);
  await archive.close();
  await here.release();
});

test('an index of a newer petrig is refused', async () => {
  const here = await sqliteSite();
  const db = new Database(join(here.root, 'archive.sqlite'));
  db.pragma('user_version = 99');
  db.close();
  await rejects(here.open(), 'config.invalid');
  await here.release();
});

test.run();
