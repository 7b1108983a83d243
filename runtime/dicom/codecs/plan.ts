import { ScannerError } from '../../../hal/base/errors.js';
import type { DataSource } from '../dimse/source.js';
import { type ByteStore, readExactly } from './bytes.js';

/** Bytes of one value's unit that change places between byte orders. */
export type Swap = 1 | 2 | 4 | 8;

interface Slice {
  from: ByteStore;
  offset: number;
  length: number;
  swap: Swap;
}

interface Stream {
  length: number;
  chunks: AsyncIterable<Uint8Array>;
}

/** A place whose bytes are filled in later. */
export interface Hole {
  chunk: Buffer;
  at: number;
  /** Bytes of the plan up to the hole's end. */
  end: number;
}

const CHUNK_BYTES = 16 * 1024;
const READ_BYTES = 512 * 1024;
/** What a plan keeps in memory: bytes written, and pieces. */
const MAX_WRITTEN = 64 * 1024 * 1024;
const MAX_PIECES = 500_000;

/** The bytes of a dataset to come, most of them still where they are. */
export class Plan {
  readonly #pieces: (Buffer | Slice | Stream)[] = [];
  #chunk = Buffer.alloc(0);
  #start = 0;
  #used = 0;
  #written = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies bytes in. @throws ScannerError limit.size */
  write(bytes: Uint8Array): Hole {
    if (this.#chunk.length - this.#used < bytes.length) {
      this.#flush();
      this.#chunk = Buffer.alloc(Math.max(CHUNK_BYTES, bytes.length));
      this.#start = this.#used = 0;
      this.#written += this.#chunk.length;
      if (this.#written > MAX_WRITTEN) {
        throw new ScannerError('limit.size', { what: 'header', value: this.#written, max: MAX_WRITTEN });
      }
    }
    this.#chunk.set(bytes, this.#used);
    const at = this.#used;
    this.#used += bytes.length;
    this.#length += bytes.length;
    return { chunk: this.#chunk, at, end: this.#length };
  }

  /** Bytes that stay in their store until they are read. */
  slice(from: ByteStore, offset: number, length: number, swap: Swap = 1): void {
    if (length === 0) return;
    this.#length += length;
    const last = this.#used === this.#start ? this.#pieces.at(-1) : undefined;
    if (last && 'from' in last && last.from === from && last.swap === swap && last.offset + last.length === offset) {
      last.length += length;
      return;
    }
    this.#add({ from, offset, length, swap });
  }

  /** Bytes that are made when they are read; exactly `length` of them. */
  stream(length: number, chunks: AsyncIterable<Uint8Array>): void {
    this.#length += length;
    this.#add({ length, chunks });
  }

  /** The whole, once, in pieces of at most half a megabyte unless a stream gives longer ones. @throws ScannerError data.truncated */
  async *chunks(): AsyncGenerator<Uint8Array> {
    this.#flush();
    for (const piece of this.#pieces) {
      if (Buffer.isBuffer(piece)) yield piece;
      else if ('from' in piece) yield* sliceChunks(piece);
      else yield* exactly(piece);
    }
  }

  #add(piece: Slice | Stream): void {
    this.#flush();
    this.#pieces.push(piece);
    if (this.#pieces.length > MAX_PIECES) {
      throw new ScannerError('limit.size', {
        what: 'pieces of a dataset',
        value: this.#pieces.length,
        max: MAX_PIECES,
      });
    }
  }

  #flush(): void {
    if (this.#used > this.#start) this.#pieces.push(this.#chunk.subarray(this.#start, this.#used));
    this.#start = this.#used;
  }
}

/** The plan as a source to send from. */
export function planSource(plan: Plan): DataSource {
  const chunks = plan.chunks();
  let rest: Uint8Array = new Uint8Array();
  return {
    length: plan.length,
    async read(views) {
      for (const view of views) {
        for (let filled = 0; filled < view.length; ) {
          if (rest.length === 0) {
            const next = await chunks.next();
            if (next.done) {
              throw new ScannerError('data.truncated', { what: 'dataset', got: filled, expected: view.length });
            }
            rest = next.value;
          }
          const count = Math.min(rest.length, view.length - filled);
          view.set(rest.subarray(0, count), filled);
          rest = rest.subarray(count);
          filled += count;
        }
      }
    },
  };
}

async function* sliceChunks({ from, offset, length, swap }: Slice): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; ) {
    const count = Math.min(READ_BYTES, length - done);
    // the store's window is its own: what is handed on must last
    const bytes = Buffer.from(await readExactly(from, offset + done, count));
    yield swapped(bytes, swap);
    done += count;
  }
}

async function* exactly({ length, chunks }: Stream): AsyncGenerator<Uint8Array> {
  let got = 0;
  for await (const chunk of chunks) {
    got += chunk.length;
    if (got > length) break;
    yield chunk;
  }
  if (got !== length) throw new ScannerError('data.truncated', { what: 'pixel data', got, expected: length });
}

/** Turns the byte order of whole units; what is left over at the end stays. Works in place. */
export function swapped(bytes: Buffer, swap: Swap): Buffer {
  if (swap === 1) return bytes;
  const whole = bytes.subarray(0, bytes.length - (bytes.length % swap));
  if (swap === 2) whole.swap16();
  else if (swap === 4) whole.swap32();
  else whole.swap64();
  return bytes;
}
