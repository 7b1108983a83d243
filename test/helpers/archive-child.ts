/**
 * A process that has an archive open and is killed, or fills a disk: `archive-child.ts ROOT URL|- MODE`. Prints the SOP Instance UID
 * of every object that was acknowledged, a line each.
 *   store   objects that were built, five at a time
 *   bytes   small received objects, four at a time
 *   files   received files, two at a time
 *   fill    small received objects until one is refused, then its error code
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { openArchive } from '../../runtime/archive/open.js';
import { needText } from '../../runtime/dicom/dataset/dataset.js';
import { images, part10 } from './archive-objects.js';

const [root = '', url = '-', mode = ''] = process.argv.slice(2);
const archive = await openArchive({
  root,
  url: url === '-' ? undefined : url,
  clock: new ScaledClock(),
  log: silentLog,
});
const tell = (...uids: string[]): void => {
  process.stdout.write(`${uids.join('\n')}\n`);
};

await mkdir(join(root, 'incoming'), { recursive: true });

async function bytes(): Promise<void> {
  const [object] = images(1, 1000);
  const { instance } = await archive.importBytes(part10(object!));
  tell(instance.sopInstanceUid);
}

async function file(): Promise<void> {
  const [object] = images(1, 100_000);
  const uid = needText(object!.dataset, 'SOPInstanceUID');
  const path = join(root, 'incoming', `${uid}.dcm`);
  await writeFile(`${path}.part`, part10(object!), { flush: true });
  await rename(`${path}.part`, path);
  const { instance } = await archive.importFile(path);
  tell(instance.sopInstanceUid);
}

async function forEver(act: () => Promise<void>): Promise<never> {
  for (;;) await act();
}

async function until(act: () => Promise<void>): Promise<void> {
  await forEver(act).catch((error: unknown) => {
    tell(asScannerError(error).code);
  });
  await archive.close().catch(() => undefined);
  process.exit(0);
}

const MODES: Record<string, () => Promise<unknown>> = {
  store: () => forEver(async () => tell(...(await archive.store(images(5, 50_000))).map((one) => one.sopInstanceUid))),
  bytes: () => Promise.all([1, 2, 3, 4].map(() => forEver(bytes))),
  files: () => Promise.all([1, 2].map(() => forEver(file))),
  fill: () => until(bytes),
};
await MODES[mode]!();
