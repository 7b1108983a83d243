import { join, relative } from 'node:path';
import { durableFolder } from './files.js';
import type { IndexedHeader } from './header.js';

/** Folders that are known to be there; more are looked at again. */
const KNOWN = 10_000;

/** Where objects stand: `objects/<study>/<series>/<SOP Instance UID>.dcm`. */
export class ObjectFolder {
  readonly #known = new Set<string>();

  constructor(private readonly root: string) {}

  /** The path of an object below the archive's folder. */
  fileOf({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: IndexedHeader): string {
    return join('objects', studyInstanceUid, seriesInstanceUid, `${sopInstanceUid}.dcm`);
  }

  /** The absolute path of an object, in a folder that is there. @throws ScannerError data.disk */
  async target(header: IndexedHeader): Promise<string> {
    const target = join(this.root, this.fileOf(header));
    const folder = join(target, '..');
    if (!this.#known.has(folder)) {
      await durableFolder(this.root, folder);
      if (this.#known.size >= KNOWN) this.#known.clear();
      this.#known.add(folder);
    }
    return target;
  }

  absolute(file: string): string {
    return join(this.root, file);
  }

  relative(path: string): string {
    return relative(this.root, path);
  }
}
