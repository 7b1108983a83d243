import type { Clock } from '../base/clock.js';
import type { Millisecond } from '../base/units.js';

// how fast two quartz clocks may part, as a fraction
const DRIFT = 100e-6;

/**
 * Maps a device's time to scanner time. Each frame says what the device's clock read when it was sent; the frame that
 * travelled fastest is the nearest to the truth, so the smallest difference counts, and it may grow with the drift only.
 */
export class DeviceTime {
  readonly #clock: Clock;
  #offset: number | undefined;
  #sampledAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A frame sent at this device time has just arrived. */
  sample(deviceTimeUs: bigint): void {
    const now = this.#clock.now();
    const sample = now - Number(deviceTimeUs) / 1000;
    const grown = (this.#offset ?? Number.POSITIVE_INFINITY) + DRIFT * (now - this.#sampledAt);
    this.#offset = Math.min(sample, grown);
    this.#sampledAt = now;
  }

  /** Scanner time, ms since the epoch. */
  at(deviceTimeUs: bigint): Millisecond {
    return this.#offset === undefined ? this.#clock.now() : this.#offset + Number(deviceTimeUs) / 1000;
  }

  reset(): void {
    this.#offset = undefined;
  }
}
