/** A raw-data file that grows while the detector sends: writes in order, hashes, and holds a bounded queue in memory. */

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { ScannerError } from '../../hal/base/errors.js';

/** Bytes that may wait for the disk before the acquisition is called off. */
const QUEUE_LIMIT = 512 * 1024 * 1024;

export class RawFile {
  readonly path: string;
  readonly #hash = createHash('sha256');
  readonly #opened: Promise<FileHandle>;
  #tail: Promise<void>;
  #queued = 0;
  #bytes = 0;
  #failure: ScannerError | undefined;

  constructor(path: string) {
    this.path = path;
    this.#opened = open(path, 'w');
    this.#tail = this.#opened.then(
      () => undefined,
      (cause) => this.#fail(cause),
    );
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a copy-free view: the caller must not change it afterwards. @throws ScannerError data.disk, limit.size */
  append(data: Uint8Array): void {
    if (this.#failure) throw this.#failure;
    this.#queued += data.byteLength;
    if (this.#queued > QUEUE_LIMIT) {
      this.#failure = new ScannerError('limit.size', {
        what: `raw data waiting for ${this.path}`,
        value: this.#queued,
        max: QUEUE_LIMIT,
      });
      throw this.#failure;
    }
    this.#hash.update(data);
    this.#bytes += data.byteLength;
    this.#tail = this.#tail.then(() => this.#write(data));
  }

  /** Everything is on the disk (fsync). @throws ScannerError data.disk */
  async finish(): Promise<{ bytes: number; checksum: string }> {
    await this.#tail;
    if (this.#failure) {
      await this.#close();
      throw this.#failure;
    }
    const handle = await this.#opened;
    await handle.sync();
    await handle.close();
    return { bytes: this.#bytes, checksum: this.#hash.digest('hex') };
  }

  /** Gives up: what was written stays as it is. */
  async abandon(): Promise<void> {
    await this.#tail;
    await this.#close();
  }

  async #write(data: Uint8Array): Promise<void> {
    try {
      const handle = await this.#opened;
      for (let at = 0; at < data.byteLength && !this.#failure; ) {
        at += (await handle.write(data, at, data.byteLength - at)).bytesWritten;
      }
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#queued -= data.byteLength;
    }
  }

  #fail(cause: unknown): void {
    this.#failure ??= new ScannerError('data.disk', { path: this.path, message: (cause as Error).message }, cause);
  }

  async #close(): Promise<void> {
    try {
      await (await this.#opened).close();
    } catch {
      // never opened: nothing to close
    }
  }
}
