import type { Database } from 'better-sqlite3';
import { ScannerError } from '../../hal/base/errors.js';
import { SCHEMA_VERSION, schema } from './schema.js';
import type { Dialect } from './sql.js';

export const SQLITE: Dialect = {
  name: 'sqlite',
  types: { key: 'INTEGER PRIMARY KEY AUTOINCREMENT', text: 'TEXT', integer: 'INTEGER', real: 'REAL' },
  clustered: 'WITHOUT ROWID',
  list: (parameter) => `SELECT value FROM json_each(:${parameter})`,
  joined: (expression) => `replace(group_concat(DISTINCT ${expression}), ',', '\\')`,
};

/** Tables of version 1 that hold what the new ones take from the objects' headers again. */
const REREAD = ['patient', 'study', 'series', 'instance'];

/** What keeps its meaning from version 1 on. */
const FROM_VERSION_1 = [
  ...REREAD.map((table) => `ALTER TABLE ${table} RENAME TO old_${table}`),
  ...['study_patient', 'series_study', 'instance_series'].map((index) => `DROP INDEX ${index}`),
  ...['fact', 'delivery', 'ack', 'state', 'cursor'].map((table) => `ALTER TABLE ${table} RENAME TO kept_${table}`),
  'DROP INDEX delivery_transaction',
];
const INTO_VERSION_2 = [
  `INSERT INTO delivery (sop_uid, node, sent, status, at, commitment, transaction_uid, reason)
   SELECT sop_uid, node, sent, status, at, commitment, transaction_uid, reason FROM kept_delivery`,
  'INSERT INTO fact (seq, at, body) SELECT seq, at, body FROM kept_fact',
  'INSERT INTO consumer (consumer, seq, seen_at) SELECT consumer, seq, 0 FROM kept_cursor',
  'INSERT INTO ack (consumer, seq) SELECT consumer, seq FROM kept_ack',
  'INSERT INTO state (owner, key, body) SELECT owner, key, body FROM kept_state',
  ...['fact', 'delivery', 'ack', 'state', 'cursor'].map((table) => `DROP TABLE kept_${table}`),
];

/**
 * Sets the journal so that a commit is durable, and brings the tables to the newest version. Objects of an archive of version 1
 * then stand in `old_instance` and the tables above it until `reindex` has read their headers again.
 * @throws ScannerError config.invalid when a newer petrig made the database
 */
export function prepareDatabase(db: Database): void {
  db.pragma('journal_mode = WAL');
  // FULL: a commit is on the disk when it returns; WAL with NORMAL may lose the last commits at power loss
  db.pragma('synchronous = FULL');
  db.pragma('busy_timeout = 5000');
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > SCHEMA_VERSION) {
    throw new ScannerError('config.invalid', {
      where: db.name,
      message: `archive of version ${version}`,
      expected: `at most ${SCHEMA_VERSION}`,
    });
  }
  if (version === SCHEMA_VERSION) return;
  const statements = version === 0 ? schema(SQLITE) : [...FROM_VERSION_1, ...schema(SQLITE), ...INTO_VERSION_2];
  // renaming must leave alone what the tables' references say: they go with the tables
  db.pragma('foreign_keys = OFF');
  db.transaction(() => {
    for (const statement of statements) db.exec(statement);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
}
