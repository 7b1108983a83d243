import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { Imported, KnownOfObject } from './archive.js';
import type { IndexedFile } from './catalogue.js';
import { type Inspected, inspectBytes, inspectFile, takeFile } from './files.js';
import type { IndexWriter } from './index-writer.js';
import { meet, replaceBy, replaceWith } from './meeting.js';
import type { ObjectFolder } from './object-folder.js';
import type { SmallObjects } from './small-objects.js';
import { instanceOf } from './storing.js';
import type { TurnByKey } from './turn-by-key.js';

/** Larger ones go to a file at once. */
const LOGGED_BYTES = 1 << 20;

export interface ImportingOptions {
  /** Folder for files on their way. */
  incoming: string;
  small: SmallObjects;
  folder: ObjectFolder;
  writer: IndexWriter;
  turns: TurnByKey;
  clock: Clock;
}

/** Received objects on their way into the archive. Paths of instances are relative to its folder. */
export class Importing {
  constructor(private readonly options: ImportingOptions) {}

  async file(path: string, known?: KnownOfObject): Promise<Imported> {
    const found = await inspectFile(path, known);
    return this.options.turns.run(found.header.sopInstanceUid, async () => {
      const before = await this.#before(found);
      if (before) await remove(path);
      return before ?? this.#take(path, found);
    });
  }

  async bytes(part10: Buffer, known?: KnownOfObject): Promise<Imported> {
    const found = inspectBytes(part10, known);
    return this.options.turns.run(found.header.sopInstanceUid, async () => {
      const before = await this.#before(found);
      return before ?? (part10.length > LOGGED_BYTES ? this.#write(part10, found) : this.#log(part10, found));
    });
  }

  async #log(part10: Buffer, found: Inspected): Promise<Imported> {
    const { folder, writer, small } = this.options;
    await writer.room();
    const file = this.#indexed(folder.fileOf(found.header), found);
    writer.add(await small.keep(part10, found, file));
    return { instance: instanceOf(found.header, file), duplicate: false, identical: false };
  }

  async #write(part10: Buffer, found: Inspected): Promise<Imported> {
    const path = join(this.options.incoming, `${found.header.sopInstanceUid}.${makeUid().slice(-12)}.dcm`);
    await replaceWith(part10, path);
    return this.#take(path, found);
  }

  /** What the archive has under the UID of `found`; undefined when it has nothing. */
  async #before({ header, checksum }: Inspected): Promise<Imported | undefined> {
    const { waiting, known } = await this.options.writer.find(header.sopInstanceUid);
    if (waiting) {
      const instance = instanceOf(waiting.header, waiting.file);
      return { instance, duplicate: true, identical: waiting.file.checksum === checksum };
    }
    if (!known || known.missing) return undefined;
    return { instance: known, duplicate: true, identical: known.checksum === checksum };
  }

  async #take(path: string, found: Inspected): Promise<Imported> {
    const { folder, writer } = this.options;
    await writer.room();
    const target = await folder.target(found.header);
    const taken = await takeFile(path, target);
    const kept = taken ? found : await meet(target, found, () => replaceBy(path, target));
    if (kept !== found) await remove(path);
    const file = this.#indexed(folder.relative(target), kept);
    writer.add({ header: kept.header, file });
    const identical = kept !== found && kept.checksum === found.checksum;
    return { instance: instanceOf(kept.header, file), duplicate: kept !== found, identical };
  }

  #indexed(file: string, { transferSyntaxUid, bytes, checksum }: Inspected): IndexedFile {
    return { transferSyntaxUid, bytes, checksum, file, storedAt: this.options.clock.now(), origin: 'received' };
  }
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    throw asScannerError(error, 'data.disk', { path });
  });
}
