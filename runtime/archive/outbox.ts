import type { Database, Statement } from 'better-sqlite3';
import type { Millisecond } from '../../hal/base/units.js';
import type { SequencedFact } from './archive.js';
import type { Fact } from './fact.js';

interface FactRow {
  seq: number;
  at: number;
  body: string;
}

/**
 * Facts in order, and what each consumer has done. A consumer may acknowledge out of order: `cursor` is the last fact below
 * which all are done, `ack` holds those done above it.
 */
export class Outbox {
  readonly #insert: Statement<[number, string]>;
  readonly #pending: Statement<{ consumer: string; limit: number }, FactRow>;
  readonly #ack: Statement<{ consumer: string; seq: number }>;
  readonly #advance: (consumer: string) => void;

  constructor(db: Database) {
    this.#insert = db.prepare('INSERT INTO fact (at, body) VALUES (?, ?)');
    this.#pending = db.prepare(`
      SELECT seq, at, body FROM fact
      WHERE seq > coalesce((SELECT seq FROM cursor WHERE consumer = :consumer), 0)
        AND seq NOT IN (SELECT seq FROM ack WHERE consumer = :consumer)
      ORDER BY seq LIMIT :limit`);
    this.#ack = db.prepare(`
      INSERT OR IGNORE INTO ack (consumer, seq)
      SELECT :consumer, :seq WHERE :seq > coalesce((SELECT seq FROM cursor WHERE consumer = :consumer), 0)`);
    const first = db.prepare<{ consumer: string }, { seq: number | null }>(`
      SELECT min(seq) AS seq FROM fact
      WHERE seq > coalesce((SELECT seq FROM cursor WHERE consumer = :consumer), 0)
        AND seq NOT IN (SELECT seq FROM ack WHERE consumer = :consumer)`);
    const last = db.prepare<[], { seq: number | null }>('SELECT max(seq) AS seq FROM fact');
    const move = db.prepare(`
      INSERT INTO cursor (consumer, seq) VALUES (:consumer, :seq)
      ON CONFLICT (consumer) DO UPDATE SET seq = max(seq, excluded.seq)`);
    const clear = db.prepare('DELETE FROM ack WHERE consumer = :consumer AND seq <= :seq');
    this.#advance = (consumer) => {
      const open = first.get({ consumer })?.seq;
      const seq = open === null || open === undefined ? (last.get()?.seq ?? 0) : open - 1;
      move.run({ consumer, seq });
      clear.run({ consumer, seq });
    };
  }

  /** Appends a fact; call it inside the transaction that makes it true. */
  put(fact: Fact, at: Millisecond): SequencedFact {
    const { lastInsertRowid } = this.#insert.run(at, JSON.stringify(fact));
    return { seq: Number(lastInsertRowid), at, fact };
  }

  pending(consumer: string, limit: number): SequencedFact[] {
    return this.#pending
      .all({ consumer, limit })
      .map(({ seq, at, body }) => ({ seq, at, fact: JSON.parse(body) as Fact }));
  }

  /** Call it inside a transaction. */
  ack(consumer: string, seqs: readonly number[]): void {
    for (const seq of seqs) this.#ack.run({ consumer, seq });
    this.#advance(consumer);
  }
}
