import { dirname, join } from 'node:path';
import type { TimerHandle } from '../../hal/base/clock.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { SequencedFact } from './archive.js';
import { durableFolder } from './files.js';
import { type ArchiveOptions, IndexedArchive } from './indexed-archive.js';
import { PostgresDatabase } from './postgres-database.js';
import { PostgresSession } from './postgres-session.js';

export interface PostgresArchiveOptions extends ArchiveOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string;
}

/** A consumer that another host drains is asked for so often, in case that host is gone. */
const TAKEOVER_MS: Millisecond = 5000;
const HEARD_LIMIT = 1000;

/** An archive whose index is a PostgreSQL database and whose objects are in a folder, both shared by several hosts. */
export class PostgresArchive extends IndexedArchive {
  #session: PostgresSession | undefined;
  /** Facts up to here have been told to who listens here. */
  #heardTo = 0;
  /** Our own above it: who listens knows them. */
  readonly #own = new Set<number>();
  readonly #refused = new Set<string>();
  #hearing: Promise<void> | undefined;
  #hearAgain = false;
  #takeover: TimerHandle | undefined;

  private constructor(
    private readonly postgres: PostgresDatabase,
    options: ArchiveOptions,
  ) {
    super(postgres, options, true);
  }

  /** Opens or makes the archive; mends what a crash left when nobody else has it open. @throws ScannerError data.disk, config.invalid */
  static async open(options: PostgresArchiveOptions): Promise<PostgresArchive> {
    const { root, objects = root, log } = options;
    await durableFolder(dirname(objects), join(objects, 'objects'));
    await durableFolder(dirname(root), root);
    const database = await PostgresDatabase.open(options.url, log);
    const archive = new PostgresArchive(database, options);
    try {
      await archive.#begin();
      return archive;
    } catch (error) {
      await archive.close();
      throw error;
    }
  }

  override async facts(consumer: string, limit?: number): Promise<SequencedFact[]> {
    if (await this.#session?.holds(consumer)) {
      this.#refused.delete(consumer);
      return super.facts(consumer, limit);
    }
    this.#refused.add(consumer);
    return [];
  }

  override async close(): Promise<void> {
    this.#takeover?.cancel();
    const session = this.#session;
    this.#session = undefined;
    await this.#hearing;
    try {
      await super.close();
    } finally {
      await session?.close();
    }
  }

  protected override tell(facts: readonly SequencedFact[]): void {
    for (const { seq } of facts) this.#own.add(seq);
    super.tell(facts);
    this.#session?.tell().catch((error: unknown) => {
      this.options.log.warn({ error: String(error) }, 'other hosts were not told of new facts');
    });
  }

  async #begin(): Promise<void> {
    const { clock, log } = this.options;
    const options = { database: this.postgres, clock, log, heard: () => this.#hear() };
    this.#heardTo = await this.database.read(() => this.outbox.last());
    // what this host had acknowledged is completed whoever else is there
    this.#session = await PostgresSession.open(options, () => this.recover().then(() => this.check()));
    await this.recover();
    this.#takeover = clock.wall.every(TAKEOVER_MS, () => void this.#takeOver());
  }

  #hear(): void {
    this.#hearAgain = true;
    this.#hearing ??= this.#hearAll()
      .catch((error: unknown) => this.options.log.warn({ error: String(error) }, 'facts of other hosts are read later'))
      .finally(() => {
        this.#hearing = undefined;
      });
  }

  async #hearAll(): Promise<void> {
    while (this.#hearAgain && this.#session) {
      this.#hearAgain = false;
      const facts = await this.database.read(() => this.outbox.after(this.#heardTo, HEARD_LIMIT));
      const last = facts.at(-1);
      if (!last) continue;
      const foreign = facts.filter(({ seq }) => !this.#own.has(seq));
      this.#heardTo = last.seq;
      for (const seq of this.#own) if (seq <= last.seq) this.#own.delete(seq);
      super.tell(foreign);
      this.#hearAgain ||= facts.length === HEARD_LIMIT;
    }
  }

  /** Wakes who drains a consumer that another host has left. */
  async #takeOver(): Promise<void> {
    for (const consumer of [...this.#refused]) {
      const pending = await this.facts(consumer, 1).catch(() => []);
      super.tell(pending);
    }
  }
}
