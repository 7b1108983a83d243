import pg from 'pg';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { numbered, POSTGRES } from './postgres-dialect.js';
import { SCHEMA_VERSION, schema } from './schema.js';
import type { SqlDatabase, Statement, Work } from './sql.js';

/** Long reads at a time; more wait. */
const READERS = 12;
const BATCH_ROWS = 256;
const CONNECT_MS = 5000;
/** Advisory locks, in a space of our own. */
export const LOCKS = { space: 0x7065, write: 1, open: 2, consumer: 0x7066 } as const;
const INT8 = 20;
const NUMERIC = 1700;

/** Whole numbers of 64 bits as numbers: counts, sequences and sizes stay below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 || oid === NUMERIC ? Number : pg.types.getTypeParser(oid, format),
};

/**
 * The index in a PostgreSQL database that several hosts may use. Their writing transactions run one after the other, so that facts
 * become visible in the order of their numbers and nobody waits for anybody twice.
 */
export class PostgresDatabase implements SqlDatabase {
  readonly dialect = POSTGRES;
  readonly #writers: pg.Pool;
  readonly #readers: pg.Pool;
  readonly #where: string;

  private constructor(
    private readonly url: string,
    log: Log,
  ) {
    this.#where = withoutPassword(url);
    const common = { connectionString: url, types, connectionTimeoutMillis: CONNECT_MS, application_name: 'petrig' };
    this.#writers = new pg.Pool({ ...common, max: 2 });
    this.#readers = new pg.Pool({ ...common, max: READERS });
    for (const pool of [this.#writers, this.#readers]) {
      // also one that is in use: whoever uses it is told by its query
      pool.on('connect', (client) => client.on('error', () => undefined));
      pool.on('error', (error) => log.warn({ error: error.message }, 'a connection to the index was lost'));
    }
  }

  /** Makes the tables in an empty database. @throws ScannerError data.disk, config.invalid */
  static async open(url: string, log: Log): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(url, log);
    try {
      await database.#prepare();
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** A connection of its own, for what holds locks and listens. @throws ScannerError data.disk */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url,
      types,
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    });
    client.on('error', () => undefined); // its end is told by `end`
    await this.#guard(() => client.connect());
    return client;
  }

  transaction<T>(work: () => Work<T>): Promise<T> {
    return this.#with(this.#writers, async (client) => {
      await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${LOCKS.space}, ${LOCKS.write})`);
      try {
        const result = await run(client, work());
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined); // the failure itself says more
        throw error;
      }
    });
  }

  read<T>(work: () => Work<T>): Promise<T> {
    return this.#with(this.#readers, (client) => run(client, work()));
  }

  async *stream<Row>(statement: Statement, signal?: AbortSignal): AsyncGenerator<Row[], void, void> {
    const client = await this.#guard(() => this.#readers.connect());
    let broken: Error | undefined;
    try {
      const { text, values } = numbered(statement);
      // the whole answer is wanted, not its beginning soon
      await client.query('BEGIN READ ONLY; SET LOCAL cursor_tuple_fraction = 1');
      await client.query(`DECLARE answers NO SCROLL CURSOR FOR ${text}`, values);
      for (;;) {
        if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'reading the index' });
        const { rows } = await client.query(`FETCH ${BATCH_ROWS} FROM answers`);
        if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'reading the index' });
        if (rows.length > 0) yield rows as Row[];
        if (rows.length < BATCH_ROWS) return;
      }
    } catch (error) {
      if (!(error instanceof ScannerError)) broken = error as Error;
      throw this.#error(error);
    } finally {
      if (!broken) await client.query('ROLLBACK').catch((error: Error) => (broken = error));
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#writers.end(), this.#readers.end()]);
  }

  async #prepare(): Promise<void> {
    await this.#with(this.#writers, async (client) => {
      await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${LOCKS.space}, ${LOCKS.write})`);
      await client.query('CREATE TABLE IF NOT EXISTS petrig_schema (version BIGINT NOT NULL)');
      const { rows } = await client.query<{ version: number }>('SELECT version FROM petrig_schema');
      const version = rows[0]?.version;
      if (version === undefined) {
        for (const statement of schema(POSTGRES)) await client.query(statement);
        await client.query('INSERT INTO petrig_schema (version) VALUES ($1)', [SCHEMA_VERSION]);
      }
      await client.query('COMMIT');
      if (version === undefined || version === SCHEMA_VERSION) return;
      throw new ScannerError('config.invalid', {
        where: this.#where,
        message: `archive of version ${version}`,
        expected: String(SCHEMA_VERSION),
      });
    });
  }

  /** A connection that failed is not used again. */
  #with<T>(pool: pg.Pool, act: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#guard(async () => {
      const client = await pool.connect();
      let failure: Error | undefined;
      try {
        return await act(client);
      } catch (error) {
        if (!(error instanceof ScannerError)) failure = error as Error;
        throw error;
      } finally {
        client.release(failure);
      }
    });
  }

  async #guard<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw this.#error(error);
    }
  }

  #error(error: unknown): ScannerError {
    return asScannerError(error, 'data.disk', { path: this.#where });
  }
}

async function run<T>(client: pg.ClientBase, work: Work<T>): Promise<T> {
  let step = work.next([]);
  while (!step.done) {
    try {
      const { rows } = await client.query(numbered(step.value));
      step = work.next(rows);
    } catch (error) {
      step = work.throw(error);
    }
  }
  return step.value;
}

function withoutPassword(url: string): string {
  return url.replace(/(\/\/[^/:@]*):[^@]*@/, '$1@');
}
