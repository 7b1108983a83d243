import type { Millisecond } from '../../hal/base/units.js';
import type { SequencedFact } from './archive.js';
import type { Fact } from './fact.js';
import { type Dialect, row, rows, type Work } from './sql.js';

interface FactRow {
  seq: number;
  at: number;
  body: string;
}

/** A consumer that has not looked for so long is gone, and holds nothing back any more. */
const FORGOTTEN_MS: Millisecond = 30 * 24 * 3600 * 1000;
/** Facts that are kept when nobody at all has asked for them: who asks later finds the newest. */
const KEPT_FOR_NOBODY = 10_000;
/** A look at the outbox is noted so often. */
const NOTED_EVERY_MS: Millisecond = 24 * 3600 * 1000;

const OPEN = `
  seq > coalesce((SELECT c.seq FROM consumer c WHERE c.consumer = :consumer), 0)
  AND seq NOT IN (SELECT a.seq FROM ack a WHERE a.consumer = :consumer)`;

/**
 * Facts in order, and what each consumer has done. A consumer may acknowledge out of order: its `seq` is the last fact below
 * which all are done, `ack` holds those done above it. What all consumers have done is pruned.
 */
export class Outbox {
  readonly #noted = new Map<string, Millisecond>();

  constructor(private readonly dialect: Dialect) {}

  /** Appends facts in their order, in the transaction that makes them true. */
  *put(facts: readonly Fact[], at: Millisecond): Work<SequencedFact[]> {
    if (facts.length === 0) return [];
    const bodies = this.dialect.list('bodies');
    const added = yield* rows<{ seq: number }>(
      `INSERT INTO fact (at, body) SELECT CAST(:at AS DOUBLE PRECISION), b.* FROM (${bodies}) b RETURNING seq`,
      { at, bodies: JSON.stringify(facts.map((fact) => JSON.stringify(fact))) },
    );
    // numbers go up in the order of the list; in which order they are told is nowhere promised
    const seqs = added.map(({ seq }) => seq).sort((a, b) => a - b);
    return facts.map((fact, i) => ({ seq: seqs[i]!, at, fact }));
  }

  /** True when `register` is due: before the first look of a consumer, and once a day. */
  isNew(consumer: string, now: Millisecond): boolean {
    return now - (this.#noted.get(consumer) ?? Number.NEGATIVE_INFINITY) > NOTED_EVERY_MS;
  }

  /** From now on facts are kept until this consumer has done them. */
  *register(consumer: string, now: Millisecond): Work<void> {
    yield* rows(
      `INSERT INTO consumer (consumer, seq, seen_at) VALUES (:consumer, 0, :now)
       ON CONFLICT (consumer) DO UPDATE SET seen_at = excluded.seen_at`,
      { consumer, now },
    );
    this.#noted.set(consumer, now);
  }

  *pending(consumer: string, limit: number): Work<SequencedFact[]> {
    const found = yield* rows<FactRow>(`SELECT seq, at, body FROM fact WHERE ${OPEN} ORDER BY seq LIMIT :limit`, {
      consumer,
      limit,
    });
    return found.map(sequenced);
  }

  *ack(consumer: string, seqs: readonly number[], now: Millisecond): Work<void> {
    if (this.isNew(consumer, now)) yield* this.register(consumer, now);
    for (const seq of seqs) {
      yield* rows(
        `INSERT INTO ack (consumer, seq) SELECT consumer, CAST(:seq AS BIGINT) FROM consumer WHERE consumer = :consumer AND seq < CAST(:seq AS BIGINT)
         ON CONFLICT (consumer, seq) DO NOTHING`,
        { consumer, seq },
      );
    }
    const open = yield* row<{ seq: number | null }>(`SELECT min(seq) AS seq FROM fact WHERE ${OPEN}`, { consumer });
    const seq = open?.seq ? open.seq - 1 : yield* this.last();
    yield* rows('UPDATE consumer SET seq = :seq WHERE consumer = :consumer AND seq < :seq', { consumer, seq });
    yield* rows('DELETE FROM ack WHERE consumer = :consumer AND seq <= :seq', { consumer, seq });
    yield* this.prune(now);
  }

  /** Drops what every consumer has done; the newest stays, so that its number is known. */
  *prune(now: Millisecond): Work<void> {
    const done = yield* row<{ seq: number | null }>('SELECT min(seq) AS seq FROM consumer WHERE seen_at > :since', {
      since: now - FORGOTTEN_MS,
    });
    const last = yield* this.last();
    const seq = Math.min(done?.seq ?? last - KEPT_FOR_NOBODY, last - 1);
    if (seq > 0) yield* rows('DELETE FROM fact WHERE seq <= :seq', { seq });
  }

  /** The number of the newest fact. */
  *last(): Work<number> {
    return (yield* row<{ seq: number | null }>('SELECT max(seq) AS seq FROM fact'))?.seq ?? 0;
  }

  /** Facts above a number, whoever put them. */
  *after(seq: number, limit: number): Work<SequencedFact[]> {
    const found = yield* rows<FactRow>('SELECT seq, at, body FROM fact WHERE seq > :seq ORDER BY seq LIMIT :limit', {
      seq,
      limit,
    });
    return found.map(sequenced);
  }
}

function sequenced({ seq, at, body }: FactRow): SequencedFact {
  return { seq, at, fact: JSON.parse(body) as Fact };
}
