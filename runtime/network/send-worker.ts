import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { Delivery, InstanceRecord, SequencedFact } from '../archive/archive.js';
import type { Fact } from '../archive/fact.js';
import type { StoreResult } from '../dicom/services/store-scu.js';
import { sopClassOf } from '../objects/modules.js';
import { CommitmentDesk, type CommitmentService } from './commitment-desk.js';
import type { SendEvent } from './send-event.js';
import { OutboxWorker, type WorkerOptions } from './worker.js';

/** Sends files over one association and tells of each. Throws ScannerError peer.* when there is none. */
export type StoreService = (
  paths: readonly string[],
  onResult: (result: StoreResult) => void,
) => Promise<StoreResult[]>;

export interface SendWorkerOptions extends WorkerOptions {
  /** The destination's AE title: names the queue and the status flags. */
  node: string;
  store: StoreService;
  /** Absent: this destination is not asked for commitment. */
  commitment?: CommitmentService;
  /** How long a commitment result may take, wall ms; an hour when absent. */
  commitmentMs?: Millisecond;
  /** `images` leaves raw data out. */
  send?: 'all' | 'images';
}

interface SendJob {
  wanted: readonly InstanceRecord[];
  sent: Set<string>;
  /** Refused for good. */
  failed: Set<string>;
}

/** Outcomes which trying again cannot mend. */
const FINAL: ReadonlySet<StoreResult['outcome']> = new Set(['refused', 'no-context', 'unreadable']);
const SENT: ReadonlySet<StoreResult['outcome']> = new Set(['stored', 'warning']);
/** Refused for want of resources: worth another attempt. PS3.4 B.2.3 */
const OUT_OF_RESOURCES = /^A7/;

/**
 * The queue of one destination: each finished series goes out, then the destination is asked to commit to it. What a peer has
 * acknowledged is recorded before the next instance goes out, and is not sent again, whatever happens to us.
 */
export class SendWorker extends OutboxWorker<SendEvent> {
  protected readonly types = new Set<Fact['type']>(['series.complete']);
  readonly #desk: CommitmentDesk | undefined;

  constructor(private readonly options: SendWorkerOptions) {
    super(`send:${options.node}`, options);
    const { commitment, node, commitmentMs } = options;
    if (!commitment) return;
    const tell = (event: SendEvent) => this.tell(event);
    this.#desk = new CommitmentDesk({
      ...options,
      log: this.log,
      node,
      service: commitment,
      tell,
      deadlineMs: commitmentMs,
    });
  }

  override start(): void {
    super.start();
    this.#desk?.resume();
  }

  override async stop(): Promise<void> {
    const stopped = super.stop();
    await this.#desk?.stop();
    await stopped;
  }

  /** Resolves when nothing is to be sent and no commitment is awaited. */
  override async settled(): Promise<void> {
    await super.settled();
    await this.#desk?.settled();
  }

  /**
   * Sends what the node has not acknowledged of a series, then asks it to commit. Also by hand, beside the queue.
   * @param again sends also what it has acknowledged before
   */
  async sendSeries(seriesInstanceUid: string, again = false): Promise<void> {
    const { node } = this.options;
    const wanted = (await this.archive.instances({ seriesInstanceUid })).filter((instance) => this.#wants(instance));
    this.tell({ type: 'send.started', node, seriesInstanceUid, instances: wanted.length });
    const flags = await this.#flags(wanted);
    const acknowledged = again ? [] : flags.filter((flag) => flag.sent === 'sent').map((flag) => flag.sopInstanceUid);
    const job: SendJob = { wanted, sent: new Set(acknowledged), failed: new Set() };
    while (openOf(job).length > 0) {
      await this.persist(
        () => this.#sendOnce(job),
        (error, waitMs) => {
          this.log.warn({ seriesInstanceUid, waitMs, error: error.message }, 'series not sent yet');
          this.tell({ type: 'send.retrying', node, error, waitMs });
        },
      );
    }
    this.tell({ type: 'send.done', node, seriesInstanceUid, sent: job.sent.size, failed: job.failed.size });
    await this.#commit(job);
  }

  /** A commitment result that came on an association which the peer opened. @returns false when it is not one of ours */
  async takeCommitment(result: Parameters<CommitmentDesk['take']>[0]): Promise<boolean> {
    return (await this.#desk?.take(result)) ?? false;
  }

  protected async handle({ fact }: SequencedFact): Promise<void> {
    if (fact.type !== 'series.complete') return;
    const { seriesInstanceUid } = fact.series;
    try {
      await this.sendSeries(seriesInstanceUid);
    } catch (thrown) {
      const error = asScannerError(thrown);
      if (!this.signal.aborted) this.tell({ type: 'send.failed', node: this.options.node, seriesInstanceUid, error });
      throw error;
    }
  }

  #wants(instance: InstanceRecord): boolean {
    return this.options.send !== 'images' || instance.sopClassUid !== sopClassOf('csa');
  }

  async #flags(wanted: readonly InstanceRecord[]): Promise<Delivery[]> {
    const sopInstanceUids = wanted.map((instance) => instance.sopInstanceUid);
    return this.archive.deliveries({ node: this.options.node, sopInstanceUids });
  }

  /** Asks for commitment of what has none and is not awaited already. */
  async #commit({ wanted, sent }: SendJob): Promise<void> {
    if (!this.#desk) return;
    const held = new Set(['pending', 'committed']);
    const flags = await this.#flags(wanted);
    const settled = new Set(flags.filter((flag) => held.has(flag.commitment)).map((flag) => flag.sopInstanceUid));
    const open = wanted.filter(({ sopInstanceUid }) => sent.has(sopInstanceUid) && !settled.has(sopInstanceUid));
    await this.#desk.commit(open.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid })));
  }

  /**
   * One association. A refused instance ends it; the others get another.
   * @throws ScannerError peer.* which `persist` tries again
   */
  async #sendOnce(job: SendJob): Promise<void> {
    const uids = new Map(openOf(job).map((instance) => [instance.file, instance.sopInstanceUid]));
    const before = uids.size;
    const recorded: Promise<void>[] = [];
    let results: StoreResult[];
    try {
      results = await this.options.store([...uids.keys()], (result) => {
        recorded.push(this.#settle(job, uids.get(result.path)!, result));
      });
    } finally {
      await Promise.all(recorded);
    }
    const stopped = results.find((result) => result.outcome === 'unsent' || result.outcome === 'refused');
    if (!stopped || openOf(job).length < before) return;
    const { node } = this.options;
    const cause = stopped.error ?? new ScannerError('peer.aborted', { node, reason: 'nothing was sent' });
    if (cause.code !== 'peer.status') throw cause;
    // out of resources: later may do, as with a peer that is away
    throw new ScannerError('peer.aborted', { node, reason: cause.message }, cause);
  }

  /** Records what became of an instance, before the next goes out. What another attempt may mend is left open. */
  async #settle(job: SendJob, sopInstanceUid: string, result: StoreResult): Promise<void> {
    const lack = result.outcome === 'refused' && OUT_OF_RESOURCES.test(result.status ?? '');
    const sent = SENT.has(result.outcome);
    if (!sent && (lack || !FINAL.has(result.outcome))) return;
    (sent ? job.sent : job.failed).add(sopInstanceUid);
    await this.#record(sopInstanceUid, result);
  }

  async #record(sopInstanceUid: string, { outcome, status }: StoreResult): Promise<void> {
    const { node } = this.options;
    const sent = SENT.has(outcome) ? 'sent' : 'failed';
    await this.archive.recordDeliveries(node, [
      { sopInstanceUid, sent, status: status ? Number.parseInt(status, 16) : undefined },
    ]);
    if (sent === 'failed')
      this.log.error({ sopInstanceUid, outcome, status }, 'the destination did not take an instance');
    this.tell({ type: 'send.instance', node, sopInstanceUid, outcome, status });
  }
}

function openOf({ wanted, sent, failed }: SendJob): InstanceRecord[] {
  return wanted.filter(({ sopInstanceUid }) => !sent.has(sopInstanceUid) && !failed.has(sopInstanceUid));
}
