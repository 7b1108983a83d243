import type { Clock, TimerHandle } from '../base/clock.js';

const CHECK_MS = 10;
// a check that comes later than this was held up by our own event loop, and bytes may lie unread
const STALL_MS = 40;

/**
 * Measures how long the other end has been silent, every 10 ms of wall time. What our own event loop slept through
 * counts as one check only: then the other end spoke, perhaps, and we did not listen.
 */
export class Liveness {
  readonly #wall: Clock;
  readonly #timer: TimerHandle;
  #silentMs = 0;
  #checked: number;

  constructor(wall: Clock, onCheck: (silentMs: number) => void) {
    this.#wall = wall;
    this.#checked = wall.now();
    this.#timer = wall.every(CHECK_MS, () => {
      const now = this.#wall.now();
      const passed = now - this.#checked;
      this.#checked = now;
      this.#silentMs += passed > STALL_MS ? CHECK_MS : passed;
      onCheck(this.#silentMs);
    });
  }

  heard(): void {
    this.#silentMs = 0;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
