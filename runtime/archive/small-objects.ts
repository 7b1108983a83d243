import { unlink } from 'node:fs/promises';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { IndexedFile } from './catalogue.js';
import type { Inspected } from './files.js';
import type { WaitingObject } from './index-writer.js';
import type { LogSegment } from './log-segment.js';
import { meet, replaceWith } from './meeting.js';
import type { ObjectFolder } from './object-folder.js';
import { Placing } from './placing.js';
import type { SmallLog } from './small-log.js';

export interface SmallObjectsOptions {
  folder: ObjectFolder;
  smallLog: SmallLog;
  log: Log;
}

/** Small objects between the log, where they are durable, and their files. */
export class SmallObjects {
  readonly #placing = new Placing();

  constructor(private readonly options: SmallObjectsOptions) {}

  /** Makes an object durable. @throws ScannerError data.disk */
  async keep(part10: Buffer, found: Inspected, file: IndexedFile): Promise<WaitingObject> {
    const record = { part10, checksum: found.checksum, storedAt: file.storedAt };
    const segment = await this.options.smallLog.append(record);
    return { header: found.header, file, small: { part10, segment } };
  }

  /** Makes the files of those that have none: see `IndexWriterOptions.place`. @throws ScannerError data.disk */
  async place(group: readonly WaitingObject[]): Promise<WaitingObject[]> {
    const { folder } = this.options;
    const small = group.filter(isSmall);
    if (small.length === 0) return [...group];
    const files = small.map(({ file, small: { part10 } }) => ({ target: folder.absolute(file.file), bytes: part10 }));
    const placed = await this.#placing.place(files);
    const instead = new Map<WaitingObject, WaitingObject>();
    for (const [i, object] of small.entries()) {
      const outcome = placed[i]!;
      if (outcome === 'taken') instead.set(object, await this.#meet(object));
      else if (outcome !== 'placed') {
        throw new ScannerError('data.disk', { path: files[i]!.target, message: outcome.failure });
      }
    }
    return group.map((object) => instead.get(object) ?? object);
  }

  /** The log need not keep those any more: they have their rows. */
  done(group: readonly WaitingObject[]): void {
    for (const { small } of group) if (small) this.options.smallLog.settle(small.segment);
  }

  /** Another host was first with an object of this UID; a file of ours under another name goes. */
  async lost({ header, file }: WaitingObject, first: IndexedFile | undefined): Promise<void> {
    const { folder, log } = this.options;
    if (first && first.checksum !== file.checksum) {
      log.warn({ sopInstanceUid: header.sopInstanceUid }, 'another object of this SOP Instance UID was first');
    }
    if (first && first.file !== file.file) await unlink(folder.absolute(file.file)).catch(() => undefined);
  }

  /** @param clean false leaves the log to the next opening */
  async close(clean: boolean): Promise<void> {
    await this.#placing.close();
    await (clean ? this.options.smallLog.close() : this.options.smallLog.abandon());
  }

  async #meet(object: WaitingObject & { small: { part10: Buffer } }): Promise<WaitingObject> {
    const { header, file, small } = object;
    const target = this.options.folder.absolute(file.file);
    const kept = await meet(target, { header, ...file }, () => replaceWith(small.part10, target));
    const { transferSyntaxUid, bytes, checksum } = kept;
    return { header: kept.header, file: { ...file, transferSyntaxUid, bytes, checksum } };
  }
}

function isSmall(object: WaitingObject): object is WaitingObject & { small: { part10: Buffer; segment: LogSegment } } {
  return object.small !== undefined;
}
