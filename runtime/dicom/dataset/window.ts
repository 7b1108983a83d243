import type { FileHandle } from 'node:fs/promises';

const WINDOW_BYTES = 64 * 1024;
/** Holds the meta information of nearly every file. */
const FIRST_BYTES = 1024;

/** A stretch of bytes in memory which moves forward as a scan does. */
export interface ByteWindow {
  /** `count` bytes from `offset` when they are in memory. */
  peek(offset: number, count: number): Buffer | undefined;
  /** The bytes from `offset`, `count` of them or as many as there are. Offsets never go back. */
  at(offset: number, count: number): Promise<Buffer>;
  /** True when there are bytes up to `end`. May forget what stands before it. */
  reaches(end: number): Promise<boolean>;
}

/** Bytes of an open file. */
export class FileWindow implements ByteWindow {
  readonly size: number;
  readonly #handle: FileHandle;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #window = FIRST_BYTES;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  peek(offset: number, count: number): Buffer | undefined {
    const at = offset - this.#start;
    return at >= 0 && at + count <= this.#buffer.length ? this.#buffer.subarray(at, at + count) : undefined;
  }

  async at(offset: number, count: number): Promise<Buffer> {
    const want = Math.min(count, Math.max(0, this.size - offset));
    const held = this.peek(offset, want);
    if (held) return held;
    const length = Math.min(Math.max(want, this.#window), this.size - offset);
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) break; // the file has become shorter
      filled += bytesRead;
    }
    this.#buffer = buffer.subarray(0, filled);
    this.#start = offset;
    this.#window = WINDOW_BYTES;
    return this.#buffer.subarray(0, want);
  }

  async reaches(end: number): Promise<boolean> {
    return end <= this.size;
  }
}
