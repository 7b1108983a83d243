import { rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import { DurableFile } from '../dicom/dataset/durable-file.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { Imported, KnownOfObject } from './archive.js';
import type { IndexedFile } from './catalogue.js';
import { type Inspected, inspectBytes, inspectFile, takeFile } from './files.js';
import type { IndexWriter } from './index-writer.js';
import type { ObjectFolder } from './object-folder.js';
import { instanceOf } from './storing.js';
import type { TurnByKey } from './turn-by-key.js';

export interface ImportingOptions {
  root: string;
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
      if (before) return before;
      const path = join(this.options.root, 'incoming', `${found.header.sopInstanceUid}.${makeUid().slice(-12)}.dcm`);
      const file = await DurableFile.create(path, { hash: false });
      await file.write(part10);
      await file.commit();
      return this.#take(path, found);
    });
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
    const { folder, writer, clock } = this.options;
    const target = await folder.target(found.header);
    if (!(await takeFile(path, target))) return this.#meet(path, target, found);
    const place = { file: folder.relative(target), storedAt: clock.now(), origin: 'received' as const };
    const file: IndexedFile = { ...place, ...withoutHeader(found) };
    writer.add({ header: found.header, file });
    return { instance: instanceOf(found.header, file), duplicate: false, identical: false };
  }

  /** A file of that name which the index lacks: a crash, or another host that is about to index it. The first is kept. */
  async #meet(path: string, target: string, found: Inspected): Promise<Imported> {
    const { folder, writer, clock } = this.options;
    const there = await inspectFile(target).catch(() => undefined);
    if (!there) {
      await rename(path, target).catch((error: unknown) => {
        throw asScannerError(error, 'data.disk', { path: target });
      });
    } else {
      await remove(path);
    }
    const kept = there ?? found;
    const place = { file: folder.relative(target), storedAt: clock.now(), origin: 'received' as const };
    const file: IndexedFile = { ...place, ...withoutHeader(kept) };
    writer.add({ header: kept.header, file });
    const identical = kept.checksum === found.checksum;
    return { instance: instanceOf(kept.header, file), duplicate: !identical, identical };
  }
}

function withoutHeader({ transferSyntaxUid, bytes, checksum }: Inspected) {
  return { transferSyntaxUid, bytes, checksum };
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    throw asScannerError(error, 'data.disk', { path });
  });
}
