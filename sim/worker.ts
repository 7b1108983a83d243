/** The simulated scanner in a thread of its own, seen from the controller's side. */

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Clock } from '../hal/base/clock.js';
import { within } from '../hal/base/deadline.js';
import { ScannerError } from '../hal/base/errors.js';
import type { Log } from '../hal/base/log.js';
import type { LinkOpener } from '../hal/link/endpoints.js';
import type { Link } from '../hal/link/link.js';
import { PortLink } from '../hal/link/memory.js';
import type { WireDeviceName } from '../hal/wire/dictionary.js';
import type { SimAction } from './actions.js';
import type { BenchStats } from './bench.js';
import { type ClockReading, readClock } from './mirrorclock.js';
import type { PatientChange } from './world.js';

export interface SimWorkerOptions {
  /** Scanner time of the controller; the worker runs a mirror of it. */
  clock: Clock;
  log: Log;
  seed: number;
  phantom: string | PatientChange;
}

export interface SimWorkerData {
  clock: ClockReading;
  seed: number;
  phantom: string | PatientChange;
}

/** From the controller's thread to the worker. */
export type ToWorker =
  | { kind: 'connect'; channel: 'control' | 'bulk'; device: WireDeviceName; port: MessagePort }
  | { kind: 'act'; id: number; action: SimAction }
  | { kind: 'close' };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** From the worker. Errors come as their serialisable form. */
export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'done'; id: number; stats: BenchStats }
  | { kind: 'failed'; id: number | undefined; code: string; context: Record<string, unknown> }
  | { kind: 'log'; level: LogLevel; fields: object; message: string };

export interface SimWorker extends LinkOpener {
  /** Does something to the scanner. @throws ScannerError operator.unknown, config.invalid, link.closed */
  act(action: SimAction): Promise<BenchStats>;
  close(): Promise<void>;
}

const START_MS = 30_000;
const CLOSE_MS = 10_000;

/** Starts the simulated scanner. @throws ScannerError operator.unknown or config.invalid for the phantom, timeout.stage */
export async function startSimWorker(options: SimWorkerOptions): Promise<SimWorker> {
  const client = new WorkerClient(options);
  await client.ready();
  return client;
}

interface Waiting {
  resolve: (stats: BenchStats) => void;
  reject: (error: Error) => void;
}

class WorkerClient implements SimWorker {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting = new Map<number, Waiting>();
  readonly #started: Promise<void>;
  readonly #exited: Promise<void>;
  #begin: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #next = 1;
  #over = false;

  constructor({ clock, log, seed, phantom }: SimWorkerOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#worker = spawn({ clock: readClock(clock), seed, phantom });
    this.#started = new Promise((resolve, reject) => {
      this.#begin = { resolve, reject };
    });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error));
    void this.#exited.then(() => this.#fail(new ScannerError('link.closed', { device: 'simulator' })));
  }

  ready(): Promise<void> {
    return within(this.#started, {
      clock: this.#clock.wall,
      ms: START_MS,
      context: { what: 'start of the simulator' },
    });
  }

  async openControl(device: WireDeviceName): Promise<Link> {
    return this.#open('control', device);
  }

  async openBulk(device: WireDeviceName): Promise<Link> {
    return this.#open('bulk', device);
  }

  act(action: SimAction): Promise<BenchStats> {
    if (this.#over) return Promise.reject(new ScannerError('link.closed', { device: 'simulator' }));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post({ kind: 'act', id, action });
    });
  }

  async close(): Promise<void> {
    if (!this.#over) this.#post({ kind: 'close' });
    try {
      await within(this.#exited, { clock: this.#clock.wall, ms: CLOSE_MS });
    } catch {
      await this.#worker.terminate();
    }
  }

  #open(channel: 'control' | 'bulk', device: WireDeviceName): Link {
    if (this.#over) throw new ScannerError('link.open', { device, where: 'simulator', message: 'it has ended' });
    const { port1, port2 } = new MessageChannel();
    this.#post({ kind: 'connect', channel, device, port: port2 }, [port2]);
    return new PortLink(port1, `simulator:${device}`);
  }

  #post(message: ToWorker, transfer: MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#begin?.resolve();
        return;
      case 'log':
        this.#log[message.level](message.fields, message.message);
        return;
      case 'done':
        this.#take(message.id)?.resolve(message.stats);
        return;
      case 'failed': {
        const error = new ScannerError(message.code, message.context);
        if (message.id === undefined) this.#begin?.reject(error);
        else this.#take(message.id)?.reject(error);
      }
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #fail(error: Error): void {
    this.#over = true;
    this.#begin?.reject(error);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

/** Run from sources, the thread has to learn TypeScript first: Node 20 hands no loader on to its workers. */
function spawn(workerData: SimWorkerData): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./workermain.js', import.meta.url), { workerData });
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./workermain.ts', import.meta.url).href);
  return new Worker(`import(${loader}).then(({ register }) => { register(); return import(${entry}); })`, {
    eval: true,
    workerData,
  });
}
