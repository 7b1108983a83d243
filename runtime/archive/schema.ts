import type { Database } from 'better-sqlite3';
import { ScannerError } from '../../hal/base/errors.js';

/** One string a version; a database of version n gets the strings from n on. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE patient (
    patient_key INTEGER PRIMARY KEY,
    patient_id TEXT NOT NULL, name TEXT NOT NULL, birth_date TEXT NOT NULL, sex TEXT NOT NULL,
    UNIQUE (patient_id, name, birth_date)
  );
  CREATE TABLE study (
    study_uid TEXT PRIMARY KEY,
    patient_key INTEGER NOT NULL REFERENCES patient,
    date TEXT NOT NULL, time TEXT NOT NULL, study_id TEXT NOT NULL, accession TEXT NOT NULL, description TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX study_patient ON study (patient_key);
  CREATE TABLE series (
    series_uid TEXT PRIMARY KEY,
    study_uid TEXT NOT NULL REFERENCES study,
    modality TEXT NOT NULL, number TEXT NOT NULL, description TEXT NOT NULL, protocol TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX series_study ON series (study_uid);
  CREATE TABLE instance (
    sop_uid TEXT PRIMARY KEY,
    series_uid TEXT NOT NULL REFERENCES series,
    class_uid TEXT NOT NULL, syntax_uid TEXT NOT NULL, number TEXT NOT NULL,
    file TEXT NOT NULL, bytes INTEGER NOT NULL, checksum TEXT NOT NULL,
    stored_at REAL NOT NULL, origin TEXT NOT NULL, missing INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE INDEX instance_series ON instance (series_uid);
  CREATE TABLE delivery (
    sop_uid TEXT NOT NULL, node TEXT NOT NULL,
    sent TEXT NOT NULL, status INTEGER, at REAL NOT NULL,
    commitment TEXT NOT NULL DEFAULT 'none', transaction_uid TEXT NOT NULL DEFAULT '', reason INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sop_uid, node)
  ) WITHOUT ROWID;
  CREATE INDEX delivery_transaction ON delivery (transaction_uid);
  CREATE TABLE fact (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, body TEXT NOT NULL);
  CREATE TABLE cursor (consumer TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE ack (consumer TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (consumer, seq)) WITHOUT ROWID;
  CREATE TABLE state (
    owner TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (owner, key)
  ) WITHOUT ROWID;
  `,
];

/**
 * Sets the journal so that a commit is durable, and brings the tables to the newest version.
 * @throws ScannerError config.invalid when a newer petrig made the database
 */
export function prepareDatabase(db: Database): void {
  db.pragma('journal_mode = WAL');
  // FULL: a commit is on the disk when it returns; WAL with NORMAL may lose the last commits at power loss
  db.pragma('synchronous = FULL');
  db.pragma('busy_timeout = 5000');
  db.pragma('foreign_keys = ON');
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > MIGRATIONS.length) {
    throw new ScannerError('config.invalid', {
      where: db.name,
      message: `archive of version ${version}`,
      expected: `at most ${MIGRATIONS.length}`,
    });
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    db.transaction(() => {
      db.exec(MIGRATIONS[next]!);
      db.pragma(`user_version = ${next + 1}`);
    })();
  }
}
