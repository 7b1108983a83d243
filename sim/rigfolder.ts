import { lstat, mkdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asScannerError, ScannerError } from '../hal/base/errors.js';

/** The folder in which a bench on pseudo-terminals can be found. Leaves nothing behind but the folder. */
export class RigFolder {
  readonly #directory: string;
  readonly #links = new Map<string, string>();
  readonly #files = new Set<string>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws ScannerError data.disk */
  static async open(directory: string): Promise<RigFolder> {
    try {
      await mkdir(directory, { recursive: true });
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: directory });
    }
    const folder = new RigFolder(directory);
    // of a simulator that was killed
    await rm(folder.path('bulk.json'), { force: true });
    await folder.#removeSocket('control');
    return folder;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** Points `name` at `target`, in one step; a link that is there already is replaced, anything else is not. */
  async link(name: string, target: string): Promise<void> {
    const path = this.path(name);
    const there = await lstat(path).catch(() => undefined);
    if (there && !there.isSymbolicLink())
      throw new ScannerError('data.disk', { path, message: 'it exists and is not a symbolic link' });
    const fresh = `${path}.new`;
    await rm(fresh, { force: true });
    await symlink(target, fresh);
    await rename(fresh, path);
    this.#links.set(name, target);
  }

  /** Writes a file in one step. */
  async write(name: string, text: string): Promise<void> {
    const fresh = this.path(`${name}.new`);
    await writeFile(fresh, text);
    await rename(fresh, this.path(name));
    this.own(name);
  }

  /** To be removed at the end. */
  own(name: string): void {
    this.#files.add(name);
  }

  async close(): Promise<void> {
    for (const [name, target] of this.#links) {
      const now = await readlink(this.path(name)).catch(() => undefined);
      if (now === target) await rm(this.path(name), { force: true });
    }
    for (const name of this.#files) await rm(this.path(name), { force: true });
  }

  async #removeSocket(name: string): Promise<void> {
    const there = await lstat(this.path(name)).catch(() => undefined);
    if (there?.isSocket()) await rm(this.path(name), { force: true });
  }
}
