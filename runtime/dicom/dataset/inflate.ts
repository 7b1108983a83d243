import type { FileHandle } from 'node:fs/promises';
import { createInflateRaw, type InflateRaw, inflateRawSync } from 'node:zlib';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { ByteWindow } from './window.js';

/** Largest deflated dataset that is read whole into memory, inflated. */
const MAX_WHOLE_BYTES = 64 * 1024 * 1024;
/** Most that is inflated of a file on the way to its last element. */
const MAX_STREAM_BYTES = 4 * 1024 * 1024 * 1024;

/**
 * Inflates a dataset of Deflated Explicit VR Little Endian: PS3.5 A.5.
 * @throws ScannerError data.dicom, limit.size above 64 MiB
 */
export function inflateWhole(bytes: Buffer): Buffer {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MAX_WHOLE_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooBig(MAX_WHOLE_BYTES);
    throw asScannerError(error, 'data.dicom', { where: 'deflated dataset' });
  }
}

/** A deflated file's dataset, inflated as far as it is asked for. Moves forward only: what stands before `at` is forgotten. */
export class InflateWindow implements ByteWindow {
  readonly #inflate: InflateRaw;
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #ended = false;

  /** @param offset where the dataset starts in the file, which stays open as long as the window is used */
  constructor(handle: FileHandle, offset: number) {
    const source = handle.createReadStream({ start: offset, autoClose: false });
    this.#inflate = createInflateRaw();
    source.once('error', (error) => this.#inflate.destroy(error));
    this.#inflate.once('close', () => source.destroy());
    source.pipe(this.#inflate);
    this.#chunks = this.#inflate[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  peek(offset: number, count: number): Buffer | undefined {
    const at = offset - this.#start;
    return at >= 0 && at + count <= this.#buffer.length ? this.#buffer.subarray(at, at + count) : undefined;
  }

  async at(offset: number, count: number): Promise<Buffer> {
    const held: Buffer[] = [this.#from(offset)];
    let bytes = held[0]!.length;
    while (bytes < count && !this.#ended) {
      await this.#next();
      const more = this.#from(offset);
      if (more.length > 0) held.push(more);
      bytes += more.length;
    }
    this.#buffer = held.length === 1 ? held[0]! : Buffer.concat(held);
    this.#start = offset;
    return this.#buffer.subarray(0, Math.min(count, bytes));
  }

  async reaches(end: number): Promise<boolean> {
    while (this.#start + this.#buffer.length < end && !this.#ended) await this.#next();
    return this.#start + this.#buffer.length >= end;
  }

  close(): void {
    this.#inflate.destroy();
  }

  /** What is held from `offset` on. */
  #from(offset: number): Buffer {
    return this.#buffer.subarray(Math.min(this.#buffer.length, Math.max(0, offset - this.#start)));
  }

  /** Takes the next piece in place of the one that is held. */
  async #next(): Promise<void> {
    try {
      const { value, done } = await this.#chunks.next();
      this.#start += this.#buffer.length;
      this.#buffer = done ? Buffer.alloc(0) : value;
      this.#ended = done ?? false;
    } catch (error) {
      throw asScannerError(error, 'data.dicom', { where: 'deflated dataset' });
    }
    if (this.#start > MAX_STREAM_BYTES) throw tooBig(MAX_STREAM_BYTES);
  }
}

function tooBig(max: number): ScannerError {
  return new ScannerError('limit.size', { what: 'inflated dataset', value: `more than ${max}`, max });
}
