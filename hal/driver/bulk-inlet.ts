/** The host's end of a device's bulk link, and the gate that holds `drained` back until the data are here. */

import type { Clock, TimerHandle } from '../base/clock.js';
import type { Link } from '../link/link.js';
import { BulkReceiver } from '../wire/bulk.js';
import type { BulkFrame } from '../wire/frame.js';

export interface BulkInletOptions {
  /** @throws ScannerError link.open */
  openBulk(): Promise<Link>;
  onFrame(frame: BulkFrame): void;
  /** `bulkLost`, `bulkDamaged`, `bulkClosed` */
  onFault(code: string, text: string): void;
}

export class BulkInlet {
  readonly #options: BulkInletOptions;
  #link: Link | undefined;

  constructor(options: BulkInletOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { openBulk, onFault } = this.#options;
    await this.close();
    const link = await openBulk();
    this.#link = link;
    new BulkReceiver({
      link,
      onFrame: (frame) => {
        if (this.#link === link) this.#take(frame);
      },
      onProblem: (problem) => {
        if (problem.kind === 'lost') onFault('bulkLost', `${problem.frames} bulk frames lost`);
        else onFault('bulkDamaged', `a bulk frame came damaged: ${problem.reason}`);
      },
    });
    link.onClose(() => {
      if (this.#link === link) onFault('bulkClosed', 'the bulk link ended');
    });
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  #take(frame: BulkFrame): void {
    try {
      this.#options.onFrame(frame);
    } catch (error) {
      this.#options.onFault('bulkDamaged', error instanceof Error ? error.message : String(error));
    }
  }
}

// how long the data may stand still before the rest is given up, wall ms
const STALLED_MS = 2000;

/**
 * Control and bulk links race: `drained` may be here before the last block. The gate counts what came of the present scan or
 * frame and lets the event through when all is here, or when nothing more came for two seconds, which is a loss.
 */
export class DrainGate {
  readonly #wall: Clock;
  #id: number | undefined;
  #received = 0;
  #waiting: { expected: number; pass: (complete: boolean) => void; timer: TimerHandle } | undefined;

  constructor(clock: Clock) {
    this.#wall = clock.wall;
  }

  /** Of the scan or frame `id`, so many more readings or words are here. */
  count(id: number, amount: number): void {
    if (id !== this.#id) {
      this.#id = id;
      this.#received = 0;
    }
    this.#received += amount;
    if (!this.#waiting) return;
    this.#waiting.timer.cancel();
    this.#waiting.timer = this.#stallTimer();
    this.#check();
  }

  /** Calls `pass` once, with whether all of `expected` came. */
  hold(id: number, expected: number, pass: (complete: boolean, received: number) => void): void {
    this.#release(false);
    if (id !== this.#id) {
      this.#id = id;
      this.#received = 0;
    }
    const settle = (complete: boolean) => pass(complete, this.#received);
    this.#waiting = { expected, pass: settle, timer: this.#stallTimer() };
    this.#check();
  }

  /** Gives up waiting. */
  abandon(): void {
    this.#waiting?.timer.cancel();
    this.#waiting = undefined;
  }

  #stallTimer(): TimerHandle {
    return this.#wall.after(STALLED_MS, () => this.#release(false));
  }

  #check(): void {
    if (this.#waiting && this.#received >= this.#waiting.expected) this.#release(true);
  }

  #release(complete: boolean): void {
    const waiting = this.#waiting;
    this.abandon();
    waiting?.pass(complete);
  }
}
