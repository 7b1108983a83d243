import { Worker } from 'node:worker_threads';
import type { Clock, TimerHandle } from '../../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { PixelFormat } from './format.js';

export type CodecName = 'rle' | 'jpeg' | 'jpeg2000';

/** One frame to decode or to encode. */
export interface CodecRequest {
  operation: 'decode' | 'encode';
  codec: CodecName;
  format: PixelFormat;
  bytes: Uint8Array;
  /** 1 to 100 for lossy encoding; absent for lossless. */
  quality?: number;
  /** Decoded colour becomes RGB. */
  toRgb?: boolean;
}

export interface CodecResult {
  bytes: Uint8Array;
  photometricInterpretation: string;
}

export type CodecAnswer = CodecResult | { error: string };

export interface CodecPoolOptions {
  clock: Clock;
  log: Log;
  /** Default 2. */
  threads?: number;
  /** Longest time for one frame, wall ms. */
  frameMs?: number;
}

const FRAME_MS = 60_000;
/** A thread without work ends after this: its memory is that of the largest frame so far. Wall ms. */
const IDLE_MS = 10_000;

interface Task {
  request: CodecRequest;
  resolve(result: CodecResult): void;
  reject(error: Error): void;
}

/** Codecs in worker threads, a frame at a time each. A frame that breaks or blocks a thread fails alone: the thread is replaced. */
export class CodecPool {
  readonly #options: Required<CodecPoolOptions>;
  readonly #waiting: Task[] = [];
  readonly #idle: CodecThread[] = [];
  readonly #busy = new Set<CodecThread>();
  #closed = false;

  constructor(options: CodecPoolOptions) {
    this.#options = { threads: 2, frameMs: FRAME_MS, ...options };
  }

  /** @throws ScannerError data.invalid for a stream that cannot be decoded, timeout.stage, timeout.aborted after `close` */
  run(request: CodecRequest): Promise<CodecResult> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new ScannerError('timeout.aborted', { what: 'codec' }));
      this.#waiting.push({ request, resolve, reject });
      this.#next();
    });
  }

  /** Ends the threads; what is under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new ScannerError('timeout.aborted', { what: 'codec' }));
    await Promise.all([...this.#busy, ...this.#idle.splice(0)].map((thread) => thread.close()));
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#busy.size >= this.#options.threads) return;
    const task = this.#waiting.shift()!;
    const thread = this.#idle.pop() ?? new CodecThread(this.#options.clock.wall);
    this.#busy.add(thread);
    void this.#perform(thread, task).finally(() => {
      this.#busy.delete(thread);
      this.#next();
    });
  }

  async #perform(thread: CodecThread, { request, resolve, reject }: Task): Promise<void> {
    try {
      resolve(await thread.run(request, this.#options.frameMs));
      if (this.#closed) return thread.close();
      this.#idle.push(thread);
      thread.rest(IDLE_MS, () => this.#idle.splice(this.#idle.indexOf(thread), 1));
    } catch (error) {
      this.#options.log.warn({ error: asScannerError(error).message }, 'codec failed');
      reject(asScannerError(error));
      // what the library held for the frame is never given back after an error
      await thread.close();
    }
  }
}

class CodecThread {
  readonly #worker = spawn();
  readonly #clock: Clock;
  #settle: ((answer: CodecAnswer | ScannerError) => void) | undefined;
  #rest: TimerHandle | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#worker.unref();
    this.#worker.on('message', (answer: CodecAnswer) => this.#settle?.(answer));
    this.#worker.on('error', (error: Error) => this.#settle?.({ error: error.message }));
    this.#worker.on('exit', () => this.#settle?.(new ScannerError('timeout.aborted', { what: 'codec' })));
  }

  run(request: CodecRequest, frameMs: number): Promise<CodecResult> {
    this.#rest?.cancel();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(frameMs, () =>
        this.#settle?.(new ScannerError('timeout.stage', { what: 'frame', ms: frameMs })),
      );
      this.#settle = (answer) => {
        this.#settle = undefined;
        timer.cancel();
        if (answer instanceof ScannerError) reject(answer);
        else if ('error' in answer) reject(new ScannerError('data.invalid', { what: 'frame', message: answer.error }));
        else resolve(answer);
      };
      this.#worker.postMessage(request);
    });
  }

  /** Ends after a time without work. */
  rest(ms: number, ended: () => void): void {
    this.#rest = this.#clock.after(ms, () => {
      ended();
      void this.close();
    });
  }

  async close(): Promise<void> {
    this.#rest?.cancel();
    await this.#worker.terminate();
  }
}

/** Run from sources, the thread has to learn TypeScript first: Node 20 hands no loader on to its workers. */
function spawn(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./thread.js', import.meta.url));
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./thread.ts', import.meta.url).href);
  return new Worker(`import(${loader}).then(({ register }) => { register(); return import(${entry}); })`, {
    eval: true,
  });
}
