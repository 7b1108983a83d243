/** A planned disc as an image file, for whoever burns it elsewhere. */

import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { BurnerFile, BurnSession } from '../../../hal/contract/burner.js';
import { type BurnPlan, checkPlan } from '../burn-plan.js';
import { readDisc } from '../read-disc.js';
import { checkFile } from './driver.js';
import { masterSession } from './master.js';

export interface ImageOptions {
  /** The image; there must be none yet. */
  image: string;
  signal?: AbortSignal;
  /** Files that were read back and compared. */
  onVerified?(done: number, total: number): void;
}

/**
 * Writes the image, and reads every file of it back. It has its name only when all of it is good and on the disk.
 * @throws ScannerError operator.usage (there is such a file), data.invalid (a plan that cannot be mastered), device.fault (the program
 *   that masters it), data.media (what was read back is not what was planned), data.disk, timeout.aborted
 */
export async function writeImage(plan: BurnPlan, { image, signal, onVerified }: ImageOptions): Promise<void> {
  checkPlan(plan);
  if (existsSync(image)) throw new ScannerError('operator.usage', { message: `${image} is there already` });
  const folder = await mkdtemp(join(dirname(image), '.petrig-image-')).catch((error: unknown) => {
    throw asScannerError(error, 'data.disk', { path: image });
  });
  try {
    const session = { ...plan, files: await filesOf(plan, folder) };
    const part = join(folder, 'image');
    await master(session, part, folder, signal);
    await verify(session.files, part, { signal, onVerified });
    await syncFile(part);
    await rename(part, image);
    await syncFile(dirname(image));
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path: image });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Bytes without a file get one in `folder`. */
async function filesOf({ files }: BurnPlan, folder: string): Promise<BurnerFile[]> {
  const found: BurnerFile[] = [];
  for (const [i, { discPath, source, size, sha256 }] of files.entries()) {
    const path = 'path' in source ? source.path : join(folder, `made${i}`);
    if ('bytes' in source) await writeFile(path, source.bytes);
    found.push({ discPath, path, size, sha256 });
  }
  return found;
}

async function master(session: BurnSession, part: string, folder: string, signal?: AbortSignal): Promise<void> {
  const out = createWriteStream(part);
  for await (const chunk of masterSession({ session, startSector: 0, folder, signal })) {
    if (!out.write(chunk)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

async function verify(
  files: readonly BurnerFile[],
  path: string,
  { signal, onVerified }: Pick<ImageOptions, 'signal' | 'onVerified'>,
): Promise<void> {
  const disc = await readDisc(path);
  try {
    for (const [i, file] of files.entries()) {
      if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'verification of the image' });
      await checkFile(disc, file);
      onVerified?.(i + 1, files.length);
    }
  } finally {
    await disc.close();
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
