import { stat } from 'node:fs/promises';
import { ScannerError } from '../../hal/base/errors.js';
import { FolderReader } from './disc/folder.js';
import { isoSessions } from './disc/iso9660.js';
import { Sectors } from './disc/sectors.js';
import { TreeReader } from './disc/tree.js';
import type { DiscReader } from './disc-reader.js';

export interface ReadDiscOptions {
  /** From 1; the newest when absent. */
  session?: number;
  /** Where sessions start, from the drive's table of contents; an image is searched for them. */
  sessionStarts?: readonly number[];
}

/**
 * Opens a disc without mounting it.
 * @param path an image file, a drive's device, or a folder, which is read as if it were a disc
 * @throws ScannerError data.missing (no such file or session), data.media (no file system that we know, or a damaged one), data.truncated
 */
export async function readDisc(path: string, options: ReadDiscOptions = {}): Promise<DiscReader> {
  const found = await stat(path).catch((error: Error) => {
    throw new ScannerError('data.missing', { what: `disc ${path}` }, error);
  });
  if (found.isDirectory()) return new FolderReader(path);
  const disc = await Sectors.open(path);
  try {
    return await openTree(disc, options);
  } catch (error) {
    await disc.close();
    throw error;
  }
}

async function openTree(disc: Sectors, { session, sessionStarts }: ReadDiscOptions): Promise<DiscReader> {
  const found = await isoSessions(disc, sessionStarts);
  if (found.length === 0) {
    throw new ScannerError('data.media', { what: disc.path, where: 'sector 16', message: 'no ISO 9660 file system' });
  }
  const chosen = found[(session ?? found.length) - 1];
  if (!chosen)
    throw new ScannerError('data.missing', { what: `session ${session} of ${found.length} of ${disc.path}` });
  return new TreeReader(
    disc,
    chosen.volume,
    found.map((one) => one.session),
  );
}
