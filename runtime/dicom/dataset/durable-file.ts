import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asScannerError } from '../../../hal/base/errors.js';
import { makeUid } from './uid.js';

const FLUSH_BYTES = 1 << 20;

export interface WrittenFile {
  path: string;
  /** Bytes of the file. */
  size: number;
  /** SHA-256 of the file, in hexadecimal. */
  sha256: string;
}

/** Another name beside a file's own, by which a half-written one is known. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${makeUid().slice(-12)}.part`);
}

/** A file that is written under another name and takes its own only when it is whole and on the disk. */
export class DurableFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  readonly #hash: Hash | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #size = 0;
  #closed = false;

  private constructor(path: string, temporary: string, handle: FileHandle, hash: boolean) {
    this.#path = path;
    this.#temporary = temporary;
    this.#handle = handle;
    this.#hash = hash ? createHash('sha256') : undefined;
  }

  /**
   * @param options.hash false leaves the checksum out (its cost is about a second for a gigabyte)
   * @throws ScannerError data.disk
   */
  static async create(path: string, options: { hash?: boolean } = {}): Promise<DurableFile> {
    const temporary = temporaryName(path);
    try {
      const handle = await open(temporary, 'wx').catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        await mkdir(dirname(path), { recursive: true });
        return open(temporary, 'wx');
      });
      return new DurableFile(path, temporary, handle, options.hash ?? true);
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path });
    }
  }

  /** Bytes given to `write` so far. */
  get size(): number {
    return this.#size;
  }

  /** Takes the bytes, which must not change afterwards; resolves when no more than a megabyte waits for the disk. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#hash?.update(bytes);
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.byteLength;
    this.#size += bytes.byteLength;
    if (this.#pendingBytes >= FLUSH_BYTES) await this.#flush();
  }

  /** Makes the file durable and gives it its name. @throws ScannerError data.disk */
  async commit(): Promise<WrittenFile> {
    try {
      await this.#flush();
      await this.#handle.datasync();
      await this.#close();
      await rename(this.#temporary, this.#path);
      await syncFolder(dirname(this.#path));
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: this.#path });
    }
    return { path: this.#path, size: this.#size, sha256: this.#hash?.digest('hex') ?? '' };
  }

  /** Removes what was written; does nothing after `commit`. */
  async discard(): Promise<void> {
    await this.#close();
    await unlink(this.#temporary).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    let parts = this.#pending;
    let left = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    while (left > 0) {
      // a write may be short, and one call takes at most 1024 pieces
      const { bytesWritten } = await this.#handle.writev(parts.slice(0, 1024));
      left -= bytesWritten;
      parts = skip(parts, bytesWritten);
    }
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}

function skip(parts: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let index = 0;
  while (index < parts.length && left >= parts[index]!.byteLength) left -= parts[index++]!.byteLength;
  const rest = parts.slice(index);
  if (left > 0 && rest[0]) rest[0] = rest[0].subarray(left);
  return rest;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
