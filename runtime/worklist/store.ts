import Database from 'better-sqlite3';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import type { WorklistItem } from './item.js';

/** What the worklist said when it was last asked. All methods are promises so that a database server can stand behind it. */
export interface WorklistStore {
  /** Keeps the items of an answer; with `replace` those of earlier answers go. */
  update(items: readonly WorklistItem[], options?: { replace?: boolean }): Promise<void>;
  /** All items, by start. */
  items(): Promise<WorklistItem[]>;
  byAccession(accessionNumber: string): Promise<WorklistItem[]>;
  byPatient(patientId: string): Promise<WorklistItem[]>;
  close(): Promise<void>;
}

/** The worklist in a table of its own, in the same SQLite file as the archive's index or in another. */
export class SqliteWorklistStore implements WorklistStore {
  readonly #db: Database.Database;
  readonly #clock: Clock;

  /** @throws ScannerError data.disk */
  constructor(options: { file: string; clock: Clock }) {
    this.#clock = options.clock;
    try {
      this.#db = new Database(options.file);
      this.#db.pragma('journal_mode = WAL');
      this.#db.pragma('synchronous = FULL');
      this.#db.pragma('busy_timeout = 5000');
      this.#db.exec(`
        CREATE TABLE IF NOT EXISTS worklist (
          accession TEXT NOT NULL, step_id TEXT NOT NULL, patient_id TEXT NOT NULL, start TEXT NOT NULL,
          body TEXT NOT NULL, updated_at REAL NOT NULL, PRIMARY KEY (accession, step_id)
        ) WITHOUT ROWID`);
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: options.file });
    }
  }

  async update(items: readonly WorklistItem[], options: { replace?: boolean } = {}): Promise<void> {
    const insert = this.#db.prepare('INSERT OR REPLACE INTO worklist VALUES (?, ?, ?, ?, ?, ?)');
    const now = this.#clock.now();
    const write = this.#db.transaction(() => {
      if (options.replace) this.#db.exec('DELETE FROM worklist');
      for (const item of items) {
        const start = item.startDate + item.startTime;
        insert.run(item.accessionNumber, item.stepId, item.patientId, start, JSON.stringify(item), now);
      }
    });
    try {
      write();
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: this.#db.name });
    }
  }

  async items(): Promise<WorklistItem[]> {
    return this.#select('');
  }

  async byAccession(accessionNumber: string): Promise<WorklistItem[]> {
    return this.#select('WHERE accession = ?', accessionNumber);
  }

  async byPatient(patientId: string): Promise<WorklistItem[]> {
    return this.#select('WHERE patient_id = ?', patientId);
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #select(where: string, ...values: string[]): WorklistItem[] {
    return this.#db
      .prepare<string[], { body: string }>(`SELECT body FROM worklist ${where} ORDER BY start, accession, step_id`)
      .all(...values)
      .map(({ body }) => JSON.parse(body) as WorklistItem);
  }
}
