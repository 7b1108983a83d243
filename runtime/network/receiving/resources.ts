import { statfs } from 'node:fs/promises';
import type { Clock } from '../../../hal/base/clock.js';
import type { Millisecond } from '../../../hal/base/units.js';

/** Free space is looked up at most so often, wall ms: it costs a turn of the file system. */
const FRESH_MS: Millisecond = 500;

/** What is left on the disk under a folder. */
export class DiskGauge {
  readonly #folder: string;
  readonly #clock: Clock;
  #free = 0;
  #asked: Millisecond = Number.NEGATIVE_INFINITY;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock.wall;
  }

  /** Bytes that are free, as of half a second ago at most. @throws Error of the file system */
  async free(): Promise<number> {
    const now = this.#clock.now();
    if (now - this.#asked >= FRESH_MS) {
      const { bavail, bsize } = await statfs(this.#folder);
      this.#free = bavail * bsize;
      this.#asked = now;
    }
    return this.#free;
  }
}
