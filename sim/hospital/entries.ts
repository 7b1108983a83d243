import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { type Dataset, isDataset, set, type Value } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { fromPlain, type PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import { chooseCharacterSet } from '../../runtime/dicom/dataset/text.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../runtime/dicom/dataset/transfer-syntax.js';

/** A file with more is no worklist entry. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const DICM_OFFSET = 128;

interface Known {
  /** Changes when the file does. */
  stamp: string;
  entries: Dataset[];
}

/**
 * A folder of worklist entries, looked at anew at every reading: `*.json`, each an entry or a list of them with dictionary
 * keywords, and `*.wl` as DCMTK's wlmscpfs has them, Part 10 files or bare datasets. What lies in a sub-folder is for those
 * who call the RIS by the sub-folder's name. A file that cannot be read is named in the log and left out.
 */
export class EntryFolder {
  readonly #folder: string;
  readonly #log: Log;
  readonly #known = new Map<string, Known>();

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Names of the sub-folders. @throws ScannerError data.invalid when the folder cannot be read */
  async titles(): Promise<string[]> {
    const found = await this.#list(this.#folder);
    return found.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  /** The entries for those who call the RIS `aeTitle`, by file name. @throws ScannerError data.invalid when the folder cannot be read */
  async read(aeTitle: string): Promise<Dataset[]> {
    const found = await this.#list(this.#folder);
    const own = found.find((entry) => entry.isDirectory() && entry.name === aeTitle);
    const below = own ? await this.#list(join(this.#folder, own.name)) : [];
    const paths = [
      ...found.filter(isEntryFile).map(({ name }) => join(this.#folder, name)),
      ...below.filter(isEntryFile).map(({ name }) => join(this.#folder, own!.name, name)),
    ].sort();
    const entries: Dataset[] = [];
    for (const path of paths) entries.push(...(await this.#readFile(path)));
    return entries;
  }

  async #list(folder: string) {
    try {
      return await readdir(folder, { withFileTypes: true });
    } catch (error) {
      throw new ScannerError('data.invalid', { what: folder, message: (error as Error).message }, error);
    }
  }

  async #readFile(path: string): Promise<Dataset[]> {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      const known = this.#known.get(path);
      if (known?.stamp === stamp) return known.entries;
      const entries = path.endsWith('.json') ? await readJson(path, size) : [await readWl(path, size)];
      this.#known.set(path, { stamp, entries });
      return entries;
    } catch (error) {
      this.#known.delete(path);
      this.#log.warn({ path, error: asScannerError(error).message }, 'not a worklist entry; left out');
      return [];
    }
  }
}

const PLAIN: z.ZodType<PlainDataset> = z.lazy(() =>
  z.record(
    z.string(),
    z.union([z.string(), z.number(), z.null(), PLAIN, z.array(z.union([z.string(), z.number(), PLAIN]))]),
  ),
);

/** An entry as JSON; a character set is chosen when it names none. @throws ScannerError data.invalid */
export function entryOf(value: unknown): Dataset {
  const plain = PLAIN.safeParse(value);
  if (!plain.success) {
    const message = `${plain.error.issues[0]?.path.join('.') || 'it'} is no keyword with text, numbers or items`;
    throw new ScannerError('data.invalid', { what: 'worklist entry', message });
  }
  let ds: Dataset;
  try {
    ds = fromPlain(plain.data);
  } catch (error) {
    throw new ScannerError('data.invalid', { what: 'worklist entry', message: (error as Error).message }, error);
  }
  if (ds['00080005']) return ds;
  const charset = chooseCharacterSet(textsOf(ds), ['ISO_IR 6', 'ISO_IR 100', 'ISO_IR 192']);
  return charset && charset !== 'ISO_IR 6' ? set(ds, 'SpecificCharacterSet', charset) : ds;
}

function isEntryFile(entry: { name: string; isFile(): boolean }): boolean {
  return entry.isFile() && /\.(json|wl)$/.test(entry.name);
}

async function readJson(path: string, size: number): Promise<Dataset[]> {
  const content = JSON.parse((await readBytes(path, size)).toString('utf8')) as unknown;
  return (Array.isArray(content) ? content : [content]).map(entryOf);
}

async function readWl(path: string, size: number): Promise<Dataset> {
  const bytes = await readBytes(path, size);
  if (bytes.toString('latin1', DICM_OFFSET, DICM_OFFSET + 4) === 'DICM') return (await readHeader(path)).dataset;
  // a bare dataset says by its first element how it is written
  const explicit = /^[A-Z]{2}$/.test(bytes.toString('latin1', 4, 6));
  return decodeDataset(bytes, explicit ? EXPLICIT_LITTLE_ENDIAN : IMPLICIT_LITTLE_ENDIAN);
}

async function readBytes(path: string, size: number): Promise<Buffer> {
  if (size > MAX_FILE_BYTES) throw new ScannerError('limit.size', { what: path, value: size, max: MAX_FILE_BYTES });
  const handle = await open(path, 'r');
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function textsOf(ds: Dataset): string[] {
  const texts = (value: Value): string[] =>
    typeof value === 'string' ? [value] : typeof value === 'object' && isDataset(value) ? textsOf(value) : [];
  return Object.values(ds).flatMap(({ Value }) => Value.flatMap(texts));
}
