import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeUid } from '../dataset/uid.js';
import { type ByteStore, fileBytes, memoryBytes } from './bytes.js';

/** What is put down until its length is known: in memory while it is small, then in a file without a name. */
export class Spool {
  readonly #folder: string;
  readonly #memoryLimit: number;
  #parts: Uint8Array[] = [];
  #handle: FileHandle | undefined;
  #size = 0;

  /** @param memoryLimit bytes that stay in memory */
  constructor(folder: string, memoryLimit = 4 * 1024 * 1024) {
    this.#folder = folder;
    this.#memoryLimit = memoryLimit;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws Error of the file system */
  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    this.#parts.push(bytes);
    if (!this.#handle && this.#size > this.#memoryLimit) {
      const path = join(this.#folder, `.spool${makeUid().slice(-16)}`);
      this.#handle = await open(path, 'wx+');
      await unlink(path);
    }
    if (!this.#handle) return;
    for (const part of this.#parts.splice(0)) await this.#handle.appendFile(part);
  }

  /** All that was written. */
  bytes(): ByteStore {
    return this.#handle ? fileBytes(this.#handle, 0, this.#size) : memoryBytes(Buffer.concat(this.#parts));
  }

  async close(): Promise<void> {
    this.#parts = [];
    await this.#handle?.close();
  }
}
