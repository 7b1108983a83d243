/** A folder of the file system, read as if it were a disc. */

import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { ScannerError } from '../../../hal/base/errors.js';
import type { DiscEntry, DiscReader } from '../disc-reader.js';

export class FolderReader implements DiscReader {
  readonly format = 'folder';
  readonly volumeId: string;
  readonly sessions;

  constructor(private readonly root: string) {
    this.volumeId = basename(root);
    this.sessions = [{ number: 1, startSector: 0, volumeId: this.volumeId }];
  }

  async list(path: string): Promise<DiscEntry[]> {
    const entry = await this.stat(path);
    if (entry?.kind !== 'folder') throw missing('folder', path);
    const names = await readdir(join(this.root, path));
    const found = await Promise.all(names.sort().map((name) => this.stat(path === '' ? name : `${path}/${name}`)));
    return found.filter((one) => one !== undefined);
  }

  /** No step of the way may be a link: it could lead out of the folder. */
  async stat(path: string): Promise<DiscEntry | undefined> {
    const names = path === '' ? [] : path.split('/');
    if (names.some((name) => name === '' || name === '.' || name === '..' || name.includes('\0'))) return undefined;
    let entry: DiscEntry | undefined = { path: '', kind: 'folder', size: 0 };
    for (let depth = 1; depth <= names.length && entry; depth++) {
      if (entry.kind !== 'folder') return undefined;
      entry = await entryAt(this.root, names.slice(0, depth).join('/'));
    }
    return entry;
  }

  read(path: string, { start = 0, length }: { start?: number; length?: number } = {}): Readable {
    return Readable.from(this.#chunks(path, start, length), { objectMode: false });
  }

  async bytes(path: string, limit: number): Promise<Buffer> {
    const entry = await this.stat(path);
    if (entry?.kind !== 'file') throw missing('file', path);
    if (entry.size > limit) throw new ScannerError('limit.size', { what: path, value: entry.size, max: limit });
    return readFile(join(this.root, path));
  }

  async close(): Promise<void> {}

  async *#chunks(path: string, start: number, length = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
    if ((await this.stat(path))?.kind !== 'file') throw missing('file', path);
    if (length > 0) yield* createReadStream(join(this.root, path), { start, end: start + length - 1 });
  }
}

function missing(kind: string, path: string): ScannerError {
  return new ScannerError('data.missing', { what: `${kind} ${path || 'root'} of the disc` });
}

async function entryAt(root: string, path: string): Promise<DiscEntry | undefined> {
  const found = await lstat(join(root, path)).catch(() => undefined);
  if (!found) return undefined;
  const kind = found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'link';
  return { path, kind, size: kind === 'file' ? found.size : 0 };
}
