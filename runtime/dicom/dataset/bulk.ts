import { createReadStream } from 'node:fs';

/** A value that is streamed into a file instead of standing in a dataset. */
export interface BulkValue {
  /** Bytes of the value, without the padding that the writer adds; undefined writes an element of undefined length. */
  length: number | undefined;
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A value that stands in memory in one or more pieces. */
export function bulkOf(...chunks: Uint8Array[]): BulkValue {
  return { length: chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0), chunks };
}

/** `length` bytes of a file from `offset`, read in 1 MiB pieces when they are written. */
export function fileSlice(path: string, offset: number, length: number): BulkValue {
  if (length === 0) return { length, chunks: [] };
  const chunks = {
    [Symbol.asyncIterator]: () =>
      createReadStream(path, { start: offset, end: offset + length - 1, highWaterMark: 1 << 20 })[
        Symbol.asyncIterator
      ]() as AsyncIterator<Uint8Array>,
  };
  return { length, chunks };
}

/**
 * Encapsulated pixel data, one fragment a frame, with a basic offset table: PS3.5 A.4.
 * Write it as VR OB with a transfer syntax that is encapsulated.
 */
export function encapsulate(frames: readonly Uint8Array[]): BulkValue {
  const offsets = Buffer.alloc(frames.length * 4);
  let at = 0;
  for (const [i, frame] of frames.entries()) {
    offsets.writeUInt32LE(at, i * 4);
    at += 8 + frame.byteLength + (frame.byteLength & 1);
  }
  return { length: undefined, chunks: fragments(offsets, frames) };
}

function* fragments(offsets: Buffer, frames: readonly Uint8Array[]): Generator<Uint8Array> {
  yield item(0xe000, offsets.length);
  yield offsets;
  for (const frame of frames) {
    const odd = frame.byteLength & 1;
    yield item(0xe000, frame.byteLength + odd);
    yield frame;
    if (odd) yield Buffer.from([0]);
  }
  yield item(0xe0dd, 0);
}

function item(element: number, length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(0xfffe, 0);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(length, 4);
  return header;
}
