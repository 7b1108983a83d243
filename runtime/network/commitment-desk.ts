import { type Clock, sleep } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { Archive, CommitmentResult as CommitmentFlag } from '../archive/archive.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { CommitmentResult, InstanceRef } from '../dicom/services/commitment-scu.js';
import type { SendEvent } from './send-event.js';
import { type Backoff, DEFAULT_BACKOFF, mayRetry } from './worker.js';

/**
 * Asks for commitment and waits for the result, which may come on any association.
 * @throws ScannerError peer.* ; peer.timeout when no result comes within `deadlineMs`
 */
export interface CommitmentService {
  request(request: {
    instances: readonly InstanceRef[];
    transactionUid: string;
    deadlineMs: Millisecond;
    signal: AbortSignal;
  }): Promise<CommitmentResult>;
}

export interface CommitmentDeskOptions {
  archive: Archive;
  clock: Clock;
  log: Log;
  node: string;
  service: CommitmentService;
  tell(event: SendEvent): void;
  deadlineMs?: Millisecond;
  backoff?: Backoff;
}

/** A transaction whose result is awaited; kept in the archive. */
interface Transaction {
  instances: readonly InstanceRef[];
  requestedAt: Millisecond;
}

const DEFAULT_DEADLINE_MS = 3_600_000;

/** Storage commitment of one destination: any number of transactions at a time, each ending in status flags. */
export class CommitmentDesk {
  readonly #options: CommitmentDeskOptions;
  readonly #owner: string;
  readonly #running = new Set<Promise<void>>();
  #stop = new AbortController();

  constructor(options: CommitmentDeskOptions) {
    this.#options = options;
    this.#owner = `commitment:${options.node}`;
  }

  /** Asks again, in new transactions, for what an earlier process was waiting for: its results may have been lost with it. */
  resume(): void {
    this.#stop = new AbortController();
    this.#track(this.#resume());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Makes a durable transaction of the instances; its request and result follow by themselves. */
  async commit(instances: readonly InstanceRef[]): Promise<void> {
    if (instances.length === 0) return;
    const { archive, clock } = this.#options;
    const transactionUid = makeUid();
    const transaction: Transaction = { instances, requestedAt: clock.now() };
    await archive.saveState(this.#owner, transactionUid, transaction);
    await this.#flag(transactionUid, instances, 'pending');
    this.#track(this.#run(transactionUid, transaction));
  }

  /** Takes a result. @returns false when no such transaction is open here */
  async take(result: CommitmentResult): Promise<boolean> {
    const { archive, node, tell } = this.#options;
    const { transactionUid, committed, failed } = result;
    const transaction = await archive.loadState<Transaction>(this.#owner, transactionUid);
    if (!transaction) return false;
    const said = new Map(failed.map((ref) => [ref.sopInstanceUid, Number.parseInt(ref.reason, 16)]));
    const good = new Set(committed.map((ref) => ref.sopInstanceUid));
    const flags = transaction.instances.map(({ sopInstanceUid }): CommitmentFlag => {
      const commitment = good.has(sopInstanceUid) && !said.has(sopInstanceUid) ? 'committed' : 'failed';
      return { sopInstanceUid, commitment, transactionUid, reason: said.get(sopInstanceUid) ?? 0 };
    });
    await archive.recordCommitment(node, flags);
    await archive.removeState(this.#owner, transactionUid);
    const bad = flags.filter((flag) => flag.commitment === 'failed').length;
    if (bad === 0) tell({ type: 'commitment.done', node, transactionUid, instances: flags.length });
    else tell({ type: 'commitment.failed', node, transactionUid, instances: bad, reason: 'complete, failures exist' });
    return true;
  }

  async #resume(): Promise<void> {
    const { archive } = this.#options;
    for (const { key, value } of await archive.states<Transaction>(this.#owner)) {
      await this.commit(value.instances);
      await archive.removeState(this.#owner, key);
    }
  }

  async #run(transactionUid: string, { instances }: Transaction): Promise<void> {
    const { service, tell, node, deadlineMs = DEFAULT_DEADLINE_MS, archive, log } = this.#options;
    tell({ type: 'commitment.requested', node, transactionUid, instances: instances.length });
    try {
      const { signal } = this.#stop;
      await this.take(
        await this.#ask(() => service.request({ instances, transactionUid, deadlineMs, signal }), deadlineMs),
      );
    } catch (thrown) {
      if (this.#stop.signal.aborted) return; // stays open for the next start
      // it may have come on another association in the meantime
      if (!(await archive.loadState(this.#owner, transactionUid))) return;
      const reason = asScannerError(thrown).message;
      log.error({ transactionUid, reason }, 'storage commitment failed');
      await this.#flag(transactionUid, instances, 'failed');
      await archive.removeState(this.#owner, transactionUid);
      tell({ type: 'commitment.failed', node, transactionUid, instances: instances.length, reason });
    }
  }

  /** Asks until the peer answers or the deadline has passed. */
  async #ask(request: () => Promise<CommitmentResult>, deadlineMs: Millisecond): Promise<CommitmentResult> {
    const { wall } = this.#options.clock;
    const backoff = this.#options.backoff ?? DEFAULT_BACKOFF;
    const until = wall.now() + deadlineMs;
    for (let waitMs = backoff.firstMs; ; waitMs = Math.min(2 * waitMs, backoff.lastMs)) {
      try {
        return await request();
      } catch (thrown) {
        const error = asScannerError(thrown);
        const late = wall.now() + waitMs > until || error.code === 'peer.timeout';
        if (this.#stop.signal.aborted || late || !mayRetry(error)) throw error;
        await sleep(wall, waitMs, this.#stop.signal);
      }
    }
  }

  #flag(transactionUid: string, instances: readonly InstanceRef[], commitment: 'pending' | 'failed'): Promise<void> {
    const { archive, node } = this.#options;
    return archive.recordCommitment(
      node,
      instances.map(({ sopInstanceUid }) => ({ sopInstanceUid, commitment, transactionUid, reason: 0 })),
    );
  }

  #track(work: Promise<void>): void {
    const own = work
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#options.log.error({ error: asScannerError(error).toJSON() }, 'commitment stopped');
      })
      .finally(() => this.#running.delete(own));
    this.#running.add(own);
  }
}
