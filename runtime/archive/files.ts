import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, link, mkdir, open, stat, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import { needText } from '../dicom/dataset/dataset.js';
import { decodeDataset } from '../dicom/dataset/decode.js';
import { readHeader } from '../dicom/dataset/header.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../dicom/dataset/transfer-syntax.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { KnownOfObject } from './archive.js';
import { type IndexedHeader, indexedHeader } from './header.js';

const run = promisify(execFile);

/** Elements from the pixel data on are of no use to the index. */
const PIXEL_DATA = '7FE00010';

/** What the index keeps of a Part 10 file besides where it stands. */
export interface Inspected {
  header: IndexedHeader;
  transferSyntaxUid: string;
  bytes: number;
  checksum: string;
}

/** The header and the size and checksum of a Part 10 file. @throws ScannerError data.dicom, data.missing, data.invalid */
export async function inspectFile(path: string, known: KnownOfObject = {}): Promise<Inspected> {
  const { dataset, transferSyntax } = known.header ?? (await readHeader(path, { stopAtTag: PIXEL_DATA }));
  return {
    header: indexedHeader(dataset),
    transferSyntaxUid: transferSyntax,
    bytes: (await stat(path)).size,
    checksum: known.checksum || (await sha256(path)),
  };
}

/** The same of a Part 10 file in memory. */
export function inspectBytes(part10: Buffer, known: KnownOfObject = {}): Inspected {
  const { dataset, transferSyntax } = known.header ?? decodePart10(part10);
  return {
    header: indexedHeader(dataset),
    transferSyntaxUid: transferSyntax,
    bytes: part10.length,
    checksum: known.checksum || createHash('sha256').update(part10).digest('hex'),
  };
}

function decodePart10(part10: Buffer) {
  const start = part10.length >= 144 ? 144 + part10.readUInt32LE(140) : Number.POSITIVE_INFINITY;
  if (start > part10.length || part10.toString('latin1', 128, 136) !== 'DICM\x02\0\0\0') {
    throw new ScannerError('data.dicom', { where: 'meta header', message: 'no DICM and group length after 128 bytes' });
  }
  const meta = decodeDataset(part10.subarray(144, start), EXPLICIT_LITTLE_ENDIAN);
  const transferSyntax = needText(meta, 'TransferSyntaxUID');
  return { dataset: decodeDataset(part10.subarray(start), transferSyntax), transferSyntax };
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path });
  }
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

/** Everything that was written to the file system of `path` is on its disk. @throws ScannerError data.disk */
export async function syncFileSystem(path: string): Promise<void> {
  try {
    // one system call for thousands of files; where `sync` knows no -f it does more than asked
    await run('sync', ['-f', path]).catch(() => run('sync'));
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path });
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

/**
 * Gives the durable file at `path` the name `target` unless something has it; copies where the two are on different disks.
 * A power failure leaves it under one of the two names at least.
 * @returns false when `target` was taken: then nothing has changed
 * @throws ScannerError data.disk
 */
export async function takeFile(path: string, target: string): Promise<boolean> {
  try {
    if (await linked(path, target)) {
      await unlink(path);
      return true;
    }
    return false;
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path: target });
  }
}

async function linked(path: string, target: string): Promise<boolean> {
  try {
    await link(path, target);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EXDEV') throw error;
  }
  const copy = `${target}.${makeUid().slice(-12)}.part`;
  try {
    await copyFile(path, copy);
    await syncPath(copy);
    const taken = await linked(copy, target);
    if (taken) await syncPath(dirname(target));
    return taken;
  } finally {
    await unlink(copy).catch(() => undefined);
  }
}
