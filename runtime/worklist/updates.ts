import { type Clock, sleep } from '../../hal/base/clock.js';
import { asScannerError, type ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { Dataset } from '../dicom/dataset/dataset.js';
import { matches } from '../dicom/dataset/matching.js';
import type { WorklistAnswer } from './client.js';
import type { ScheduledStep, WorklistStore } from './store.js';

export interface UpdatesOptions {
  store: WorklistStore;
  /** Sends one query; resolves whatever the peer does. */
  ask(identifier: Dataset, signal: AbortSignal): Promise<WorklistAnswer>;
  /** The identifier of the broad query that the timer sends. */
  broad(): Dataset;
  /** Between two of them, ms of `clock`; 0 sends none. */
  intervalMs: Millisecond;
  /** "Automatic removal of cancelled/rescheduled Request": 3.6.2.1.1. */
  removeCancelled: boolean;
  /** The day (DA) before which entries are forgotten. */
  forgetBefore(): string;
  /** Unscaled: a hospital is no faster than it is. */
  clock: Clock;
  log: Log;
}

/** What a query made of the scheduler database. */
export interface UpdateResult {
  /** The entries that the node gave. */
  entries: ScheduledStep[];
  added: number;
  changed: number;
  removed: number;
  complete: boolean;
  /** The node does not support some optional keys: what was asked with them may not have been matched. */
  unsupportedKeys: boolean;
  /** What the user should know of it. */
  notes: string[];
}

/** After the start: devices and other services come first. */
const FIRST_MS = 3000;
/** While the node is away: doubled each time, up to the interval. */
const RETRY_MS = 15_000;

/** Keeps the scheduler database as the worklist node tells it: on request and by a timer, one query at a time. */
export class WorklistUpdates {
  readonly #options: UpdatesOptions;
  readonly #stop = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  #timer: Promise<void> = Promise.resolve();

  constructor(options: UpdatesOptions) {
    this.#options = options;
  }

  /** Sends the first broad query soon and then one each interval. */
  start(): void {
    if (this.#options.intervalMs > 0) this.#timer = this.#run();
  }

  /** Breaks off what is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#timer, this.#turn.catch(() => undefined)]);
  }

  /**
   * A broad query. Entries that it would have returned and did not are removed when that is switched on, they were all heard of,
   * and their examination has not begun.
   * @throws ScannerError peer.* when the query broke off; what came before that is kept
   */
  broad(identifier: Dataset): Promise<UpdateResult> {
    const { removeCancelled } = this.#options;
    return this.#update(identifier, (answer) =>
      removeCancelled && answer.complete ? (entry) => matches(identifier, entry.attributes) : undefined,
    );
  }

  /** A patient based query: its answers are kept as well, and nothing is removed. @throws ScannerError peer.* */
  narrow(identifier: Dataset): Promise<UpdateResult> {
    return this.#update(identifier, () => undefined);
  }

  #update(
    identifier: Dataset,
    cancelled: (answer: WorklistAnswer) => ((entry: ScheduledStep) => boolean) | undefined,
  ): Promise<UpdateResult> {
    const updating = this.#turn.then(async () => {
      const { store, ask, log, forgetBefore } = this.#options;
      const answer = await ask(identifier, this.#stop.signal);
      const { added, changed, removed } = await store.take(answer.items, cancelled(answer));
      await store.forgetBefore(forgetBefore());
      for (const { accessionNumber, stepId, studyInstanceUid } of removed) {
        log.info({ accessionNumber, stepId, studyInstanceUid }, 'scheduled step was cancelled or rescheduled');
      }
      if (answer.error) throw answer.error;
      const { complete, notes, items, unsupportedKeys } = answer;
      const asked = new Set(items.map((item) => `${item.studyInstanceUid} ${item.stepId}`));
      const entries = (await store.items()).filter((e) => asked.has(`${e.studyInstanceUid} ${e.stepId}`));
      return { entries, added, changed, removed: removed.length, complete, unsupportedKeys, notes };
    });
    this.#turn = updating.catch(() => undefined);
    return updating;
  }

  async #run(): Promise<void> {
    const { clock, intervalMs } = this.#options;
    const { signal } = this.#stop;
    let outageMs = 0;
    for (let waitMs = FIRST_MS; !signal.aborted; ) {
      await sleep(clock, waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const failed = await this.#tick(outageMs > 0);
      outageMs = failed ? Math.min(Math.max(RETRY_MS, 2 * outageMs), intervalMs) : 0;
      waitMs = failed ? outageMs : intervalMs;
    }
  }

  /** One query of the timer; a node that is away is told once, and once that it is back. @returns whether it failed */
  async #tick(away: boolean): Promise<boolean> {
    const { broad, log } = this.#options;
    try {
      const { entries, notes, added, changed, removed } = await this.broad(broad());
      if (away) log.info({ entries: entries.length }, 'the worklist node answers again');
      for (const note of notes) log.warn({ note }, 'worklist update');
      log.debug({ entries: entries.length, added, changed, removed }, 'worklist updated');
      return false;
    } catch (thrown) {
      const error: ScannerError = asScannerError(thrown);
      const fields = { code: error.code, message: error.message };
      if (away || this.#stop.signal.aborted) log.debug(fields, 'the worklist node is still away');
      else log.warn(fields, 'worklist not updated; the entries at hand stay');
      return true;
    }
  }
}
