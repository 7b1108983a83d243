import { type FileHandle, open } from 'node:fs/promises';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { type BulkRef, type Dataset, needText } from './dataset.js';
import { type DecodeOptions, decodeDataset, ElementReader } from './decode.js';
import { vrRule } from './dictionary.js';
import {
  CutShort,
  type ElementHeader,
  ITEM,
  readElementHeader,
  SEQUENCE_END,
  UNDEFINED_LENGTH,
} from './element-header.js';
import { InflateWindow } from './inflate.js';
import { EXPLICIT_LITTLE_ENDIAN, encodingOf, isDeflated } from './transfer-syntax.js';
import { type ByteWindow, FileWindow } from './window.js';

/** Values above this stay in the file. */
const BULK_BYTES = 64 * 1024;
/** Largest header (without bulk values) that is taken into memory. */
const MAX_HEADER_BYTES = 32 * 1024 * 1024;
const MAX_META_BYTES = 64 * 1024;
/** Preamble, DICM and the group length before the rest of the meta information. */
const META_START = 144;
/** How much of an element of undefined length is tried first. */
const OPEN_BYTES = 4096;

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

export interface HeaderOptions extends DecodeOptions {
  /** 'GGGGEEEE'; default: to the end. */
  stopAtTag?: string;
}

/**
 * Reads the meta information of a Part 10 file: all that sending it needs.
 * @throws ScannerError data.dicom, data.disk
 */
export function readFileMeta(path: string): Promise<FileMeta> {
  return withFile(path, async (window) => readMeta(window));
}

/**
 * Reads a Part 10 file's elements up to `stopAtTag` without loading bulk values, whatever their size and the file's syntax.
 * @throws ScannerError data.dicom, data.disk, limit.size
 */
export function readHeader(path: string, options: HeaderOptions = {}): Promise<FileHeader> {
  return withFile(path, async (window, handle) => {
    const meta = await readMeta(window);
    if (!isDeflated(meta.transferSyntax)) {
      return { ...meta, dataset: await new HeaderScan(window, meta.transferSyntax, options).run(meta.datasetOffset) };
    }
    const inflated = new InflateWindow(handle, meta.datasetOffset);
    try {
      return { ...meta, dataset: await new HeaderScan(inflated, meta.transferSyntax, options).run(0) };
    } finally {
      inflated.close();
    }
  });
}

async function withFile<T>(path: string, read: (window: FileWindow, handle: FileHandle) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    return await read(new FileWindow(handle, (await handle.stat()).size), handle);
  } catch (error) {
    if (error instanceof ScannerError) throw new ScannerError(error.code, { path, ...error.context }, error);
    throw asScannerError(error, 'data.missing', { what: path });
  } finally {
    await handle?.close();
  }
}

async function readMeta(window: FileWindow): Promise<FileMeta> {
  const length = metaLength(await window.at(0, META_START), window.size);
  return decodeMeta(await window.at(META_START, length), window.size);
}

/**
 * The meta information of a Part 10 file that begins with these bytes; undefined when it is longer than they are.
 * @param size of the whole file
 * @throws ScannerError data.dicom
 */
export function metaOf(head: Buffer, size: number): FileMeta | undefined {
  const end = META_START + metaLength(head.subarray(0, META_START), size);
  return end > head.length ? undefined : decodeMeta(head.subarray(META_START, end), size);
}

/** Bytes of the meta information after its group length. */
function metaLength(head: Buffer, size: number): number {
  if (head.toString('latin1', 128, 132) !== 'DICM') throw invalid('preamble', 'no DICM after 128 bytes');
  const first = readElementHeader(head, 132, head.length, encodingOf(EXPLICIT_LITTLE_ENDIAN));
  if (first?.tag !== '00020000' || first.length !== 4 || head.length < META_START) {
    throw invalid('meta header', 'no group length (0002,0000)');
  }
  const length = head.readUInt32LE(140);
  if (length > MAX_META_BYTES || META_START + length > size) throw invalid('meta header', `declares ${length} bytes`);
  return length;
}

function decodeMeta(bytes: Buffer, size: number): FileMeta {
  const meta = decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN);
  return {
    meta,
    sopClassUid: needText(meta, 'MediaStorageSOPClassUID'),
    sopInstanceUid: needText(meta, 'MediaStorageSOPInstanceUID'),
    transferSyntax: needText(meta, 'TransferSyntaxUID'),
    datasetOffset: META_START + bytes.length,
    size,
  };
}

/** One walk over the top level of a dataset. */
class HeaderScan {
  readonly #window: ByteWindow;
  readonly #reader: ElementReader;
  readonly #stopAtTag: string;
  readonly #inflated: boolean;
  #kept = 0;

  constructor(window: ByteWindow, transferSyntax: string, options: HeaderOptions) {
    this.#window = window;
    this.#reader = new ElementReader(transferSyntax, options);
    this.#stopAtTag = options.stopAtTag ?? 'FFFFFFFF';
    this.#inflated = isDeflated(transferSyntax);
  }

  async run(start: number): Promise<Dataset> {
    for (let offset = start; ; ) {
      const header = await this.#header(offset);
      if (!header || header.tag >= this.#stopAtTag) return this.#reader.dataset;
      offset = await this.#element(offset, header);
    }
  }

  /** The header at `offset`, its value's offset counted from there; undefined at the end. */
  async #header(offset: number): Promise<ElementHeader | undefined> {
    const head = this.#window.peek(offset, 12) ?? (await this.#window.at(offset, 12));
    if (head.length === 0) return undefined;
    const header = readElementHeader(head, 0, head.length, this.#reader.encoding);
    if (header) return header;
    throw invalid(`byte ${offset}`, 'the file ends within an element');
  }

  /** Takes the element or leaves it in the file. @returns where it ends */
  async #element(offset: number, header: ElementHeader): Promise<number> {
    const vr = this.#reader.vrOf(header);
    const valueOffset = offset + header.valueOffset;
    if (header.length === UNDEFINED_LENGTH) {
      if (vr[0] !== 'O') return offset + (await this.#take(offset, OPEN_BYTES, true));
      this.#leave(header.tag, vr, { offset: valueOffset, length: undefined });
      return this.#pixelsEnd(header.tag, valueOffset);
    }
    const { length } = header;
    if (vr === 'SQ' || length <= BULK_BYTES)
      return offset + (await this.#take(offset, header.valueOffset + length, false));
    this.#leave(header.tag, vr, { offset: valueOffset, length });
    return this.#end(header.tag, valueOffset, length);
  }

  /** Reads the element at `offset`; one without a length is tried with more and more bytes. @returns its length */
  async #take(offset: number, count: number, open: boolean): Promise<number> {
    for (let want = count; ; want *= 2) {
      if (this.#kept + want > MAX_HEADER_BYTES) {
        throw new ScannerError('limit.size', { what: 'header', value: this.#kept + want, max: MAX_HEADER_BYTES });
      }
      const bytes = this.#window.peek(offset, want) ?? (await this.#window.at(offset, want));
      try {
        const length = this.#reader.read(bytes, offset);
        this.#kept += length;
        return length;
      } catch (error) {
        if (!open || bytes.length < want || !(error instanceof CutShort)) throw error;
      }
    }
  }

  #leave(tag: string, vr: string, bulk: BulkRef): void {
    const unit = this.#reader.encoding.bigEndian ? (vrRule(vr)?.unit ?? vrRule(vr)?.size) : undefined;
    if (this.#inflated) bulk.inflated = true;
    if (unit && unit > 1) bulk.bigEndianUnit = unit as 2 | 4 | 8;
    this.#reader.dataset[tag] ??= { vr, Value: [], bulk };
  }

  /** Where encapsulated pixels end: their fragments are stepped over. */
  async #pixelsEnd(tag: string, start: number): Promise<number> {
    for (let offset = start; ; ) {
      const item = await this.#header(offset);
      if (item?.tag === SEQUENCE_END) return offset + 8;
      if (item?.tag !== ITEM) throw invalid(`${tag} at byte ${offset}`, 'an item was expected');
      offset = await this.#end('item', offset + 8, item.length);
    }
  }

  async #end(tag: string, valueOffset: number, length: number): Promise<number> {
    if (await this.#window.reaches(valueOffset + length)) return valueOffset + length;
    throw invalid(`${tag} at byte ${valueOffset}`, `declares ${length} bytes, fewer are left`);
  }
}

function invalid(where: string, message: string): ScannerError {
  return new ScannerError('data.dicom', { where, message });
}
