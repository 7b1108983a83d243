import { ScannerError } from '../../hal/base/errors.js';
import type { DiscEntry, DiscReader } from './disc-reader.js';

/** Where a file of the directory stands on its disc. */
export interface DiscFile {
  path: string;
  size: number;
}

/** As PS3.10 8.2 has them, and what sloppy writers make of them: lower case, longer, with an extension. Nothing that leads elsewhere. */
const COMPONENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const MAX_COMPONENTS = 8;

/** Files of a disc by their file IDs. Names are found whatever their case is: mounts and writers change it. */
export class DiscFiles {
  readonly #disc: DiscReader;
  readonly #folders = new Map<string, Promise<ReadonlyMap<string, DiscEntry>>>();

  constructor(disc: DiscReader) {
    this.#disc = disc;
  }

  /** @throws ScannerError data.media for a file that is not there, is a link, or lies outside the disc; those of the reader */
  async find(fileId: readonly string[]): Promise<DiscFile> {
    const where = checkFileId(fileId);
    let path = '';
    let entry: DiscEntry | undefined;
    for (const [i, component] of fileId.entries()) {
      entry = (await this.#folder(path)).get(component.toUpperCase());
      if (!entry) throw unreadable(where, `${component} is not on the disc`);
      if (entry.kind === 'link') throw unreadable(where, `${entry.path} is a link, which a file-set does not have`);
      const isLast = i === fileId.length - 1;
      if ((entry.kind === 'file') !== isLast) throw unreadable(where, `${entry.path} is a ${entry.kind}`);
      path = entry.path;
    }
    return { path, size: entry!.size };
  }

  /** Names in a folder, of files or of everything; none when there is no such folder. */
  async names(path: string, kind?: DiscEntry['kind']): Promise<string[]> {
    const entries = path === '' ? undefined : await this.#disc.stat(path);
    if (path !== '' && entries?.kind !== 'folder') return [];
    const folder = await this.#disc.list(path);
    return folder.filter((entry) => !kind || entry.kind === kind).map((entry) => nameOf(entry));
  }

  #folder(path: string): Promise<ReadonlyMap<string, DiscEntry>> {
    let folder = this.#folders.get(path);
    if (!folder) {
      folder = this.#disc
        .list(path)
        .then((entries) => new Map(entries.map((entry) => [nameOf(entry).toUpperCase(), entry] as const)));
      this.#folders.set(path, folder);
    }
    return folder;
  }
}

/** @returns the ID for people @throws ScannerError data.media for one that is no name inside a disc */
export function checkFileId(fileId: readonly string[]): string {
  const where = fileId.join('/').slice(0, 200);
  if (fileId.length === 0 || fileId.length > MAX_COMPONENTS) {
    throw unreadable(where, `a file ID has 1 to ${MAX_COMPONENTS} components`);
  }
  const wrong = fileId.find((component) => !COMPONENT.test(component));
  if (wrong === undefined) return where;
  throw unreadable(where, `${JSON.stringify(wrong.slice(0, 64))} is no name of a file on the disc`);
}

export function unreadable(where: string, message: string): ScannerError {
  return new ScannerError('data.media', { what: 'file-set', where, message });
}

/** Without the full stop that ISO 9660 puts behind a name without extension. */
function nameOf({ path }: DiscEntry): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.$/, '');
}
