import { type Observable, Subject, type Subscription } from 'rxjs';
import { type Clock, sleep } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { Archive, SequencedFact } from '../archive/archive.js';
import type { Fact } from '../archive/fact.js';

/** Wall milliseconds between attempts: doubled each time, up to the last. */
export interface Backoff {
  firstMs: Millisecond;
  lastMs: Millisecond;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 1000, lastMs: 60_000 };

export interface WorkerOptions {
  archive: Archive;
  clock: Clock;
  log: Log;
  backoff?: Backoff;
}

/** True when the peer or the way to it failed, so that the same request may succeed later; false for an answer that refused it. */
export function mayRetry(error: ScannerError): boolean {
  return (
    error.code !== 'peer.status' &&
    error.code !== 'peer.context' &&
    (error.kind === 'peer' || error.kind === 'protocol')
  );
}

/** The status that a peer refused with, as the standard prints it, or undefined. */
export function refusal(error: ScannerError): string | undefined {
  return error.code === 'peer.status' ? String(error.context.status) : undefined;
}

/**
 * Drains one consumer's facts, oldest first, one at a time. A fact stays in the outbox until `handle` has resolved; what it does
 * must therefore bear being done again after a crash.
 */
export abstract class OutboxWorker<Event> {
  readonly events$: Observable<Event>;
  protected readonly archive: Archive;
  protected readonly clock: Clock;
  protected readonly log: Log;
  readonly #events = new Subject<Event>();
  readonly #backoff: Backoff;
  #stop = new AbortController();
  #subscription: Subscription | undefined;
  #running: Promise<void> = Promise.resolve();
  #awake = false;
  #again = false;

  protected constructor(
    protected readonly consumer: string,
    options: WorkerOptions,
  ) {
    this.archive = options.archive;
    this.clock = options.clock;
    this.log = options.log.child({ worker: consumer });
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.events$ = this.#events.asObservable();
  }

  /** Does what waits in the outbox, then what comes. */
  start(): void {
    this.#stop = new AbortController();
    this.#subscription = this.archive.facts$.subscribe(() => this.wake());
    this.wake();
  }

  /** Ends waiting at once and resolves when nothing runs any more. A request under way is let finish. */
  async stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#stop.abort(new ScannerError('timeout.aborted', { what: this.consumer }));
    await this.#running;
  }

  /** Resolves when the outbox holds nothing for this worker. */
  async settled(): Promise<void> {
    while (this.#awake && !this.signal.aborted) await this.#running;
  }

  /** The facts that `handle` is given; others are acknowledged as they come. */
  protected abstract readonly types: ReadonlySet<Fact['type']>;

  /** Does one fact. */
  protected abstract handle(entry: SequencedFact): Promise<void>;

  protected get signal(): AbortSignal {
    return this.#stop.signal;
  }

  protected tell(event: Event): void {
    this.#events.next(event);
  }

  protected wake(): void {
    // a fact that comes while the last look at the outbox ends must not be overlooked
    this.#again = true;
    if (this.#awake || this.signal.aborted) return;
    this.#awake = true;
    this.#running = this.#drainAll();
  }

  async #drainAll(): Promise<void> {
    while (this.#again && !this.signal.aborted) {
      this.#again = false;
      await this.#drain();
    }
    // in the same turn as the last look at `again`: a fact between the two would wake nobody
    this.#awake = false;
  }

  async #drain(): Promise<void> {
    try {
      for (let batch = await this.#next(); batch.length > 0; batch = await this.#next()) {
        // facts of no concern are acknowledged with the next that is: each acknowledgement costs a write to the disk
        const seqs: number[] = [];
        for (const entry of batch) {
          if (this.signal.aborted) return;
          seqs.push(entry.seq);
          if (!this.types.has(entry.fact.type)) continue;
          await this.#attend(entry);
          await this.archive.ack(this.consumer, ...seqs.splice(0));
        }
        if (seqs.length > 0) await this.archive.ack(this.consumer, ...seqs);
      }
    } catch (error) {
      if (!this.signal.aborted) this.log.error({ error: asScannerError(error).toJSON() }, 'the worker stopped');
    }
  }

  /** A fact that cannot be handled must not hold up those behind it. A full disk, or being stopped, does. */
  async #attend(entry: SequencedFact): Promise<void> {
    try {
      await this.handle(entry);
    } catch (thrown) {
      const error = asScannerError(thrown);
      if (this.signal.aborted || error.code === 'data.disk') throw error;
      this.log.error({ seq: entry.seq, type: entry.fact.type, error: error.toJSON() }, 'the fact could not be handled');
    }
  }

  #next(): Promise<SequencedFact[]> {
    return this.signal.aborted ? Promise.resolve([]) : this.archive.facts(this.consumer, 200);
  }

  /**
   * Tries until `attempt` resolves or fails with what cannot be mended by trying again.
   * @param onRetry told before each wait
   * @param again which failures may be mended by trying again; `mayRetry` when absent
   */
  protected async persist<T>(
    attempt: () => Promise<T>,
    onRetry: (error: ScannerError, waitMs: number) => void,
    again: (error: ScannerError) => boolean = mayRetry,
  ): Promise<T> {
    for (let waitMs = this.#backoff.firstMs; ; waitMs = Math.min(2 * waitMs, this.#backoff.lastMs)) {
      try {
        this.signal.throwIfAborted();
        return await attempt();
      } catch (thrown) {
        const error = asScannerError(thrown);
        if (this.signal.aborted || !again(error)) throw error;
        onRetry(error, waitMs);
        await sleep(this.clock.wall, waitMs, this.signal);
      }
    }
  }
}
