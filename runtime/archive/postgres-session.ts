import type pg from 'pg';
import type { Clock, TimerHandle } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { Millisecond } from '../../hal/base/units.js';
import { LOCKS, type PostgresDatabase } from './postgres-database.js';

const CHANNEL = 'petrig_facts';
/** Between attempts to reach the database again. */
const RETRY_MS: Millisecond = 1000;

export interface SessionOptions {
  database: PostgresDatabase;
  clock: Clock;
  log: Log;
  /** Another host has put facts, or may have while we were not listening. */
  heard(): void;
}

/**
 * The connection that a host keeps as long as it has the archive open: it listens for the facts of others and holds the locks that
 * end with it. One host at a time drains a consumer; when it is gone another takes over.
 */
export class PostgresSession {
  readonly #options: SessionOptions;
  readonly #consumers = new Set<string>();
  #client: pg.Client | undefined;
  #retry: TimerHandle | undefined;
  #closed = false;

  private constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * @param alone called while nobody else has the archive open, if nobody has
   * @throws ScannerError data.disk
   */
  static async open(options: SessionOptions, alone: () => Promise<void>): Promise<PostgresSession> {
    const session = new PostgresSession(options);
    const client = await session.#connect();
    try {
      const { rows } = await client.query<{ first: boolean }>(
        `SELECT pg_try_advisory_lock(${LOCKS.space}, ${LOCKS.open}) AS first`,
      );
      if (rows[0]?.first) await alone();
      // who opens next waits until we have looked; from here on all have it open together
      await client.query(`SELECT pg_advisory_lock_shared(${LOCKS.space}, ${LOCKS.open})`);
      if (rows[0]?.first) await client.query(`SELECT pg_advisory_unlock(${LOCKS.space}, ${LOCKS.open})`);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** True when this host drains the consumer: it asked first, or who did is gone. */
  async holds(consumer: string): Promise<boolean> {
    if (this.#consumers.has(consumer)) return true;
    const client = this.#client;
    if (!client) return false;
    const { rows } = await client.query<{ got: boolean }>(
      `SELECT pg_try_advisory_lock(${LOCKS.consumer}, hashtext($1)) AS got`,
      [consumer],
    );
    if (rows[0]?.got && client === this.#client) this.#consumers.add(consumer);
    return this.#consumers.has(consumer);
  }

  /** Tells the other hosts that there are facts. */
  async tell(): Promise<void> {
    await this.#client?.query(`NOTIFY ${CHANNEL}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#client?.end();
  }

  async #connect(): Promise<pg.Client> {
    const client = await this.#options.database.connect();
    client.on('notification', () => this.#options.heard());
    client.on('end', () => this.#lost(client));
    await client.query(`LISTEN ${CHANNEL}`);
    this.#client = client;
    return client;
  }

  #lost(client: pg.Client): void {
    if (this.#closed || client !== this.#client) return;
    this.#client = undefined;
    this.#consumers.clear(); // the locks ended with it
    this.#options.log.warn({}, 'the connection to the index was lost');
    this.#again();
  }

  #again(): void {
    this.#retry = this.#options.clock.wall.after(RETRY_MS, () => {
      this.#connect()
        .then(async (client) => {
          await client.query(`SELECT pg_advisory_lock_shared(${LOCKS.space}, ${LOCKS.open})`);
          this.#options.log.info({}, 'the index is connected again');
          this.#options.heard();
        })
        .catch(() => !this.#closed && this.#again());
    });
  }
}
