import type { Worker } from 'node:worker_threads';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Statement } from './sql.js';
import { startThread } from './thread.js';

/** To the reading thread: a statement to run, one more batch of it, or the end of it. */
export type ToReader =
  | { kind: 'open'; id: number; statement: Statement }
  | { kind: 'more'; id: number }
  | { kind: 'end'; id: number }
  | { kind: 'checkpoint' }
  | { kind: 'close' };

/** From the reading thread: rows as arrays of their columns, and whether they were the last. */
export interface FromReader {
  id: number;
  columns: readonly string[];
  rows: readonly (readonly unknown[])[];
  last: boolean;
  /** Why it could not be read. */
  failure?: string;
}

interface Stream {
  batches: FromReader[];
  wake(): void;
}

/** Reads of an SQLite file in a thread of their own, so that none holds up the event loop. The thread starts with the first. */
export class SqliteReader {
  readonly #streams = new Map<number, Stream>();
  #thread: Worker | undefined;
  #next = 1;

  constructor(private readonly path: string) {}

  /** @throws ScannerError data.disk, timeout.aborted when `signal` fires */
  async *stream<Row>(statement: Statement, signal?: AbortSignal): AsyncGenerator<Row[], void, void> {
    const thread = (this.#thread ??= this.#start());
    const id = this.#next++;
    const stream: Stream = { batches: [], wake: () => undefined };
    const stopped = () => stream.wake();
    this.#streams.set(id, stream);
    thread.ref();
    signal?.addEventListener('abort', stopped);
    try {
      thread.postMessage({ kind: 'open', id, statement } satisfies ToReader);
      for (;;) {
        while (stream.batches.length === 0 && !signal?.aborted) {
          await new Promise<void>((resolve) => {
            stream.wake = resolve;
          });
        }
        if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'reading the index' });
        const batch = stream.batches.shift()!;
        if (batch.failure) throw new ScannerError('data.disk', { path: this.path, message: batch.failure });
        if (!batch.last) thread.postMessage({ kind: 'more', id } satisfies ToReader);
        if (batch.rows.length > 0) yield batch.rows.map((row) => named<Row>(batch.columns, row));
        if (batch.last) return;
      }
    } finally {
      signal?.removeEventListener('abort', stopped);
      this.#streams.delete(id);
      // a program that waits for nothing else of this thread has ended
      if (this.#streams.size === 0) thread.unref();
      thread.postMessage({ kind: 'end', id } satisfies ToReader);
    }
  }

  /** Brings the journal into the file, as far as nobody reads an older state; not waited for. */
  checkpoint(): void {
    this.#thread ??= this.#start();
    if (this.#streams.size === 0) this.#thread.unref();
    this.#thread.postMessage({ kind: 'checkpoint' } satisfies ToReader);
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    if (!thread) return;
    thread.ref();
    const gone = new Promise((resolve) => thread.once('exit', resolve));
    thread.postMessage({ kind: 'close' } satisfies ToReader);
    await gone;
  }

  #start(): Worker {
    const thread = startThread('sqlite-reader-main', this.path);
    thread.on('message', (batch: FromReader) => {
      const stream = this.#streams.get(batch.id);
      stream?.batches.push(batch);
      stream?.wake();
    });
    const fail = (error: unknown) => {
      this.#thread = undefined;
      const failure = asScannerError(error).message;
      for (const [id, stream] of this.#streams) {
        stream.batches.push({ id, columns: [], rows: [], last: true, failure });
        stream.wake();
      }
    };
    thread.on('error', fail);
    thread.on('exit', () => fail(new ScannerError('timeout.aborted', { what: 'reading the index' })));
    return thread;
  }
}

function named<Row>(columns: readonly string[], row: readonly unknown[]): Row {
  return Object.fromEntries(columns.map((name, i) => [name, row[i]])) as Row;
}
