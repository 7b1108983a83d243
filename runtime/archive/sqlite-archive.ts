import { unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import Database from 'better-sqlite3';
import { type Observable, Subject } from 'rxjs';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { type Part10Options, writePart10File } from '../dicom/dataset/part10.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../dicom/dataset/transfer-syntax.js';
import type { BuiltObject, Instance } from '../objects/instance.js';
import type {
  Archive,
  CommitmentResult,
  Delivery,
  DeliveryResult,
  InstanceFilter,
  InstanceRecord,
  IntegrityReport,
  SequencedFact,
} from './archive.js';
import { Catalogue, type IndexedFile } from './catalogue.js';
import { Deliveries } from './deliveries.js';
import type { Fact } from './fact.js';
import { durableFolder, inspectFile, takeFile } from './files.js';
import { type IndexedHeader, indexedHeader } from './header.js';
import { checkIntegrity } from './integrity.js';
import { Outbox } from './outbox.js';
import { prepareDatabase } from './schema.js';
import { States } from './states.js';
import { oneATurn } from './turns.js';

/** Files that are written at the same time; more do not make a disk faster. */
const WRITERS = 4;

export interface SqliteArchiveOptions {
  /** Folder of the archive: `objects/` and `archive.sqlite` stand in it. */
  root: string;
  clock: Clock;
  log: Log;
  /** What the files' meta header says of us. */
  file?: Pick<Part10Options, 'implementation' | 'sourceAeTitle'>;
}

interface Row {
  header: IndexedHeader;
  file: IndexedFile;
}

/** Part 10 files below a folder, with a SQLite index beside them. One process at a time may have it open. */
export class SqliteArchive implements Archive {
  readonly facts$: Observable<SequencedFact>;
  readonly integrity: IntegrityReport;
  readonly #facts = new Subject<SequencedFact>();
  readonly #folders = new Set<string>();
  readonly #busy = new Map<string, Promise<unknown>>();
  readonly #catalogue: Catalogue;
  readonly #deliveries: Deliveries;
  readonly #outbox: Outbox;
  readonly #states: States;

  private constructor(
    private readonly db: Database.Database,
    private readonly options: SqliteArchiveOptions,
    parts: { catalogue: Catalogue; integrity: IntegrityReport },
  ) {
    this.#catalogue = parts.catalogue;
    this.integrity = parts.integrity;
    this.#deliveries = new Deliveries(db);
    this.#outbox = new Outbox(db);
    this.#states = new States(db);
    this.facts$ = this.#facts.asObservable();
  }

  /** Opens or makes the archive and mends what a crash left. @throws ScannerError data.disk, config.invalid */
  static async open(options: SqliteArchiveOptions): Promise<SqliteArchive> {
    const { root, log } = options;
    await durableFolder(dirname(root), join(root, 'objects'));
    const path = join(root, 'archive.sqlite');
    let db: Database.Database | undefined;
    try {
      db = new Database(path);
      const open = db;
      prepareDatabase(open);
      const catalogue = new Catalogue(open);
      const transaction = (act: () => void) => open.transaction(act)();
      const integrity = await checkIntegrity({ root, catalogue, transaction, log });
      return new SqliteArchive(open, options, { catalogue, integrity });
    } catch (error) {
      db?.close();
      throw asScannerError(error, 'data.disk', { path });
    }
  }

  async store(objects: Iterable<BuiltObject>, facts: readonly Fact[] = []): Promise<Instance[]> {
    const pull = oneATurn(objects);
    const rows: Row[] = [];
    let failure: { error: unknown } | undefined;
    const write = async () => {
      for (let next = await pull(); !failure && !next.done; next = await pull()) {
        const index = rows.length;
        rows.length++; // keeps the order of the objects
        rows[index] = await this.#write(next.value);
      }
    };
    const stop = (error: unknown) => {
      failure ??= { error };
    };
    await Promise.all(Array.from({ length: WRITERS }, () => write().catch(stop)));
    try {
      if (failure) throw failure.error;
      this.#commit(() => {
        for (const { header, file } of rows) this.#catalogue.add(header, file);
        return [...rows.map(storedFact), ...facts];
      });
    } catch (error) {
      await Promise.all(
        rows.map((row) => row && unlink(join(this.options.root, row.file.file)).catch(() => undefined)),
      );
      throw error;
    }
    return rows.map((row) => this.#instance(row));
  }

  async importFile(path: string): Promise<Instance> {
    const { header, ...found } = await inspectFile(path);
    return this.#exclusive(header.sopInstanceUid, async () => {
      const known = this.#catalogue.find(header.sopInstanceUid);
      if (known && known.checksum === found.checksum) {
        await unlink(path);
        return this.#absolute(known);
      }
      if (known) throw duplicate(header.sopInstanceUid);
      const target = await this.#target(header);
      await takeFile(path, target);
      const row = { header, file: { ...found, ...this.#place(target), origin: 'received' as const } };
      this.#commit(() => {
        this.#catalogue.add(row.header, row.file);
        return [storedFact(row)];
      });
      return this.#instance(row);
    });
  }

  async putFacts(...facts: Fact[]): Promise<SequencedFact[]> {
    return this.#commit(() => facts);
  }

  async facts(consumer: string, limit = 1000): Promise<SequencedFact[]> {
    return this.#outbox.pending(consumer, limit);
  }

  async ack(consumer: string, ...seqs: number[]): Promise<void> {
    this.#transaction(() => this.#outbox.ack(consumer, seqs));
  }

  async patients() {
    return this.#catalogue.patients();
  }

  async studies(filter: { studyInstanceUid?: string; patientId?: string } = {}) {
    return this.#catalogue.studies(filter);
  }

  async series(filter: { studyInstanceUid?: string; seriesInstanceUid?: string } = {}) {
    return this.#catalogue.series(filter);
  }

  async instances(filter: InstanceFilter = {}): Promise<InstanceRecord[]> {
    return this.#catalogue.instances(filter).map((record) => this.#absolute(record));
  }

  async recordDeliveries(node: string, results: readonly DeliveryResult[]): Promise<void> {
    this.#transaction(() => this.#deliveries.sent(node, results, this.options.clock.now()));
  }

  async recordCommitment(node: string, results: readonly CommitmentResult[]): Promise<void> {
    this.#transaction(() => this.#deliveries.committed(node, results));
  }

  async deliveries(filter: Parameters<Archive['deliveries']>[0]): Promise<Delivery[]> {
    return this.#deliveries.select(filter);
  }

  async loadState<T>(owner: string, key: string): Promise<T | undefined> {
    return this.#states.load<T>(owner, key);
  }

  async saveState(owner: string, key: string, value: unknown): Promise<void> {
    this.#transaction(() => this.#states.save(owner, key, value));
  }

  async removeState(owner: string, key: string): Promise<void> {
    this.#transaction(() => this.#states.remove(owner, key));
  }

  async states<T>(owner: string): Promise<{ key: string; value: T }[]> {
    return this.#states.list<T>(owner);
  }

  async close(): Promise<void> {
    this.#facts.complete();
    this.db.close();
  }

  /** Writes one object's file, durable under its name. The index does not have it yet. */
  async #write(object: BuiltObject): Promise<Row> {
    const header = indexedHeader(object.dataset);
    return this.#exclusive(header.sopInstanceUid, async () => {
      if (this.#catalogue.find(header.sopInstanceUid)) throw duplicate(header.sopInstanceUid);
      const target = await this.#target(header);
      const transferSyntaxUid = object.transferSyntaxUid ?? EXPLICIT_LITTLE_ENDIAN;
      const options = { ...this.options.file, bulk: object.bulk };
      const { size, sha256 } = await writePart10File(target, object.dataset, transferSyntaxUid, options);
      const file = {
        transferSyntaxUid,
        bytes: size,
        checksum: sha256,
        ...this.#place(target),
        origin: 'made' as const,
      };
      return { header, file };
    });
  }

  async #target(header: IndexedHeader): Promise<string> {
    const folder = join(this.options.root, 'objects', header.studyInstanceUid, header.seriesInstanceUid);
    if (!this.#folders.has(folder)) {
      await durableFolder(this.options.root, folder);
      this.#folders.add(folder);
    }
    return join(folder, `${header.sopInstanceUid}.dcm`);
  }

  #place(target: string): { file: string; storedAt: number } {
    return { file: relative(this.options.root, target), storedAt: this.options.clock.now() };
  }

  /** Runs `change` and makes it durable together with the facts that it returns; then tells who listens. */
  #commit(change: () => readonly Fact[]): SequencedFact[] {
    const now = this.options.clock.now();
    const facts = this.#transaction(() => change().map((fact) => this.#outbox.put(fact, now)));
    for (const fact of facts) this.#facts.next(fact);
    return facts;
  }

  #transaction<T>(act: () => T): T {
    try {
      return this.db.transaction(act)();
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: this.db.name });
    }
  }

  /** One at a time for each object. */
  async #exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(key) ?? Promise.resolve();
    const own = before.then(work, work);
    this.#busy.set(key, own);
    try {
      return await own;
    } finally {
      if (this.#busy.get(key) === own) this.#busy.delete(key);
    }
  }

  #instance({ header, file }: Row): Instance {
    const { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid, modality } = header;
    const { transferSyntaxUid, bytes, checksum } = file;
    const path = join(this.options.root, file.file);
    return {
      sopClassUid,
      sopInstanceUid,
      seriesInstanceUid,
      studyInstanceUid,
      transferSyntaxUid,
      modality,
      file: path,
      bytes,
      checksum,
    };
  }

  #absolute<T extends Instance>(record: T): T {
    return { ...record, file: join(this.options.root, record.file) };
  }
}

function storedFact({ header }: Row): Fact {
  const { sopInstanceUid, seriesInstanceUid, studyInstanceUid } = header;
  return { type: 'instance.stored', sopInstanceUid, seriesInstanceUid, studyInstanceUid };
}

function duplicate(sopInstanceUid: string): ScannerError {
  return new ScannerError('data.invalid', {
    what: `object ${sopInstanceUid}`,
    message: 'the archive has another object of this SOP Instance UID',
  });
}
