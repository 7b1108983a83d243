import type { Clock } from '../../hal/base/clock.js';

/** Wall seconds by stage: a stage that runs in pieces is added up, in the order in which stages first ran. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #stages: { name: string; seconds: number }[];

  constructor(clock: Clock, stages: { name: string; seconds: number }[]) {
    this.#clock = clock;
    this.#stages = stages;
  }

  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const started = this.#clock.wall.now();
    try {
      return await work();
    } finally {
      const seconds = (this.#clock.wall.now() - started) / 1000;
      const stage = this.#stages.find((known) => known.name === name);
      if (stage) stage.seconds += seconds;
      else this.#stages.push({ name, seconds });
    }
  }
}
