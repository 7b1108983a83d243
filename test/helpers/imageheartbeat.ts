/** How late a timer of this process fires: what everything that lives on the event loop has to put up with. */
export class Heartbeat {
  readonly #periodMs: number;
  readonly #late: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(periodMs = 50) {
    this.#periodMs = periodMs;
  }

  start(): void {
    let due = performance.now() + this.#periodMs;
    const beat = () => {
      this.#late.push(Math.max(0, performance.now() - due));
      due = performance.now() + this.#periodMs;
      this.#timer = setTimeout(beat, this.#periodMs);
    };
    this.#timer = setTimeout(beat, this.#periodMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Lateness, ms: median, 99th percentile and largest, and how many beats there were. */
  figures(): { beats: number; median: number; p99: number; most: number } {
    const sorted = [...this.#late].sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
    return { beats: sorted.length, median: at(0.5), p99: at(0.99), most: at(1) };
  }
}
