import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { Part10Options } from '../dicom/dataset/part10.js';
import { PREPARED_FOLDER } from '../dicom/dataset/prepared-files.js';
import type { BuiltObject, Instance } from '../objects/instance.js';
import type {
  Archive,
  CommitmentResult,
  Delivery,
  DeliveryResult,
  Imported,
  InstanceFilter,
  InstanceRecord,
  IntegrityReport,
  KnownOfObject,
  PatientRecord,
  SequencedFact,
  SeriesRecord,
  StudyRecord,
} from './archive.js';
import { Catalogue, type IndexedObject } from './catalogue.js';
import { Deliveries } from './deliveries.js';
import type { Fact } from './fact.js';
import { syncFileSystem } from './files.js';
import { Importing } from './importing.js';
import { IndexWriter, storedFact } from './index-writer.js';
import { checkIntegrity } from './integrity.js';
import { ObjectFolder } from './object-folder.js';
import { Outbox } from './outbox.js';
import type { IndexQuery, IndexRow } from './query.js';
import { indexRow, queryStatement } from './query-sql.js';
import { recoverIncoming, recoverLog } from './recovery.js';
import { SmallLog } from './small-log.js';
import { SmallObjects } from './small-objects.js';
import type { SqlDatabase, Statement, Work } from './sql.js';
import { states } from './states.js';
import { instanceOf, Storing, uidTaken } from './storing.js';
import { TurnByKey } from './turn-by-key.js';

export interface ArchiveOptions {
  /** Folder of this process: what is on its way, and `objects/` unless `objects` says where. */
  root: string;
  /** Folder that `objects/` stands in, when several hosts share it. */
  objects?: string;
  clock: Clock;
  log: Log;
  /** What the files' meta header says of us. */
  file?: Pick<Part10Options, 'implementation' | 'sourceAeTitle'>;
}

/** Objects that are on their way, below the folder of the process. */
export const INCOMING_FOLDER = 'incoming';
export const LOG_FOLDER = 'log';

/** Part 10 files below a folder, with their index in a database. */
export class IndexedArchive implements Archive {
  readonly facts$: Observable<SequencedFact>;
  readonly integrity: IntegrityReport = { removed: [], indexed: [], missing: [], unreadable: [] };
  readonly #facts = new Subject<SequencedFact>();
  readonly #writer: IndexWriter;
  readonly #small: SmallObjects;
  readonly #storing: Storing;
  readonly #deliveries: Deliveries;
  protected readonly catalogue: Catalogue;
  protected readonly folder: ObjectFolder;
  protected readonly importing: Importing;
  protected readonly outbox: Outbox;

  protected constructor(
    protected readonly database: SqlDatabase,
    protected readonly options: ArchiveOptions,
    shared: boolean,
  ) {
    const { root, objects = root, clock, log, file } = options;
    const catalogue = (this.catalogue = new Catalogue(database.dialect));
    this.outbox = new Outbox(database.dialect);
    this.#deliveries = new Deliveries(database.dialect);
    this.folder = new ObjectFolder(objects);
    const sync = () => syncFileSystem(join(objects, 'objects'));
    const smallLog = new SmallLog({ folder: join(root, LOG_FOLDER), clock, log, sync });
    const small = (this.#small = new SmallObjects({ folder: this.folder, smallLog, shared, clock, log }));
    const writer = (this.#writer = new IndexWriter({
      ...{ database, catalogue, outbox: this.outbox, clock, log },
      place: (group) => small.place(group),
      done: (group) => small.done(group),
      lost: (object, first) => small.lost(object, first),
      tell: (facts) => this.tell(facts),
    }));
    const common = { folder: this.folder, writer, turns: new TurnByKey(), clock };
    this.importing = new Importing({ ...common, small, incoming: join(root, INCOMING_FOLDER) });
    this.#storing = new Storing({ ...common, file });
    this.facts$ = this.#facts.asObservable();
  }

  async store(objects: Iterable<BuiltObject>, facts: readonly Fact[] = []): Promise<Instance[]> {
    const written = await this.#storing.write(objects);
    try {
      await this.#writer.commit(facts, () => this.#add(written));
    } catch (error) {
      await this.#storing.remove(written);
      throw error;
    }
    return written.map(({ header, file }) => this.#absolute(instanceOf(header, file)));
  }

  async importFile(path: string, known?: KnownOfObject): Promise<Imported> {
    return this.#imported(await this.importing.file(path, known));
  }

  async importBytes(part10: Buffer, known?: KnownOfObject): Promise<Imported> {
    return this.#imported(await this.importing.bytes(part10, known));
  }

  putFacts(...facts: Fact[]): Promise<SequencedFact[]> {
    return this.#writer.commit(facts);
  }

  async facts(consumer: string, limit = 1000): Promise<SequencedFact[]> {
    const now = this.options.clock.now();
    if (this.outbox.isNew(consumer, now)) {
      await this.database.transaction(() => this.outbox.register(consumer, now));
    }
    // those of objects whose rows are still to come are told when they come
    return this.database.read(() => this.outbox.pending(consumer, limit));
  }

  async ack(consumer: string, ...seqs: number[]): Promise<void> {
    await this.database.transaction(() => this.outbox.ack(consumer, seqs, this.options.clock.now()));
  }

  patients(): Promise<PatientRecord[]> {
    return this.#all(this.catalogue.patients());
  }

  studies(filter: { studyInstanceUid?: string; patientId?: string } = {}): Promise<StudyRecord[]> {
    return this.#all(this.catalogue.studies(filter));
  }

  series(filter: { studyInstanceUid?: string; seriesInstanceUid?: string } = {}): Promise<SeriesRecord[]> {
    return this.#all(this.catalogue.series(filter));
  }

  async instances(filter: InstanceFilter = {}): Promise<InstanceRecord[]> {
    const records = await this.#all<InstanceRecord>(this.catalogue.instances(filter));
    await this.#small.ensure(records.map(({ sopInstanceUid }) => sopInstanceUid));
    return records.map((record) => this.#absolute(record));
  }

  async *query(query: IndexQuery, signal?: AbortSignal): AsyncGenerator<IndexRow, void, void> {
    await this.#settle();
    const statement = queryStatement(query, this.database.dialect);
    for await (const batch of this.database.stream<Record<string, unknown>>(statement, signal)) {
      for (const columns of batch) {
        const row = indexRow(query, columns);
        if (query.accept?.(row) ?? true) yield row;
      }
    }
  }

  async recordDeliveries(node: string, results: readonly DeliveryResult[]): Promise<void> {
    await this.database.transaction(() => this.#deliveries.sent(node, results, this.options.clock.now()));
  }

  async recordCommitment(node: string, results: readonly CommitmentResult[]): Promise<void> {
    await this.database.transaction(() => this.#deliveries.committed(node, results));
  }

  deliveries(filter: Parameters<Archive['deliveries']>[0]): Promise<Delivery[]> {
    return this.database.read(() => this.#deliveries.select(filter));
  }

  loadState<T>(owner: string, key: string): Promise<T | undefined> {
    return this.database.read(() => states.load<T>(owner, key));
  }

  async saveState(owner: string, key: string, value: unknown): Promise<void> {
    await this.database.transaction(() => states.save(owner, key, value));
  }

  async removeState(owner: string, key: string): Promise<void> {
    await this.database.transaction(() => states.remove(owner, key));
  }

  states<T>(owner: string): Promise<{ key: string; value: T }[]> {
    return this.database.read(() => states.list<T>(owner));
  }

  async close(): Promise<void> {
    let clean = false;
    try {
      await this.#writer.close();
      clean = true;
    } finally {
      this.#facts.complete();
      await this.#small.close(clean).finally(() => this.database.close());
    }
  }

  /** Completes what this process had acknowledged and not finished when it ended. @throws ScannerError data.disk */
  protected async recover(): Promise<void> {
    const { root } = this.options;
    const { database, catalogue, outbox, importing, folder, integrity } = this;
    const options = {
      ...{ logFolder: join(root, LOG_FOLDER), incoming: join(root, INCOMING_FOLDER) },
      prepared: join(root, PREPARED_FOLDER),
      ...{ database, catalogue, outbox, importing, folder, log: this.options.log },
    };
    await recoverLog(options, integrity);
    await recoverIncoming(options, integrity);
    await this.#writer.flush();
  }

  /** Brings files and index together. Nobody else may have the archive open. @throws ScannerError data.disk */
  protected check(): Promise<void> {
    const { root, objects = root, log } = this.options;
    const { database, catalogue, integrity } = this;
    return checkIntegrity({ root: objects, database, catalogue, log }, integrity);
  }

  /** Tells who listens of facts that are durable. */
  protected tell(facts: readonly SequencedFact[]): void {
    for (const fact of facts) this.#facts.next(fact);
  }

  /**
   * What was imported until now has its rows; while they cannot be written, which the log tells, reads go on without.
   */
  async #settle(): Promise<void> {
    await this.#writer.flush().catch(() => undefined);
  }

  *#add(objects: readonly IndexedObject[]): Work<Fact[]> {
    const added = yield* this.catalogue.addAll(objects);
    const other = objects.find((object) => !added.includes(object));
    if (other) throw uidTaken(other.header.sopInstanceUid);
    return objects.map(storedFact);
  }

  async #all<Row>(statement: Statement): Promise<Row[]> {
    await this.#settle();
    const all: Row[] = [];
    for await (const batch of this.database.stream<Row>(statement)) all.push(...batch);
    return all;
  }

  #imported({ instance, ...rest }: Imported): Imported {
    return { ...rest, instance: this.#absolute(instance) };
  }

  #absolute<T extends Instance>(record: T): T {
    return { ...record, file: this.folder.absolute(record.file) };
  }
}
