/** The thread that makes files of small objects: see placing.ts. */

import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { PlaceAnswer, Placed, PlaceRequest } from './placing.js';

const folders = new Set<string>();
/** Tells our temporary files from those of others in the same folder. */
const own = randomBytes(6).toString('hex');
/** Folders that are known to be there; more are made again. */
const KNOWN = 10_000;
let count = 0;

function place(target: string, bytes: Uint8Array): Placed {
  const folder = dirname(target);
  const temporary = `${target}.${own}.${count++}.part`;
  try {
    if (!folders.has(folder)) {
      mkdirSync(folder, { recursive: true });
      if (folders.size >= KNOWN) folders.clear();
      folders.add(folder);
    }
    writeFileSync(temporary, bytes, { flag: 'wx' });
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
  const placed = files.map(({ target, bytes }) => place(target, bytes));
  parentPort!.postMessage({ id, placed } satisfies PlaceAnswer);
});
