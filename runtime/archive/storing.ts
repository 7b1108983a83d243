import { unlink } from 'node:fs/promises';
import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { writePart10File } from '../dicom/dataset/part10.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../dicom/dataset/transfer-syntax.js';
import type { BuiltObject, Instance } from '../objects/instance.js';
import type { IndexedFile, IndexedObject } from './catalogue.js';
import { type IndexedHeader, indexedHeader } from './header.js';
import type { IndexWriter } from './index-writer.js';
import type { ArchiveOptions } from './indexed-archive.js';
import type { ObjectFolder } from './object-folder.js';
import type { TurnByKey } from './turn-by-key.js';
import { oneATurn } from './turns.js';

/** Files that are written at the same time; more do not make a disk faster. */
const WRITERS = 4;

export interface StoringOptions {
  folder: ObjectFolder;
  writer: IndexWriter;
  turns: TurnByKey;
  clock: Clock;
  file: ArchiveOptions['file'];
}

/** Objects that we have built, on their way to files. */
export class Storing {
  constructor(private readonly options: StoringOptions) {}

  /** Writes every object durably under its name, or none. The index does not have them yet. @throws ScannerError data.* */
  async write(objects: Iterable<BuiltObject>): Promise<IndexedObject[]> {
    const pull = oneATurn(objects);
    const written: IndexedObject[] = [];
    let failure: { error: unknown } | undefined;
    const work = async () => {
      for (let next = await pull(); !failure && !next.done; next = await pull()) {
        const index = written.length;
        written.length++; // keeps the order of the objects
        written[index] = await this.#write(next.value);
      }
    };
    const stop = (error: unknown) => {
      failure ??= { error };
    };
    await Promise.all(Array.from({ length: WRITERS }, () => work().catch(stop)));
    if (!failure) return written;
    await this.remove(written);
    throw failure.error;
  }

  /** Takes away what `write` wrote. */
  async remove(written: readonly (IndexedObject | undefined)[]): Promise<void> {
    const paths = written.flatMap((object) => (object ? [this.options.folder.absolute(object.file.file)] : []));
    await Promise.all(paths.map((path) => unlink(path).catch(() => undefined)));
  }

  async #write(object: BuiltObject): Promise<IndexedObject> {
    const { folder, writer, turns, clock, file } = this.options;
    const header = indexedHeader(object.dataset);
    return turns.run(header.sopInstanceUid, async () => {
      const { waiting, known } = await writer.find(header.sopInstanceUid);
      if (waiting || (known && !known.missing)) throw uidTaken(header.sopInstanceUid);
      const target = await folder.target(header);
      const transferSyntaxUid = object.transferSyntaxUid ?? EXPLICIT_LITTLE_ENDIAN;
      const written = await writePart10File(target, object.dataset, transferSyntaxUid, { ...file, bulk: object.bulk });
      const { size: bytes, sha256: checksum } = written;
      const place = { file: folder.relative(target), storedAt: clock.now(), origin: 'made' as const };
      return { header, file: { transferSyntaxUid, bytes, checksum, ...place } };
    });
  }
}

/** An object of the index as those who asked for it to be kept see it; its file below the archive's folder. */
export function instanceOf(header: IndexedHeader, indexed: IndexedFile): Instance {
  const { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid, modality } = header;
  const { transferSyntaxUid, bytes, checksum, file } = indexed;
  return {
    sopClassUid,
    sopInstanceUid,
    seriesInstanceUid,
    studyInstanceUid,
    transferSyntaxUid,
    modality,
    file,
    bytes,
    checksum,
  };
}

export function uidTaken(sopInstanceUid: string): ScannerError {
  return new ScannerError('data.invalid', {
    what: `object ${sopInstanceUid}`,
    message: 'the archive has another object of this SOP Instance UID',
  });
}
