import { Worker } from 'node:worker_threads';

/** Lateness of a timer, ms: median, 99th percentile and largest, and how many beats there were. */
export interface Lateness {
  beats: number;
  median: number;
  p99: number;
  most: number;
}

/** Beats in any event loop; written without types, so that a worker can be made of its text. */
const BEAT = `(periodMs, late) => {
  let due = performance.now() + periodMs;
  let timer;
  const beat = () => {
    late.push(Math.max(0, performance.now() - due));
    due = performance.now() + periodMs;
    timer = setTimeout(beat, periodMs);
  };
  timer = setTimeout(beat, periodMs);
  return () => clearTimeout(timer);
}`;

const IDLE = `
const { parentPort, workerData } = require('node:worker_threads');
const late = [];
const stop = (${BEAT})(workerData, late);
parentPort.once('message', () => { stop(); parentPort.postMessage(late); });
`;

function latenessOf(late: readonly number[]): Lateness {
  const sorted = [...late].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  return { beats: sorted.length, median: at(0.5), p99: at(0.99), most: at(1) };
}

/**
 * How late a timer of this event loop fires, beside one of an idle thread's: what that one is late by is the machine's doing,
 * which may have other work than ours.
 */
export class Heartbeat {
  readonly #late: number[] = [];
  readonly #idle: Worker;
  readonly #stop: () => void;

  constructor(periodMs = 50) {
    const beat = new Function(`return ${BEAT}`)() as (periodMs: number, late: number[]) => () => void;
    this.#idle = new Worker(IDLE, { eval: true, workerData: periodMs });
    this.#stop = beat(periodMs, this.#late);
  }

  async stop(): Promise<{ ours: Lateness; idle: Lateness }> {
    this.#stop();
    const idle = await new Promise<number[]>((resolve) => {
      this.#idle.once('message', resolve);
      this.#idle.postMessage('stop');
    });
    await this.#idle.terminate();
    return { ours: latenessOf(this.#late), idle: latenessOf(idle) };
  }
}
