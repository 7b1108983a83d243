import type { Worker } from 'node:worker_threads';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import { startThread } from './thread.js';

/** A file to make, and where its bytes stand in a log. */
export interface PlaceFile {
  target: string;
  source: string;
  offset: number;
  length: number;
}

/** To the thread that makes files: whole files under their names, unless these are taken. */
export interface PlaceRequest {
  id: number;
  files: readonly PlaceFile[];
}

/** What became of each: it has its name, the name was taken, or why it could not be written. */
export type Placed = 'placed' | 'taken' | { failure: string };

export interface PlaceAnswer {
  id: number;
  placed: readonly Placed[];
}

/** Makes files of small objects in a thread of its own: thousands a second would hold up the event loop. They are not synced. */
export class Placing {
  readonly #waiting = new Map<number, { resolve(placed: readonly Placed[]): void; reject(error: unknown): void }>();
  #thread: Worker | undefined;
  #next = 1;

  /** A file never stands half under its target. @throws ScannerError data.disk when the thread ends */
  place(files: readonly PlaceFile[]): Promise<readonly Placed[]> {
    const thread = (this.#thread ??= this.#start());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      thread.ref();
      thread.postMessage({ id, files } satisfies PlaceRequest);
    });
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }

  #start(): Worker {
    const thread = startThread('placing-main', undefined);
    thread.on('message', ({ id, placed }: PlaceAnswer) => {
      this.#waiting.get(id)?.resolve(placed);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) thread.unref();
    });
    const fail = (error: unknown) => {
      if (this.#thread === thread) this.#thread = undefined;
      for (const { reject } of this.#waiting.values()) reject(asScannerError(error, 'data.disk', { path: 'objects' }));
      this.#waiting.clear();
    };
    thread.on('error', fail);
    thread.on('exit', () => fail(new ScannerError('data.disk', { path: 'objects', message: 'the thread has ended' })));
    return thread;
  }
}
