import { unlink } from 'node:fs/promises';
import type { Clock, TimerHandle } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { IndexedFile } from './catalogue.js';
import type { Inspected } from './files.js';
import type { WaitingObject } from './index-writer.js';
import type { Logged } from './log-segment.js';
import { meet, replaceWith } from './meeting.js';
import type { ObjectFolder } from './object-folder.js';
import { Placing } from './placing.js';
import type { SmallLog } from './small-log.js';

/** Files are made when nothing has come for so long: making one costs more than everything else that is done for an object. */
const QUIET_MS: Millisecond = 100;
/** Files made at a time. */
const BATCH = 100;
const RETRY_MS: Millisecond = 1000;

export interface SmallObjectsOptions {
  folder: ObjectFolder;
  smallLog: SmallLog;
  /** Other hosts see the rows, so files come before them. */
  shared: boolean;
  clock: Clock;
  log: Log;
}

type LoggedObject = WaitingObject & { logged: Logged };

/** A file to make of an object in the log: its path below the archive's folder. */
interface Unmade {
  file: string;
  logged: Logged;
}

/** Small objects between the log, where they are durable, and their files. */
export class SmallObjects {
  readonly #options: SmallObjectsOptions;
  readonly #placing = new Placing();
  /** With a row, but without a file, by their UIDs. */
  readonly #later = new Map<string, Unmade>();
  #making: Promise<void> = Promise.resolve();
  #timer: TimerHandle | undefined;

  constructor(options: SmallObjectsOptions) {
    this.#options = options;
  }

  /** Makes an object durable. @throws ScannerError data.disk */
  async keep(part10: Buffer, found: Inspected, file: IndexedFile): Promise<WaitingObject> {
    const record = { part10, checksum: found.checksum, storedAt: file.storedAt };
    return { header: found.header, file, logged: await this.#options.smallLog.append(record) };
  }

  /** See `IndexWriterOptions.place`: the files of a shared archive. @throws ScannerError data.disk */
  async place(group: readonly WaitingObject[]): Promise<WaitingObject[]> {
    const logged = this.#options.shared ? group.filter(isLogged) : [];
    const taken = await this.#make(logged.map(({ file: { file }, logged: where }) => ({ file, logged: where })));
    const instead = new Map<WaitingObject, WaitingObject>();
    for (const index of taken) instead.set(logged[index]!, await this.#meet(logged[index]!));
    return group.map((object) => instead.get(object) ?? object);
  }

  /** See `IndexWriterOptions.done`: the log need not keep what has its row and its file. */
  done(group: readonly WaitingObject[]): void {
    const { shared, smallLog } = this.#options;
    for (const { header, file, logged } of group.filter(isLogged)) {
      if (shared) smallLog.settle(logged.segment);
      else this.#later.set(header.sopInstanceUid, { file: file.file, logged });
    }
    if (this.#later.size > 0) this.#whenQuiet(smallLog.crowded ? 0 : QUIET_MS);
  }

  /** Resolves when these objects have their files, as far as the index has them. @throws ScannerError data.disk */
  async ensure(sopInstanceUids: Iterable<string>): Promise<void> {
    if (this.#later.size === 0) return;
    const wanted = [...sopInstanceUids].filter((uid) => this.#later.has(uid));
    if (wanted.length > 0) await this.#turn(() => this.#makeLater(wanted));
  }

  /** Another host was first with an object of this UID; a file of ours under another name goes. */
  async lost({ header, file }: WaitingObject, first: IndexedFile | undefined): Promise<void> {
    const { folder, log } = this.#options;
    if (first && first.checksum !== file.checksum) {
      log.warn({ sopInstanceUid: header.sopInstanceUid }, 'another object of this SOP Instance UID was first');
    }
    if (first && first.file !== file.file) await unlink(folder.absolute(file.file)).catch(() => undefined);
  }

  /** @param clean false leaves the log to the next opening, as does a file that cannot be made */
  async close(clean: boolean): Promise<void> {
    this.#timer?.cancel();
    const all =
      clean &&
      (await this.ensure([...this.#later.keys()]).then(
        () => true,
        () => false,
      ));
    this.#timer?.cancel();
    await this.#placing.close();
    await (all ? this.#options.smallLog.close() : this.#options.smallLog.abandon());
  }

  #whenQuiet(ms: Millisecond): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.wall.after(ms, () => {
      const some = [...this.#later.keys()].slice(0, BATCH);
      this.#turn(() => this.#makeLater(some)).then(
        () => this.#later.size > 0 && this.#whenQuiet(0),
        (error: unknown) => {
          this.#options.log.error({ error: String(error), objects: this.#later.size }, 'small objects stay in the log');
          this.#whenQuiet(RETRY_MS);
        },
      );
    });
  }

  /** One at a time: a file is made once. */
  #turn(work: () => Promise<void>): Promise<void> {
    const own = this.#making.then(work);
    this.#making = own.catch(() => undefined);
    return own;
  }

  async #makeLater(uids: readonly string[]): Promise<void> {
    for (let i = 0; i < uids.length; i += BATCH) {
      const batch = uids.slice(i, i + BATCH).filter((uid) => this.#later.has(uid));
      const unmade = batch.map((uid) => this.#later.get(uid)!);
      // nobody else writes here: what has the name was left by a crash, and the index says that it is ours
      for (const index of await this.#make(unmade)) {
        const { file, logged } = unmade[index]!;
        await replaceWith(await bytesOf(logged), this.#options.folder.absolute(file));
      }
      for (const uid of batch) this.#later.delete(uid);
      for (const { logged } of unmade) this.#options.smallLog.settle(logged.segment);
    }
  }

  /** Makes files. @returns which of them had their names taken. @throws ScannerError data.disk */
  async #make(unmade: readonly Unmade[]): Promise<number[]> {
    if (unmade.length === 0) return [];
    const files = unmade.map(({ file, logged: { segment, offset, length } }) => ({
      target: this.#options.folder.absolute(file),
      ...{ source: segment.path, offset, length },
    }));
    const placed = await this.#placing.place(files);
    for (const [i, outcome] of placed.entries()) {
      if (typeof outcome === 'string') continue;
      throw new ScannerError('data.disk', { path: files[i]!.target, message: outcome.failure });
    }
    return [...placed.keys()].filter((i) => placed[i] === 'taken');
  }

  async #meet({ header, file, logged }: LoggedObject): Promise<WaitingObject> {
    const target = this.#options.folder.absolute(file.file);
    const kept = await meet(target, { header, ...file }, async () => replaceWith(await bytesOf(logged), target));
    const { transferSyntaxUid, bytes, checksum } = kept;
    return { header: kept.header, file: { ...file, transferSyntaxUid, bytes, checksum } };
  }
}

function bytesOf({ segment, offset, length }: Logged): Promise<Buffer> {
  return segment.read(offset, length);
}

function isLogged(object: WaitingObject): object is LoggedObject {
  return object.logged !== undefined;
}
