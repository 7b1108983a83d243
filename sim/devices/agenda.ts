import type { Clock, TimerHandle } from '../../hal/base/clock.js';

interface Entry {
  at: number;
  order: number;
  fn: (atMs: number) => void;
}

/** Slack for the rounding of `at - now` to a timer's delay, ms. */
const ROUNDING_MS = 1e-3;

/**
 * What the simulated devices of one bench are going to do, in the order of scanner time. A host timer may fire late,
 * the more so the faster the clock runs; each entry still happens at its own instant: while it runs, `now()` is that
 * instant, and entries due earlier have all run before.
 */
export class Agenda {
  readonly #clock: Clock;
  #entries: Entry[] = [];
  #order = 0;
  #timer: TimerHandle | undefined;
  #instant: number | undefined;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The present of the simulated hardware, scanner ms. Outside an entry, whatever is overdue happens first. */
  now(): number {
    if (this.#instant !== undefined) return this.#instant;
    this.#catchUp();
    this.#latest = Math.max(this.#latest, this.#clock.now());
    return this.#latest;
  }

  /** Runs `fn` at scanner time `ms`; an instant already past means the present. */
  at(ms: number, fn: (atMs: number) => void): TimerHandle {
    const entry: Entry = { at: Math.max(ms, this.#instant ?? this.#latest), order: this.#order++, fn };
    let index = this.#entries.length;
    while (index > 0 && this.#entries[index - 1]!.at > entry.at) index--;
    this.#entries.splice(index, 0, entry);
    if (index === 0) this.#arm();
    return { cancel: () => this.#remove(entry) };
  }

  /** Forgets everything planned. */
  close(): void {
    this.#entries = [];
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index < 0) return;
    this.#entries.splice(index, 1);
    if (index === 0) this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    const next = this.#entries[0];
    this.#timer = next && this.#clock.after(next.at - this.#clock.now(), () => this.#catchUp());
  }

  #catchUp(): void {
    if (this.#instant !== undefined) return;
    const until = this.#clock.now() + ROUNDING_MS;
    try {
      for (let next = this.#entries[0]; next && next.at <= until; next = this.#entries[0]) {
        this.#entries.shift();
        this.#instant = next.at;
        this.#latest = Math.max(this.#latest, next.at);
        next.fn(next.at);
      }
    } finally {
      this.#instant = undefined;
      this.#arm();
    }
  }
}
