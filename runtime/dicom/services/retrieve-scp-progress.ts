import type { Clock } from '../../../hal/base/clock.js';
import { type Dataset, dataset } from '../dataset/dataset.js';
import type { Command } from '../dimse/command.js';
import type { Reply } from '../dimse/performer.js';
import { QUERY_STATUS } from './query-scp-model.js';
import type { StoreResult } from './store-sending.js';

/** Sub-operations between two pending responses, and the longest time between them. */
const PENDING_EVERY = 10;
const PENDING_MS = 1000;
/** The counters have 16 bits: PS3.7 E.1. */
export const MAX_SUBOPERATIONS = 0xffff;

type Outcome = 'completed' | 'failed' | 'warning';

const OUTCOMES: Readonly<Record<StoreResult['outcome'], Outcome>> = {
  stored: 'completed',
  warning: 'warning',
  refused: 'failed',
  'no-context': 'failed',
  unreadable: 'failed',
  unsent: 'failed',
};

/** The sub-operations of one C-MOVE or C-GET, counted. */
export class Progress {
  readonly #left: Set<string>;
  readonly #total: number;
  readonly #failed: string[] = [];
  readonly #clock: Clock;
  #completed = 0;
  #warnings = 0;
  #firstFailure: string | undefined;
  #told = 0;
  #toldAt: number;
  #wake = () => {};

  constructor(sopInstanceUids: readonly string[], clock: Clock) {
    this.#left = new Set(sopInstanceUids);
    this.#total = this.#left.size;
    this.#clock = clock.wall;
    this.#toldAt = this.#clock.now();
  }

  settle(sopInstanceUid: string, result: Pick<StoreResult, 'outcome' | 'error'>): void {
    if (!this.#left.delete(sopInstanceUid)) return;
    const outcome = OUTCOMES[result.outcome];
    if (outcome === 'completed') this.#completed++;
    else if (outcome === 'warning') this.#warnings++;
    else {
      this.#failed.push(sopInstanceUid);
      this.#firstFailure ??= result.error?.message ?? result.outcome;
    }
    if (this.#isDue()) this.#wake();
  }

  /** Counts what is left as failed: the destination cannot be had. */
  failRest(reason: string): void {
    this.#firstFailure ??= reason;
    this.#failed.push(...this.#left);
    this.#left.clear();
  }

  /** A pending response when the peer should hear of the progress. */
  *due(): Generator<Reply> {
    if (this.#isDue()) yield this.pending();
  }

  /** A pending response now. */
  pending(): Reply {
    this.#told = this.#total - this.#left.size;
    this.#toldAt = this.#clock.now();
    return { status: QUERY_STATUS.pending, fields: this.#counters(true) };
  }

  /** Pending responses until `work` ends, at least one a second. */
  async *while(work: Promise<void>): AsyncGenerator<Reply> {
    let working = true;
    const ended = work.finally(() => (working = false));
    while (working) {
      const moved = new Promise<void>((resolve) => (this.#wake = resolve));
      const tick = this.#clock.after(PENDING_MS, () => this.#wake());
      if (!this.#isDue()) await Promise.race([ended, moved]);
      tick.cancel();
      if (working) yield this.pending();
    }
    await ended;
  }

  /** The final response: tables 29 and 31 of the statement. Nothing but failures is refused, as PS3.4 C.4.2.3.1 has it. */
  final(cancelled: boolean): Reply {
    const dataset = this.#failed.length > 0 ? failedList(this.#failed) : undefined;
    const status = this.#finalStatus(cancelled);
    const comment = this.#firstFailure && `${this.#failed.length} of ${this.#total} failed: ${this.#firstFailure}`;
    return { status, dataset, comment, fields: this.#counters(status === QUERY_STATUS.cancel) };
  }

  #finalStatus(cancelled: boolean): number {
    if (cancelled && this.#left.size > 0) return QUERY_STATUS.cancel;
    if (this.#total > 0 && this.#failed.length === this.#total) return QUERY_STATUS.cannotPerform;
    return this.#failed.length + this.#warnings > 0 ? QUERY_STATUS.someFailed : QUERY_STATUS.success;
  }

  #isDue(): boolean {
    const settled = this.#total - this.#left.size;
    return settled - this.#told >= PENDING_EVERY || this.#clock.now() - this.#toldAt >= PENDING_MS;
  }

  #counters(withRemaining: boolean): Partial<Command> {
    return {
      ...(withRemaining ? { NumberOfRemainingSuboperations: this.#left.size } : {}),
      NumberOfCompletedSuboperations: this.#completed,
      NumberOfFailedSuboperations: this.#failed.length,
      NumberOfWarningSuboperations: this.#warnings,
    };
  }
}

function failedList(sopInstanceUids: readonly string[]): Dataset {
  return dataset({ FailedSOPInstanceUIDList: [...sopInstanceUids] });
}
