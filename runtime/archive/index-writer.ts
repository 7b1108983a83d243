import type { Clock, TimerHandle } from '../../hal/base/clock.js';
import { asScannerError, type ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { SequencedFact } from './archive.js';
import type { Catalogue, IndexedObject, KnownInstance } from './catalogue.js';
import type { Fact } from './fact.js';
import type { Logged } from './log-segment.js';
import type { Outbox } from './outbox.js';
import type { SqlDatabase, Work } from './sql.js';

/** An imported object stands in the index so long after its import at the latest. */
const GROUP_MS: Millisecond = 40;
/** As many objects are written at once: some 10 ms of this thread. */
const GROUP_OBJECTS = 200;
/** More wait for those before them. */
const MOST_WAITING = 2000;
/** Between attempts while the index cannot be written. */
const RETRY_MS: Millisecond = 1000;
/** The outbox is looked through when so many facts have been added and nobody acknowledged any. */
const PRUNE_FACTS = 1000;

export interface IndexWriterOptions {
  database: SqlDatabase;
  catalogue: Catalogue;
  outbox: Outbox;
  clock: Clock;
  log: Log;
  /** Before rows are written. @returns what is to have rows: the given objects, or what had their names before */
  place(group: readonly WaitingObject[]): Promise<WaitingObject[]>;
  /** Told of those whose rows are durable. */
  done(group: readonly WaitingObject[]): void;
  /** Told of one whose UID the index had already. */
  lost(object: WaitingObject, first: KnownInstance | undefined): Promise<void>;
  /** Told of facts that became durable. */
  tell(facts: readonly SequencedFact[]): void;
}

/** An object that is durable and whose row follows. */
export interface WaitingObject extends IndexedObject {
  /** Where it stands in the log, when its file is still to be made. */
  logged?: Logged;
}

/** Writes rows: at once for who waits for them, in groups for imported objects, which are durable without. */
export class IndexWriter {
  readonly #options: IndexWriterOptions;
  #waiting = new Map<string, WaitingObject>();
  #writing: Promise<void> | undefined;
  #timer: TimerHandle | undefined;
  #unpruned = 0;
  #failure: ScannerError | undefined;

  constructor(options: IndexWriterOptions) {
    this.#options = options;
  }

  /** Takes an object whose row may follow within `GROUP_MS`. */
  add(object: WaitingObject): void {
    this.#waiting.set(object.header.sopInstanceUid, object);
    if (this.#waiting.size >= GROUP_OBJECTS && !this.#writing && !this.#failure) this.#begin();
    else this.#timer ??= this.#options.clock.wall.after(GROUP_MS, () => this.#begin());
  }

  /** Resolves when one more object may be added. @throws ScannerError data.disk while rows or files cannot be written */
  async room(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#waiting.size >= MOST_WAITING) await this.flush();
  }

  /** An object by its UID, with or without a row. */
  async find(sopInstanceUid: string): Promise<{ waiting?: WaitingObject; known?: KnownInstance }> {
    const waiting = this.#waiting.get(sopInstanceUid);
    if (waiting) return { waiting };
    return { known: await this.#options.database.read(() => this.#options.catalogue.find(sopInstanceUid)) };
  }

  /** Resolves when all that was added until now has its row. @throws ScannerError data.disk */
  async flush(): Promise<void> {
    const last = [...this.#waiting.keys()].at(-1);
    if (last === undefined) return;
    await this.#writing?.catch(() => undefined);
    // the oldest are written first
    while (this.#waiting.has(last)) await this.#group();
  }

  /**
   * Runs `change` in a transaction and makes the facts that it returns, then `given`, durable with it; then tells who listens.
   * @throws ScannerError data.disk, and what `change` throws
   */
  async commit(
    given: readonly Fact[],
    change?: () => Work<readonly Fact[]>,
    options?: { remade?: boolean },
  ): Promise<SequencedFact[]> {
    const { database, catalogue, outbox, clock, tell } = this.#options;
    const now = clock.now();
    const writer = this;
    try {
      const sequenced = await database.transaction(function* () {
        const facts = yield* outbox.put([...(change ? yield* change() : []), ...given], now);
        if ((writer.#unpruned += facts.length) >= PRUNE_FACTS) {
          writer.#unpruned = 0;
          yield* outbox.prune(now);
        }
        return facts;
      }, options);
      if (sequenced.length > 0) tell(sequenced);
      return sequenced;
    } catch (error) {
      catalogue.forget();
      throw error;
    }
  }

  /** @throws ScannerError data.disk when what was imported last has no row yet: the next opening makes it */
  async close(): Promise<void> {
    this.#timer?.cancel();
    try {
      await this.flush();
    } finally {
      this.#timer?.cancel();
    }
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#group().catch((error: unknown) => {
      this.#options.log.error(
        { error: String(error), objects: this.#waiting.size },
        'imported objects wait for the index',
      );
      this.#timer ??= this.#options.clock.wall.after(RETRY_MS, () => this.#begin());
    });
  }

  /** One group at a time. */
  #group(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    try {
      await this.#writeGroup();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = asScannerError(error, 'data.disk', { path: 'index' });
      throw this.#failure;
    }
  }

  async #writeGroup(): Promise<void> {
    const group = [...this.#waiting.values()].slice(0, GROUP_OBJECTS);
    if (group.length === 0) return;
    const { catalogue, log } = this.#options;
    const placed = await this.#options.place(group);
    let added: WaitingObject[] = [];
    const add = function* () {
      added = yield* catalogue.addAll(placed);
      return added.map(storedFact);
    };
    // the log or the folder has them: the next opening would index them again
    await this.commit([], add, { remade: true });
    for (const object of group) {
      this.#waiting.delete(object.header.sopInstanceUid);
      this.#warn(object, log);
    }
    this.#options.done(group);
    const known = new Set(added);
    for (const object of placed) if (!known.has(object)) await this.#lost(object);
    const soon = this.#waiting.size >= GROUP_OBJECTS ? 0 : GROUP_MS;
    if (this.#waiting.size > 0) this.#timer ??= this.#options.clock.wall.after(soon, () => this.#begin());
  }

  async #lost(object: WaitingObject): Promise<void> {
    const { database, catalogue, lost } = this.#options;
    await lost(object, await database.read(() => catalogue.find(object.header.sopInstanceUid)));
  }

  /** The first object of a study says whose it is; one that disagrees stays in its study, and somebody should know. */
  #warn({ header }: WaitingObject, log: Log): void {
    const place = this.#options.catalogue.place(header);
    if (!place) return;
    const { sopInstanceUid, studyInstanceUid, patientKey } = header;
    const object = { sopInstanceUid, studyInstanceUid };
    if (place.patientKey !== patientKey) log.warn(object, 'the object names another patient than its study does');
    if (place.studyInstanceUid !== studyInstanceUid)
      log.warn(object, 'the series of the object belongs to another study');
  }
}

export function storedFact({ header }: IndexedObject): Fact {
  const { sopInstanceUid, seriesInstanceUid, studyInstanceUid } = header;
  return { type: 'instance.stored', sopInstanceUid, seriesInstanceUid, studyInstanceUid };
}
