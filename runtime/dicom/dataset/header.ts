import { type FileHandle, open } from 'node:fs/promises';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { type BulkRef, type Dataset, needText } from './dataset.js';
import { decodeDataset, readElementHeader, UNDEFINED_LENGTH } from './decode.js';
import { vrOf } from './dictionary.js';
import { EXPLICIT_LITTLE_ENDIAN, isImplicit, needReadable } from './transfer-syntax.js';

const WINDOW_BYTES = 64 * 1024;
/** Holds the meta information of nearly every file. */
const META_BYTES = 1024;
/** Values above this stay in the file. */
const BULK_BYTES = 64 * 1024;
/** Largest header (without bulk values) that is taken into memory. */
const MAX_HEADER_BYTES = 32 * 1024 * 1024;
const MAX_META_BYTES = 64 * 1024;
const MAX_DEPTH = 32;

export interface FileMeta {
  meta: Dataset;
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntax: string;
  /** Where the dataset's first byte stands in the file. */
  datasetOffset: number;
  /** Bytes of the file. */
  size: number;
}

export interface FileHeader extends FileMeta {
  /** Elements before `stopAtTag`; values above 64 KiB are left in the file: `Value` empty, `bulk` set. */
  dataset: Dataset;
}

/**
 * Reads the meta information of a Part 10 file: all that sending it needs.
 * @throws ScannerError data.dicom, data.disk
 */
export function readFileMeta(path: string): Promise<FileMeta> {
  return withFile(path, async (window) => window.meta());
}

/**
 * Reads a Part 10 file's elements up to `stopAtTag` (default: to the end) without loading bulk values, whatever their size.
 * @throws ScannerError data.dicom, data.disk, limit.size
 */
export function readHeader(path: string, options: { stopAtTag?: string } = {}): Promise<FileHeader> {
  return withFile(path, async (window) => {
    const meta = await window.meta();
    needReadable(meta.transferSyntax);
    const dataset = await scan(window, meta, options.stopAtTag ?? 'FFFFFFFF');
    return { ...meta, dataset };
  });
}

async function withFile<T>(path: string, read: (window: FileWindow) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    return await read(new FileWindow(handle, (await handle.stat()).size));
  } catch (error) {
    if (error instanceof ScannerError) throw new ScannerError(error.code, { path, ...error.context }, error);
    throw asScannerError(error, 'data.missing', { what: path });
  } finally {
    await handle?.close();
  }
}

/** A stretch of a file in memory which moves forward as the scan does. */
class FileWindow {
  readonly size: number;
  readonly #handle: FileHandle;
  #buffer = Buffer.alloc(0);
  #start = 0;
  #window = META_BYTES;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  /** The bytes from `offset`, `count` of them or as many as the file has. */
  async at(offset: number, count: number): Promise<Buffer> {
    const want = Math.min(count, Math.max(0, this.size - offset));
    if (offset < this.#start || offset + want > this.#start + this.#buffer.length) {
      const length = Math.min(Math.max(want, this.#window), Math.max(0, this.size - offset));
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await this.#handle.read(buffer, 0, length, offset);
      this.#buffer = buffer.subarray(0, bytesRead);
      this.#start = offset;
      this.#window = WINDOW_BYTES;
    }
    return this.#buffer.subarray(offset - this.#start, offset - this.#start + want);
  }

  async meta(): Promise<FileMeta> {
    const head = await this.at(0, 144);
    if (head.toString('latin1', 128, 132) !== 'DICM') throw invalid('preamble', 'no DICM after 128 bytes');
    const first = readElementHeader(head, 132, head.length, false);
    if (first?.tag !== '00020000' || first.length !== 4 || head.length < 144) {
      throw invalid('meta header', 'no group length (0002,0000)');
    }
    const length = head.readUInt32LE(140);
    if (length > MAX_META_BYTES || 144 + length > this.size) throw invalid('meta header', `declares ${length} bytes`);
    const meta = decodeDataset(await this.at(144, length), EXPLICIT_LITTLE_ENDIAN);
    return {
      meta,
      sopClassUid: needText(meta, 'MediaStorageSOPClassUID'),
      sopInstanceUid: needText(meta, 'MediaStorageSOPInstanceUID'),
      transferSyntax: needText(meta, 'TransferSyntaxUID'),
      datasetOffset: 144 + length,
      size: this.size,
    };
  }
}

async function scan(window: FileWindow, meta: FileMeta, stopAtTag: string): Promise<Dataset> {
  const implicit = isImplicit(meta.transferSyntax);
  const kept: Buffer[] = [];
  const left: { tag: string; vr: string; bulk: BulkRef }[] = [];
  let keptBytes = 0;
  let offset = meta.datasetOffset;
  while (offset < window.size) {
    const header = readElementHeader(await window.at(offset, 12), 0, Math.min(12, window.size - offset), implicit);
    if (!header) throw invalid(`byte ${offset}`, 'the file ends within an element');
    if (header.tag >= stopAtTag) break;
    const valueOffset = offset + header.valueOffset;
    const vr = implicit ? vrOf(header.tag) : header.vr;
    const open = header.length === UNDEFINED_LENGTH;
    const next = await elementEnd(window, offset, implicit, 0);
    const big = open ? vr[0] === 'O' : vr !== 'SQ' && header.length > BULK_BYTES;
    if (big) {
      left.push({ tag: header.tag, vr, bulk: { offset: valueOffset, length: open ? undefined : header.length } });
    } else {
      keptBytes += next - offset;
      if (keptBytes > MAX_HEADER_BYTES) {
        throw new ScannerError('limit.size', { what: 'header', value: keptBytes, max: MAX_HEADER_BYTES });
      }
      kept.push(Buffer.from(await window.at(offset, next - offset)));
    }
    offset = next;
  }
  const ds = decodeDataset(Buffer.concat(kept), meta.transferSyntax);
  for (const { tag, vr, bulk } of left) ds[tag] = { vr, Value: [], bulk };
  return ds;
}

/** Where the element at `offset` ends; walks items where no length is declared. */
async function elementEnd(window: FileWindow, offset: number, implicit: boolean, depth: number): Promise<number> {
  if (depth > MAX_DEPTH) throw invalid(`byte ${offset}`, `nested deeper than ${MAX_DEPTH}`);
  const header = readElementHeader(await window.at(offset, 12), 0, Math.min(12, window.size - offset), implicit);
  if (!header) throw invalid(`byte ${offset}`, 'the file ends within an element');
  const valueOffset = offset + header.valueOffset;
  if (header.length !== UNDEFINED_LENGTH) return checkedEnd(window, header.tag, valueOffset, header.length);
  const inner = implicit || header.vr === 'UN';
  let at = valueOffset;
  for (;;) {
    const item = readElementHeader(await window.at(at, 8), 0, Math.min(8, window.size - at), true);
    if (item?.tag === 'FFFEE0DD') return at + 8;
    if (item?.tag !== 'FFFEE000') throw invalid(`${header.tag} at byte ${at}`, 'an item was expected');
    if (item.length !== UNDEFINED_LENGTH) at = checkedEnd(window, 'item', at + 8, item.length);
    else at = await itemEnd(window, at + 8, inner, depth + 1);
  }
}

async function itemEnd(window: FileWindow, start: number, implicit: boolean, depth: number): Promise<number> {
  let at = start;
  for (;;) {
    const header = readElementHeader(await window.at(at, 8), 0, Math.min(8, window.size - at), true);
    if (!header) throw invalid(`byte ${at}`, 'the file ends within an item');
    if (header.tag === 'FFFEE00D') return at + 8;
    at = await elementEnd(window, at, implicit, depth);
  }
}

function checkedEnd(window: FileWindow, tag: string, valueOffset: number, length: number): number {
  const end = valueOffset + length;
  if (end > window.size) throw invalid(tag, `declares ${length} bytes, ${window.size - valueOffset} are left`);
  return end;
}

function invalid(where: string, message: string): ScannerError {
  return new ScannerError('data.dicom', { where, message });
}
