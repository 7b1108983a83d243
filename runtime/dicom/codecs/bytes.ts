import type { FileHandle } from 'node:fs/promises';
import { ScannerError } from '../../../hal/base/errors.js';

/** Bytes that can be read from any place: a file, or memory. */
export interface ByteStore {
  readonly size: number;
  /** The bytes from `offset`: `count` of them, or as many as there are. Valid until the next read. */
  read(offset: number, count: number): Promise<Buffer>;
}

const WINDOW_BYTES = 64 * 1024;

export function memoryBytes(bytes: Buffer): ByteStore {
  return { size: bytes.length, read: async (offset, count) => bytes.subarray(offset, offset + count) };
}

/** Bytes of an open file from `start` to `size`; small reads come out of a window of 64 KiB that moves along. */
export function fileBytes(handle: FileHandle, start: number, size: number): ByteStore {
  let window = Buffer.alloc(0);
  let windowStart = 0;
  return {
    size: size - start,
    async read(offset, count) {
      const from = start + offset;
      const want = Math.max(0, Math.min(count, size - from));
      if (from < windowStart || from + want > windowStart + window.length) {
        const buffer = Buffer.allocUnsafe(Math.min(Math.max(want, WINDOW_BYTES), Math.max(0, size - from)));
        window = buffer.subarray(0, await fill(handle, buffer, from));
        windowStart = from;
      }
      return window.subarray(from - windowStart, from - windowStart + want);
    },
  };
}

/** Exactly `count` bytes. @throws ScannerError data.truncated */
export async function readExactly(bytes: ByteStore, offset: number, count: number): Promise<Buffer> {
  const got = await bytes.read(offset, count);
  if (got.length === count) return got;
  throw new ScannerError('data.truncated', { what: 'dataset', got: offset + got.length, expected: offset + count });
}

async function fill(handle: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
