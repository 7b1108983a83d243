import type { FileHandle } from 'node:fs/promises';
import { ScannerError } from '../../../hal/base/errors.js';

/** Bytes that can be read from any place: a file, or memory. */
export interface ByteStore {
  readonly size: number;
  /** The bytes from `offset`: `count` of them, or as many as there are. Valid until the next read. */
  read(offset: number, count: number): Promise<Buffer>;
  /** At least what `read` gives, and what else is at hand behind it. */
  window(offset: number, count: number): Promise<Buffer>;
}

/** Read at once where reading goes on, and after a leap. */
const WINDOW_BYTES = 64 * 1024;
const LEAP_BYTES = 4096;

export function memoryBytes(bytes: Buffer): ByteStore {
  return {
    size: bytes.length,
    read: async (offset, count) => bytes.subarray(offset, offset + count),
    window: async (offset) => bytes.subarray(offset),
  };
}

/** Bytes of an open file from `start` to `size`; small reads come out of a window of 64 KiB that moves along. */
export function fileBytes(handle: FileHandle, start: number, size: number): ByteStore {
  let window = Buffer.alloc(0);
  let windowStart = start;
  const get = async (offset: number, count: number) => {
    const from = start + offset;
    const want = Math.max(0, Math.min(count, size - from));
    const end = windowStart + window.length;
    if (from < windowStart || from + want > end) {
      const ahead = from >= windowStart && from <= end ? WINDOW_BYTES : LEAP_BYTES;
      const buffer = Buffer.allocUnsafe(Math.min(Math.max(want, ahead), Math.max(0, size - from)));
      window = buffer.subarray(0, await fill(handle, buffer, from));
      windowStart = from;
    }
    return window.subarray(from - windowStart);
  };
  return {
    size: size - start,
    read: async (offset, count) => (await get(offset, count)).subarray(0, Math.max(0, count)),
    window: get,
  };
}

/** A dataset whose first bytes are in memory; the rest is opened when it is needed. */
export function headedBytes(head: Buffer, size: number, open: () => Promise<ByteStore>): ByteStore {
  let rest: Promise<ByteStore> | undefined;
  const isHeld = (offset: number, count: number) => offset + Math.min(count, size - offset) <= head.length;
  const whole = () => {
    rest ??= open();
    return rest;
  };
  return {
    size,
    read: async (offset, count) =>
      isHeld(offset, count) ? head.subarray(offset, offset + count) : (await whole()).read(offset, count),
    window: async (offset, count) =>
      isHeld(offset, count) ? head.subarray(offset) : (await whole()).window(offset, count),
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
