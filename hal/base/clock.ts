/** Time as an injected thing. No module of petrig reads the wall clock or sets a timer except through a Clock. */

export interface TimerHandle {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds of scanner time since the Unix epoch; monotonic. */
  now(): number;
  /** Calls `fn` after `ms` of scanner time. */
  after(ms: number, fn: () => void): TimerHandle;
  /** Calls `fn` every `ms` of scanner time until cancelled. */
  every(ms: number, fn: () => void): TimerHandle;
  /** How much faster than the wall this clock runs; 1 for real time. Liveness of links is judged on the wall: see `wall`. */
  readonly speed: number;
  /** The same machine's unscaled clock. Heartbeats, watchdogs and network timeouts use it, since a link is not faster than it is. */
  readonly wall: Clock;
}

/** A clock whose origin is `startMs` and which runs `speed` times as fast as the host's monotonic clock. */
export class ScaledClock implements Clock {
  readonly #origin = performance.now();
  readonly #start: number;
  readonly speed: number;
  readonly wall: Clock;

  constructor(options: { speed?: number; startMs?: number } = {}) {
    this.speed = options.speed ?? 1;
    this.#start = options.startMs ?? performance.timeOrigin + performance.now();
    this.wall = this.speed === 1 ? this : new ScaledClock();
  }

  now(): number {
    return this.#start + (performance.now() - this.#origin) * this.speed;
  }

  after(ms: number, fn: () => void): TimerHandle {
    // setTimeout clamps to 2^31-1 ms; longer waits are chained
    const wallMs = Math.max(0, ms / this.speed);
    let timer: NodeJS.Timeout;
    const arm = (left: number) => {
      const step = Math.min(left, 2 ** 31 - 1);
      timer = setTimeout(() => (left - step > 0 ? arm(left - step) : fn()), step);
    };
    arm(wallMs);
    return { cancel: () => clearTimeout(timer) };
  }

  every(ms: number, fn: () => void): TimerHandle {
    const timer = setInterval(fn, Math.max(1, ms / this.speed));
    return { cancel: () => clearInterval(timer) };
  }
}

interface ManualTimer {
  at: number;
  order: number;
  fn: () => void;
  everyMs?: number;
}

/** A clock that stands still until `advance` is called: for tests. Its wall is itself. */
export class ManualClock implements Clock {
  readonly speed = 1;
  readonly wall: Clock = this;
  #now: number;
  #sequence = 0;
  #timers: ManualTimer[] = [];

  constructor(startMs = 0) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): TimerHandle {
    return this.#add({ at: this.#now + Math.max(0, ms), order: this.#sequence++, fn });
  }

  every(ms: number, fn: () => void): TimerHandle {
    return this.#add({ at: this.#now + ms, order: this.#sequence++, fn, everyMs: ms });
  }

  /** Moves time on by `ms`, firing what falls due in order, each at its own instant. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#due(end); due; due = this.#due(end)) {
      this.#now = due.at;
      if (due.everyMs === undefined) this.#remove(due);
      else due.at += due.everyMs;
      due.fn();
    }
    this.#now = end;
  }

  /** As `advance`, in steps of `stepMs`, letting promises and I/O run between steps. */
  async run(ms: number, stepMs = 1): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(stepMs, left));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #add(timer: ManualTimer): TimerHandle {
    this.#timers.push(timer);
    return { cancel: () => this.#remove(timer) };
  }

  #remove(timer: unknown): void {
    this.#timers = this.#timers.filter((t) => t !== timer);
  }

  #due(end: number): ManualTimer | undefined {
    let first: ManualTimer | undefined;
    for (const t of this.#timers) {
      if (t.at > end) continue;
      if (!first || t.at < first.at || (t.at === first.at && t.order < first.order)) first = t;
    }
    return first;
  }
}

/** Resolves after `ms` of `clock`; rejects with the signal's reason when aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    const abort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}
