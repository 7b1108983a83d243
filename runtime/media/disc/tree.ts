/** A tree of folders as ISO 9660 and UDF have it, as a DiscReader. */

import { Readable } from 'node:stream';
import { ScannerError } from '../../../hal/base/errors.js';
import type { DiscEntry, DiscFormat, DiscReader, DiscSession } from '../disc-reader.js';
import type { Extent, Sectors } from './sectors.js';

/** An entry of a folder, with what finds its bytes. */
export interface Node {
  name: string;
  kind: DiscEntry['kind'];
  size: number;
  extents: readonly Extent[];
}

/** One session as its format knows it. */
export interface Volume {
  format: DiscFormat;
  revision?: string;
  volumeId: string;
  root: Node;
  /** The entries of a folder without `.` and `..`. @throws ScannerError data.media, data.truncated */
  children(folder: Node, where: string): Promise<Node[]>;
}

/** Deeper than any file-set (PS3.10: 8) or ISO 9660 level 1 disc. */
const DEPTH_LIMIT = 32;
/** Folders remembered, so that a file-set of thousands is not parsed once a file. */
const REMEMBERED = 512;

export class TreeReader implements DiscReader {
  readonly format: DiscFormat;
  readonly revision?: string;
  readonly volumeId: string;
  readonly #folders = new Map<string, Promise<Map<string, Node>>>();

  constructor(
    private readonly sectors: Sectors,
    private readonly volume: Volume,
    readonly sessions: readonly DiscSession[],
  ) {
    this.format = volume.format;
    this.revision = volume.revision;
    this.volumeId = volume.volumeId;
  }

  async list(path: string): Promise<DiscEntry[]> {
    const node = await this.#need(path, 'folder');
    const prefix = path === '' ? '' : `${path}/`;
    const found = [...(await this.#children(path, node)).values()];
    return found
      .map(({ name, kind, size }) => ({ path: prefix + name, kind, size }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async stat(path: string): Promise<DiscEntry | undefined> {
    const node = await this.#find(path);
    return node && { path, kind: node.kind, size: node.size };
  }

  read(path: string, part: { start?: number; length?: number } = {}): Readable {
    return Readable.from(this.#chunks(path, part), { objectMode: false });
  }

  async bytes(path: string, limit: number): Promise<Buffer> {
    const { size } = await this.#need(path, 'file');
    if (size > limit) throw new ScannerError('limit.size', { what: path, value: size, max: limit });
    const chunks: Buffer[] = [];
    for await (const chunk of this.#chunks(path, {})) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  close(): Promise<void> {
    return this.sectors.close();
  }

  async *#chunks(path: string, { start = 0, length }: { start?: number; length?: number }): AsyncGenerator<Buffer> {
    const { size, extents } = await this.#need(path, 'file');
    yield* this.sectors.stream(extents, start, Math.max(0, Math.min(length ?? size, size - start)), path);
  }

  async #need(path: string, kind: DiscEntry['kind']): Promise<Node> {
    const node = await this.#find(path);
    if (node?.kind === kind) return node;
    throw new ScannerError('data.missing', { what: `${kind} ${path || 'root'} of the disc` });
  }

  async #find(path: string): Promise<Node | undefined> {
    const names = path === '' ? [] : path.split('/');
    if (names.length > DEPTH_LIMIT) return undefined;
    let node: Node | undefined = this.volume.root;
    for (let depth = 0; depth < names.length && node; depth++) {
      if (node.kind !== 'folder') return undefined;
      node = (await this.#children(names.slice(0, depth).join('/'), node)).get(names[depth] ?? '');
    }
    return node;
  }

  #children(path: string, folder: Node): Promise<Map<string, Node>> {
    const known = this.#folders.get(path);
    if (known) return known;
    const found = this.volume
      .children(folder, path || 'root folder')
      .then((nodes) => new Map(nodes.map((node) => [node.name, node] as const)));
    if (this.#folders.size >= REMEMBERED) this.#folders.clear();
    this.#folders.set(path, found);
    found.catch(() => this.#folders.delete(path));
    return found;
  }
}

export function damaged(what: string, where: string, message: string): ScannerError {
  return new ScannerError('data.media', { what, where, message });
}
