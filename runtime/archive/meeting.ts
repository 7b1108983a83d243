import { rename } from 'node:fs/promises';
import { asScannerError } from '../../hal/base/errors.js';
import { DurableFile } from '../dicom/dataset/durable-file.js';
import { type Inspected, inspectFile } from './files.js';

/**
 * A file stands under an object's name that the index lacks: another host's that has no row yet, or what a crash left. The first is
 * kept; what is no object gives way.
 * @param put gives the newcomer the name, whatever has it
 * @returns what has the name now
 * @throws ScannerError data.disk
 */
export async function meet(target: string, newcomer: Inspected, put: () => Promise<void>): Promise<Inspected> {
  const there = await inspectFile(target).catch(() => undefined);
  if (there) return there;
  await put();
  return newcomer;
}

/** The durable file at `path` takes the place of `target`. */
export async function replaceBy(path: string, target: string): Promise<void> {
  try {
    await rename(path, target);
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path: target });
  }
}

/** Writes a whole file durably in the place of `target`. */
export async function replaceWith(part10: Buffer, target: string): Promise<void> {
  const file = await DurableFile.create(target, { hash: false });
  try {
    await file.write(part10);
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}
