import Database from 'better-sqlite3';
import { asScannerError } from '../../hal/base/errors.js';
import type { SqlDatabase, Statement, Work } from './sql.js';
import { SqliteReader } from './sqlite-reader.js';
import { prepareDatabase, SQLITE } from './sqlite-schema.js';

/** SQL of the archive is a few dozen texts; more are made by conditions of queries. */
const PREPARED = 200;

/** Transactions between two checkpoints of the journal. */
const CHECKPOINT_EVERY = 50;
/** Pages of the journal, 4 KiB each, at which this thread would do it itself. */
const CHECKPOINT_PAGES = 20_000;

/** The index in one SQLite file. Writing and short reads happen at once in this thread, long reads in another. */
export class SqliteDatabase implements SqlDatabase {
  readonly dialect = SQLITE;
  readonly #db: Database.Database;
  readonly #reader: SqliteReader;
  #written = 0;
  readonly #prepared = new Map<string, Database.Statement>();

  /** @throws ScannerError data.disk, config.invalid */
  constructor(path: string) {
    let db: Database.Database | undefined;
    try {
      db = new Database(path);
      prepareDatabase(db);
      db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    } catch (error) {
      db?.close();
      throw asScannerError(error, 'data.disk', { path });
    }
    this.#db = db;
    this.#reader = new SqliteReader(path);
  }

  async transaction<T>(work: () => Work<T>, { remade = false } = {}): Promise<T> {
    return this.#guard(() => {
      if (remade) this.#db.pragma('synchronous = NORMAL');
      try {
        return this.#db.transaction(() => this.#run(work())).immediate();
      } finally {
        if (remade) this.#db.pragma('synchronous = FULL');
        this.#checkpoint();
      }
    });
  }

  async read<T>(work: () => Work<T>): Promise<T> {
    return this.#guard(() => this.#run(work()));
  }

  stream<Row>(statement: Statement, signal?: AbortSignal): AsyncGenerator<Row[], void, void> {
    return this.#reader.stream<Row>(statement, signal);
  }

  async close(): Promise<void> {
    await this.#reader.close();
    this.#db.close();
  }

  #run<T>(work: Work<T>): T {
    let step = work.next([]);
    while (!step.done) {
      const { text, parameters } = step.value;
      const prepared = this.#prepare(text);
      let found: readonly unknown[] = [];
      if (prepared.reader) found = prepared.all(parameters);
      else prepared.run(parameters);
      step = work.next(found);
    }
    return step.value;
  }

  /** Moving what was written into the file itself takes long: the reading thread does it. */
  #checkpoint(): void {
    if (++this.#written < CHECKPOINT_EVERY) return;
    this.#written = 0;
    this.#reader.checkpoint();
  }

  #prepare(text: string): Database.Statement {
    const known = this.#prepared.get(text);
    if (known) return known;
    if (this.#prepared.size >= PREPARED) this.#prepared.clear();
    const made = this.#db.prepare(text);
    this.#prepared.set(text, made);
    return made;
  }

  #guard<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: this.#db.name });
    }
  }
}
