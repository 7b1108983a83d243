/** The thread that makes files of small objects: see placing.ts. */

import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, readSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { PlaceAnswer, Placed, PlaceFile, PlaceRequest } from './placing.js';

const folders = new Set<string>();
/** Tells our temporary files from those of others in the same folder. */
const own = randomBytes(6).toString('hex');
/** Folders that are known to be there; more are made again. */
const KNOWN = 10_000;
let count = 0;

/** Bytes of one log after the other: those of a request mostly stand in one. */
class Source {
  #path = '';
  #file = -1;

  read({ source, offset, length }: PlaceFile): Buffer {
    if (source !== this.#path) {
      this.close();
      this.#file = openSync(source, 'r');
      this.#path = source;
    }
    const bytes = Buffer.allocUnsafe(length);
    readSync(this.#file, bytes, 0, length, offset);
    return bytes;
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
    this.#path = '';
  }
}

function place(file: PlaceFile, source: Source): Placed {
  const { target } = file;
  const folder = dirname(target);
  const temporary = `${target}.${own}.${count++}.part`;
  try {
    if (!folders.has(folder)) {
      mkdirSync(folder, { recursive: true });
      if (folders.size >= KNOWN) folders.clear();
      folders.add(folder);
    }
    writeFileSync(temporary, source.read(file), { flag: 'wx' });
    linkSync(temporary, target);
    unlinkSync(temporary);
    return 'placed';
  } catch (error) {
    folders.delete(folder);
    try {
      unlinkSync(temporary);
    } catch {
      // it was not made
    }
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'EEXIST' ? 'taken' : { failure: message };
  }
}

parentPort!.on('message', ({ id, files }: PlaceRequest) => {
  const source = new Source();
  const placed = files.map((file) => place(file, source));
  source.close();
  parentPort!.postMessage({ id, placed } satisfies PlaceAnswer);
});
