/** Sessions to burn, made of seeded bytes, and a simulated drive to burn them in. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import type { BurnerFile, BurnSession } from '../../hal/contract/burner.js';
import { DiscBurner } from '../../runtime/media/burner/driver.js';
import { SimulatedDrive } from '../../sim/devices/discdrive.js';
import { Random } from './random.js';

export interface Bench {
  drive: SimulatedDrive;
  burner: DiscBurner;
}

/** Uniform 0 to 1. */
function seededRandom(seed: number): () => number {
  const random = new Random(seed);
  return () => random.below(2 ** 32) / 2 ** 32;
}

export function burnBench(folder: string, seed = 1, takesTime = false, clock = new ScaledClock()): Bench {
  const drive = new SimulatedDrive({ clock, random: seededRandom(seed), takesTime, sync: false });
  const burner = new DiscBurner({ drive, folder, clock });
  return { drive, burner };
}

export function fileOf(folder: string, discPath: string, bytes: Buffer): BurnerFile {
  const path = join(folder, discPath.replaceAll('/', '-'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, bytes);
  return { discPath, path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A DICOMDIR and `count` files named after the session. */
export function sessionOf(
  folder: string,
  number: number,
  options: Partial<BurnSession> & { count?: number; size?: number } = {},
): BurnSession {
  const { count = 3, size = 20_000, ...rest } = options;
  const random = seededRandom(1000 + number);
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
  const place = join(folder, `session=${number}`);
  const files = Array.from({ length: count }, (_, index) =>
    fileOf(place, `DICOM/PA00000${number}/IM00000${index}`, bytes(size + index)),
  );
  files.push(fileOf(place, 'DICOMDIR', bytes(1000 + number)));
  return { medium: 'cd', volumeId: `SET_${number}`, close: false, files, ...rest };
}
