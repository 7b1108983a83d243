/** Storage commitment asked of other nodes: open transactions, kept over restarts, and what becomes of them. 3.3 of the statement. */

import { sleep, type TimerHandle } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Fact } from '../archive/fact.js';
import { TurnByKey } from '../archive/turn-by-key.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { CommitmentResult } from '../dicom/services/commitment-dataset.js';
import { CommitmentScu } from '../dicom/services/commitment-scu.js';
import type { Service } from '../dicom/services/server.js';
import { type AskedInstance, type Judgement, judge } from './commitment-judgement.js';
import type { CommitmentDeskOptions, CommitmentEnd, Transaction } from './commitment-transaction.js';
import { DEFAULT_BACKOFF, mayRetry } from './worker.js';

export type { CommitmentEnd, CommittingNode } from './commitment-transaction.js';

interface Open {
  transaction: Transaction;
  arrived: Promise<void>;
  arrive(): void;
  timer?: TimerHandle;
}

const OWNER = 'commitment';

export class CommitmentDesk {
  readonly #options: CommitmentDeskOptions;
  readonly #scu: CommitmentScu;
  readonly #open = new Map<string, Open>();
  /** Of ended ones only their end: a job that is taken up again, or a result that comes twice, asks for it. */
  readonly #ended = new Map<string, CommitmentEnd>();
  readonly #turns = new TurnByKey();
  readonly #timers = new Set<TimerHandle>();
  readonly #asking = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #listener: (end: CommitmentEnd) => void = () => {};

  constructor(options: CommitmentDeskOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#scu = new CommitmentScu({ clock, log, onUnclaimed: (result) => this.#claim(result) });
  }

  /** Receives results on associations that nodes open. */
  service(): Service {
    return this.#scu.service();
  }

  /** Told when a transaction has ended. */
  onEnd(listener: (end: CommitmentEnd) => void): void {
    this.#listener = listener;
  }

  /** Transactions without a result. */
  get pending(): number {
    return this.#open.size;
  }

  /** Takes up what an earlier process left open. */
  async start(): Promise<void> {
    for (const { value } of await this.#options.archive.states<Transaction>(OWNER)) {
      if (value.end) this.#keepEnded(value, value.end);
      else if (value.phase === 'asking') this.#ask(this.#watch(value));
      else this.#watch(value);
    }
  }

  /** What is open stays open for the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) timer.cancel();
    for (const { timer, arrive } of this.#open.values()) {
      timer?.cancel();
      arrive();
    }
    await Promise.all(this.#asking);
  }

  /**
   * Asks `node` to commit to what a job has sent it; once for a job, however often it is called. Resolves when the transaction is durable.
   * @throws ScannerError operator.unknown for a node that is not asked, data.disk
   */
  request(sendId: string, name: string, instances: readonly AskedInstance[]): Promise<void> {
    return this.#turns.run(sendId, async () => {
      const ended = [...this.#ended.values()].find((end) => end.sendId === sendId);
      if (ended) return this.#listener(ended);
      if ([...this.#open.values()].some(({ transaction }) => transaction.sendId === sendId)) return;
      const { archive, clock, nodes } = this.#options;
      const node = nodes.find((one) => one.name === name);
      if (!node)
        throw new ScannerError('operator.unknown', {
          what: 'node that commits',
          name,
          known: nodes.map((one) => one.name).join(', '),
        });
      const askedAt = clock.wall.now();
      const transaction: Transaction = {
        transactionUid: makeUid(),
        sendId,
        node: node.name,
        instances: [...instances],
        askedAt,
        expiresAt: askedAt + node.commitment.openMs,
        phase: 'asking',
      };
      await archive.saveState(OWNER, transaction.transactionUid, transaction);
      await this.#flagPending(transaction);
      this.#ask(this.#watch(transaction));
    });
  }

  #watch(transaction: Transaction): Open {
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const open: Open = { transaction, arrived, arrive };
    const { clock } = this.#options;
    const left = Math.max(0, transaction.expiresAt - clock.wall.now());
    open.timer = clock.wall.after(left, () => void this.#expire(transaction));
    this.#open.set(transaction.transactionUid, open);
    return open;
  }

  #ask(open: Open): void {
    const asking = this.#askNow(open).catch((error) => this.#troubled(open.transaction, error));
    this.#asking.add(asking);
    void asking.then(() => this.#asking.delete(asking));
  }

  /** Until the node has accepted the request, refused it, or the time is over. */
  async #askNow({ transaction, arrived }: Open): Promise<void> {
    const { nodes, callingAe, clock, log, backoff = DEFAULT_BACKOFF } = this.#options;
    const node = nodes.find(({ name }) => name === transaction.node);
    if (!node) return this.#giveUp(transaction, `the configuration has no node ${transaction.node} to ask any more`);
    const instances = transaction.instances.map(({ sopClassUid, sopInstanceUid, sentAs }) => ({
      sopClassUid,
      sopInstanceUid: sentAs ?? sopInstanceUid,
    }));
    const { signal } = this.#stop;
    for (let waitMs = backoff.firstMs; ; waitMs = Math.min(2 * waitMs, backoff.lastMs)) {
      const left = transaction.expiresAt - clock.wall.now();
      if (left <= 0 || signal.aborted || !this.#open.has(transaction.transactionUid)) return;
      const keepOpenMs = node.commitment.association === 'same' ? left : 0;
      const { transactionUid } = transaction;
      try {
        const request = { node, callingAe, clock, log, signal, instances, transactionUid, keepOpenMs };
        const { closed } = await this.#scu.ask(request, arrived);
        await this.#turns.run(transactionUid, () => this.#accepted(transaction));
        return await closed;
      } catch (thrown) {
        const error = asScannerError(thrown);
        if (signal.aborted) return;
        log.warn({ node: node.name, transactionUid, error: error.message }, 'commitment could not be asked for');
        if (!mayRetry(error)) return this.#giveUp(transaction, error.message);
        await sleep(clock.wall, Math.min(waitMs, left), signal).catch(() => undefined);
      }
    }
  }

  async #accepted(transaction: Transaction): Promise<void> {
    if (transaction.phase !== 'asking') return; // its result was faster
    transaction.phase = 'waiting';
    await this.#options.archive.saveState(OWNER, transaction.transactionUid, transaction);
  }

  /** @returns false for a transaction that is unknown, or whose time is over */
  #claim(result: CommitmentResult): Promise<boolean> {
    const { archive, log } = this.#options;
    return this.#turns.run(result.transactionUid, async () => {
      const { transactionUid } = result;
      const open = this.#open.get(transactionUid);
      // another host that serves this archive may have asked
      const transaction = open?.transaction ?? (await archive.loadState<Transaction>(OWNER, transactionUid));
      if (!transaction) return false;
      if (transaction.end) {
        if (transaction.end.answered) log.info({ transactionUid }, 'commitment result came again');
        return transaction.end.answered;
      }
      const judgement = judge(transaction.instances, result);
      if (judgement.strangers > 0) {
        log.warn({ transactionUid, instances: judgement.strangers }, 'commitment result names others than asked for');
      }
      await this.#end(transaction, judgement);
      return true;
    });
  }

  /** The time is over: the transaction is removed and its instances are shown as failed, 2.3.2 of the statement. */
  async #expire({ transactionUid }: Transaction): Promise<void> {
    const open = this.#open.get(transactionUid);
    if (!open || this.#stop.signal.aborted) return;
    const kept = await this.#options.archive.loadState<Transaction>(OWNER, transactionUid).catch(() => undefined);
    if (kept?.end) {
      this.#settle(open.transaction, kept, kept.end); // another host was told
      return;
    }
    const minutes = (open.transaction.expiresAt - open.transaction.askedAt) / 60_000;
    await this.#giveUp(open.transaction, `no result within ${Number(minutes.toPrecision(3))} minutes`);
  }

  async #giveUp(transaction: Transaction, cause: string): Promise<void> {
    const failed = transaction.instances.map(({ sopInstanceUid }) => ({ sopInstanceUid, reason: 0 }));
    const end = async () => {
      if (!transaction.end) await this.#end(transaction, { committed: [], failed, strangers: 0 }, cause);
    };
    await this.#turns.run(transaction.transactionUid, end).catch((error) => this.#troubled(transaction, error));
  }

  /** Flags, then facts, then the record: after a crash between them the result is claimed again, and nothing is lost. */
  async #end(
    transaction: Transaction,
    { committed, failed, retrieveAeTitle }: Judgement,
    cause?: string,
  ): Promise<void> {
    const { archive, clock } = this.#options;
    const { sendId, node, transactionUid } = transaction;
    const outcome = failed.length > 0 ? 'failed' : 'completed';
    const end: CommitmentEnd = { sendId, node, transactionUid, outcome, committed, failed, ...(cause && { cause }) };
    await this.#flag(end);
    const type = `commitment.${outcome}` as const;
    const facts: Fact[] = [{ type, node, transactionUid, sopInstanceUids: { committed, failed: failed.map(uidOf) } }];
    // what went in lossy form is there as another object: its original cannot be retrieved there
    const whole = withoutDerived(transaction, committed);
    if (retrieveAeTitle && whole.length > 0) {
      facts.push({ type: 'instances.committed', node, retrieveAeTitle, sopInstanceUids: whole });
    }
    await archive.putFacts(...facts);
    const kept = { ...transaction, phase: 'ended' as const };
    const withEnd = { ...kept, end: { ...end, at: clock.wall.now(), answered: cause === undefined } };
    await archive.saveState(OWNER, transactionUid, withEnd);
    this.#settle(transaction, withEnd, end);
  }

  #settle(transaction: Transaction, kept: Transaction, end: CommitmentEnd): void {
    transaction.phase = 'ended';
    transaction.end = kept.end;
    const open = this.#open.get(transaction.transactionUid);
    open?.timer?.cancel();
    this.#open.delete(transaction.transactionUid);
    this.#keepEnded(kept, end);
    open?.arrive();
    const { node, transactionUid, outcome, committed, failed, cause } = end;
    const counts = { node, transactionUid, committed: committed.length, failed: failed.length, cause };
    if (outcome === 'failed') this.#options.log.warn(counts, 'storage commitment failed');
    else this.#options.log.info(counts, 'storage commitment completed');
    this.#listener(end);
  }

  /** An ended transaction is known for as long as it would have been open, for results that come twice. */
  #keepEnded({ transactionUid, askedAt, expiresAt, end: kept }: Transaction, end: CommitmentEnd): void {
    const { archive, clock, log } = this.#options;
    const until = (kept?.at ?? clock.wall.now()) + (expiresAt - askedAt);
    this.#ended.set(transactionUid, end);
    const timer = clock.wall.after(Math.max(0, until - clock.wall.now()), () => {
      this.#timers.delete(timer);
      this.#ended.delete(transactionUid);
      const failed = (error: unknown) => log.warn({ error: asScannerError(error).message }, 'transaction not removed');
      archive.removeState(OWNER, transactionUid).catch(failed);
    });
    this.#timers.add(timer);
  }

  async #flagPending({ node, transactionUid, instances }: Transaction): Promise<void> {
    const flag = { commitment: 'pending' as const, transactionUid, reason: 0 };
    const results = instances.map(({ sopInstanceUid }) => ({ sopInstanceUid, ...flag }));
    await this.#options.archive.recordCommitment(node, results);
  }

  /** Flags of instances about which the node has not been asked anew meanwhile. */
  async #flag({ node, transactionUid, committed, failed }: CommitmentEnd): Promise<void> {
    const { archive } = this.#options;
    const current = await archive.deliveries({ node, transactionUid });
    const ours = new Set(current.map(({ sopInstanceUid }) => sopInstanceUid));
    const results = [
      ...committed.map((sopInstanceUid) => ({ sopInstanceUid, reason: 0, commitment: 'committed' as const })),
      ...failed.map((one) => ({ ...one, commitment: 'failed' as const })),
    ].filter(({ sopInstanceUid }) => ours.has(sopInstanceUid));
    await archive.recordCommitment(
      node,
      results.map((one) => ({ ...one, transactionUid })),
    );
  }

  /** The record could not be written: the transaction stays as it was, and its result is not acknowledged. */
  #troubled({ transactionUid }: Transaction, error: unknown): void {
    this.#options.log.error({ transactionUid, error: asScannerError(error).toJSON() }, 'commitment not kept');
  }
}

function uidOf({ sopInstanceUid }: { sopInstanceUid: string }): string {
  return sopInstanceUid;
}

function withoutDerived({ instances }: Transaction, uids: readonly string[]): string[] {
  const derived = new Set(instances.filter(({ sentAs }) => sentAs !== undefined).map(uidOf));
  return uids.filter((uid) => !derived.has(uid));
}
