import Database from 'better-sqlite3';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { StepKey, WorklistItem } from './item.js';

/** How far the examination of a scheduled step is. */
export type StepProgress = 'scheduled' | 'started' | 'completed' | 'discontinued';

/** A scheduled step as the scheduler database holds it. */
export interface ScheduledStep extends WorklistItem {
  progress: StepProgress;
  /** The examination that performs or performed it; empty before. */
  examId: string;
  /** Wall ms since the epoch at which the worklist node last gave it. */
  seenAt: Millisecond;
}

export interface TakenAnswer {
  added: number;
  /** Entries that were known and came with other values. */
  changed: number;
  removed: WorklistItem[];
}

/** The scheduler database: 3.6.1.1. All methods are promises so that a database server can stand behind it. */
export interface WorklistStore {
  /**
   * Takes the items of an answer over, each in the place of the entry of the same identity, in one step.
   * @param cancelled of the entries that are not among the items and whose examination has not begun: those that go
   */
  take(items: readonly WorklistItem[], cancelled?: (entry: ScheduledStep) => boolean): Promise<TakenAnswer>;
  /** Notes how far the examination of these steps is; steps that are not known are no error. */
  mark(steps: readonly StepKey[], progress: StepProgress, examId: string): Promise<void>;
  /** Forgets entries that were scheduled before a day (DA). @returns how many */
  forgetBefore(day: string): Promise<number>;
  /** All entries, by start. */
  items(): Promise<ScheduledStep[]>;
  byAccession(accessionNumber: string): Promise<ScheduledStep[]>;
  byPatient(patientId: string): Promise<ScheduledStep[]>;
  close(): Promise<void>;
}

interface Row {
  body: string;
  progress: StepProgress;
  exam_id: string;
  seen_at: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS scheduled_step (
    study_uid TEXT NOT NULL, step_id TEXT NOT NULL,
    accession TEXT NOT NULL, patient_id TEXT NOT NULL, start TEXT NOT NULL, body TEXT NOT NULL,
    progress TEXT NOT NULL DEFAULT 'scheduled', exam_id TEXT NOT NULL DEFAULT '', seen_at REAL NOT NULL,
    PRIMARY KEY (study_uid, step_id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS scheduled_step_accession ON scheduled_step (accession);
  CREATE INDEX IF NOT EXISTS scheduled_step_patient ON scheduled_step (patient_id);`;

const PUT = `
  INSERT INTO scheduled_step (study_uid, step_id, accession, patient_id, start, body, seen_at)
  VALUES (:study, :step, :accession, :patient, :start, :body, :now)
  ON CONFLICT (study_uid, step_id) DO UPDATE SET accession = excluded.accession, patient_id = excluded.patient_id,
    start = excluded.start, body = excluded.body, seen_at = excluded.seen_at`;

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
      this.#db.transaction(() => {
        this.#db.exec(SCHEMA);
        this.#migrate();
      })();
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: options.file });
    }
  }

  async take(
    items: readonly WorklistItem[],
    cancelled: (entry: ScheduledStep) => boolean = () => false,
  ): Promise<TakenAnswer> {
    return this.#write(() => {
      const counts = { added: 0, changed: 0 };
      for (const item of items) {
        const before = this.#body(item);
        const body = JSON.stringify(item);
        if (before === undefined) counts.added++;
        else if (before !== body) counts.changed++;
        this.#put(item, body, this.#clock.now());
      }
      const kept = new Set(items.map(keyOf));
      const removed = this.#select(`WHERE progress = 'scheduled'`).filter(
        (entry) => !kept.has(keyOf(entry)) && cancelled(entry),
      );
      const remove = this.#db.prepare('DELETE FROM scheduled_step WHERE study_uid = ? AND step_id = ?');
      for (const { studyInstanceUid, stepId } of removed) remove.run(studyInstanceUid, stepId);
      return { ...counts, removed };
    });
  }

  async mark(steps: readonly StepKey[], progress: StepProgress, examId: string): Promise<void> {
    const update = this.#db.prepare(
      'UPDATE scheduled_step SET progress = ?, exam_id = ? WHERE study_uid = ? AND step_id = ?',
    );
    this.#write(() => {
      for (const { studyInstanceUid, stepId } of steps) update.run(progress, examId, studyInstanceUid, stepId);
    });
  }

  async forgetBefore(day: string): Promise<number> {
    const forget = this.#db.prepare(`DELETE FROM scheduled_step WHERE start <> '' AND start < ?`);
    return this.#write(() => forget.run(day).changes);
  }

  async items(): Promise<ScheduledStep[]> {
    return this.#select('');
  }

  async byAccession(accessionNumber: string): Promise<ScheduledStep[]> {
    return this.#select('WHERE accession = ?', accessionNumber);
  }

  async byPatient(patientId: string): Promise<ScheduledStep[]> {
    return this.#select('WHERE patient_id = ?', patientId);
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #body({ studyInstanceUid, stepId }: StepKey): string | undefined {
    return this.#db
      .prepare<[string, string], { body: string }>(
        'SELECT body FROM scheduled_step WHERE study_uid = ? AND step_id = ?',
      )
      .get(studyInstanceUid, stepId)?.body;
  }

  #put(item: WorklistItem, body: string, now: Millisecond): void {
    this.#db.prepare(PUT).run({
      study: item.studyInstanceUid,
      step: item.stepId,
      accession: item.accessionNumber,
      patient: item.patientId,
      start: item.startDate + item.startTime,
      body,
      now,
    });
  }

  #select(where: string, ...values: string[]): ScheduledStep[] {
    return this.#db
      .prepare<string[], Row>(
        `SELECT body, progress, exam_id, seen_at FROM scheduled_step ${where} ORDER BY start, accession, step_id`,
      )
      .all(...values)
      .map(({ body, progress, exam_id, seen_at }) => {
        return { ...(JSON.parse(body) as WorklistItem), progress, examId: exam_id, seenAt: seen_at };
      });
  }

  /** Earlier versions knew a step by accession number and step ID. */
  #migrate(): void {
    const table = this.#db.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'worklist'`);
    if (!table.get()) return;
    const rows = this.#db
      .prepare<[], { body: string; updated_at: number }>('SELECT body, updated_at FROM worklist ORDER BY updated_at')
      .all();
    for (const { body, updated_at } of rows) this.#put(JSON.parse(body) as WorklistItem, body, updated_at);
    this.#db.exec('DROP TABLE worklist');
  }

  /** @throws ScannerError data.disk */
  #write<T>(change: () => T): T {
    try {
      return this.#db.transaction(change).immediate();
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: this.#db.name });
    }
  }
}

function keyOf({ studyInstanceUid, stepId }: StepKey): string {
  return `${studyInstanceUid} ${stepId}`;
}
