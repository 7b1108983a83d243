/** The bytes of a disc by sector: an image file or a drive's device. */

import { type FileHandle, open } from 'node:fs/promises';
import { ScannerError } from '../../../hal/base/errors.js';

export const SECTOR = 2048;

/** A stretch of a file on the disc; without `offset` it was never recorded and reads as zeros. */
export interface Extent {
  offset?: number;
  length: number;
}

const CHUNK = 256 * 1024;

export class Sectors {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** Bytes; Infinity where the device does not tell. */
    readonly size: number,
  ) {}

  /** @throws ScannerError data.missing */
  static async open(path: string): Promise<Sectors> {
    const handle = await open(path, 'r').catch((error: Error) => {
      throw new ScannerError('data.missing', { what: `disc ${path}` }, error);
    });
    const found = await handle.stat();
    return new Sectors(path, handle, found.isFile() ? found.size : Number.POSITIVE_INFINITY);
  }

  /** @throws ScannerError data.truncated, data.media */
  async read(offset: number, length: number, what: string): Promise<Buffer> {
    const end = offset + length;
    if (end > this.size) throw new ScannerError('data.truncated', { what, got: this.size, expected: end });
    const bytes = Buffer.alloc(length);
    let got = 0;
    while (got < length) {
      const { bytesRead } = await this.#chunk(bytes, got, offset, what);
      if (bytesRead === 0) throw new ScannerError('data.truncated', { what, got: offset + got, expected: end });
      got += bytesRead;
    }
    return bytes;
  }

  sector(number: number, what: string): Promise<Buffer> {
    return this.read(number * SECTOR, SECTOR, what);
  }

  /** The bytes of `extents` one after the other, without the first `start`, `length` of them. */
  async *stream(extents: readonly Extent[], start: number, length: number, what: string): AsyncGenerator<Buffer> {
    let skip = start;
    let left = length;
    for (const extent of extents) {
      if (skip >= extent.length) {
        skip -= extent.length;
        continue;
      }
      for (let at = skip; at < extent.length && left > 0; ) {
        const size = Math.min(CHUNK, extent.length - at, left);
        yield extent.offset === undefined ? Buffer.alloc(size) : await this.read(extent.offset + at, size, what);
        at += size;
        left -= size;
      }
      skip = 0;
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  /** A scratched disc answers EIO. */
  async #chunk(bytes: Buffer, got: number, offset: number, what: string) {
    try {
      return await this.handle.read(bytes, got, bytes.length - got, offset + got);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ScannerError(
        'data.media',
        { what, where: `sector ${Math.floor((offset + got) / SECTOR)}`, message },
        error,
      );
    }
  }
}
