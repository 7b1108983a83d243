import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { asScannerError } from '../../hal/base/errors.js';
import { readHeader } from '../dicom/dataset/header.js';
import { indexedHeader } from './header.js';

/** Elements from the pixel data on are of no use to the index. */
const PIXEL_DATA = '7FE00010';

/** The header and the size and checksum of a Part 10 file. @throws ScannerError data.dicom, data.missing, data.invalid */
export async function inspectFile(path: string) {
  const { dataset, transferSyntax, size } = await readHeader(path, { stopAtTag: PIXEL_DATA });
  return {
    header: indexedHeader(dataset),
    transferSyntaxUid: transferSyntax,
    bytes: size,
    checksum: await sha256(path),
  };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Makes a folder whose name survives a power failure: each parent up to `root` is synced. */
export async function durableFolder(root: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    // a relative path ends in `.`, whose parent is `.` again
    const top = resolve(root);
    for (let path = resolve(folder); path !== top && path !== dirname(path); path = dirname(path)) {
      await syncPath(dirname(path));
    }
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path: folder });
  }
}

/** fsync of a file or folder. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives the file at `path` the name `target`, durably; copies where the two are on different disks. @throws ScannerError data.disk */
export async function takeFile(path: string, target: string): Promise<void> {
  try {
    await syncPath(path);
    try {
      await rename(path, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      const temporary = `${target}.part`;
      await copyFile(path, temporary);
      await syncPath(temporary);
      await rename(temporary, target);
      await unlink(path);
    }
    await syncPath(dirname(target));
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path: target });
  }
}
