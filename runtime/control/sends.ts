/** Send jobs: started by users, ended examinations and rules, kept over restarts, and what people are told of them. */

import type { Clock } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Running } from '../../machines/running.js';
import type { SendOutput } from '../../machines/send.types.js';
import type { Supervisor } from '../../machines/supervisor.js';
import type { Archive, Delivery } from '../archive/archive.js';
import { TurnByKey } from '../archive/turn-by-key.js';
import { hexStatus } from '../dicom/dimse/status.js';
import type { Destination, SendStep } from '../network/sending.js';
import { sentAs } from '../network/sending-answers.js';
import type { ServiceEvent } from '../service/operations.js';
import type { SendDetail, SendJob, SendOrigin, SendState } from '../service/send-methods.js';

export interface SendsOptions {
  supervisor: Supervisor;
  archive: Archive;
  destinations: readonly Destination[];
  sendAttempts: number;
  clock: Clock;
  log: Log;
  tell(event: ServiceEvent): void;
}

interface JobRecord {
  sendId: string;
  node: string;
  origin: SendOrigin;
  instances: string[];
  /** Wall ms since the epoch. */
  at: number;
  end?: SendOutput & { at: number };
}

interface Job {
  record: JobRecord;
  /** Answers so far: sent or failed. */
  answers: Map<string, boolean>;
  sent: number;
  failed: number;
  /** Why instances failed, of this process. */
  reasons: Map<string, string>;
  started: boolean;
  /** Its end, before all that was answered is on record. */
  outcome?: SendOutput['outcome'];
  /** Resolves when the association of its last batch is gone and what was answered is on record. */
  over: Promise<void>;
  toldAt: number;
  done: Promise<SendOutput>;
}

const OWNER = 'send';
/** Ended jobs that are remembered. */
const KEPT = 200;
/** Instances in a job. */
const MAX_INSTANCES = 100_000;
/** The machine asks again only when the transaction's own end has been lost. */
const COMMITMENT_MARGIN_MS = 15 * 60_000;
const TELL_EVERY_MS = 100;

/** States of the send machine, as people know them. */
const STATES: Readonly<Record<string, SendState>> = {
  backingOff: 'retrying',
  awaitingCommitment: 'committing',
  hearing: 'committing',
  listening: 'committing',
};

export class Sends {
  readonly #options: SendsOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #turns = new TurnByKey();

  constructor(options: SendsOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier process left: `restored` go on by themselves, others begin. */
  async takeUp(restored: readonly Running<SendOutput>[]): Promise<void> {
    const running = new Map(restored.map((send) => [send.id, send]));
    const kept = await this.#options.archive.states<JobRecord>(OWNER);
    for (const { value: record } of kept.sort((a, b) => a.value.at - b.value.at)) {
      if (record.end) this.#remember(record, Promise.resolve(record.end));
      else this.#tellTakenUp(await this.#follow(record, running.get(record.sendId) ?? this.#run(record)));
    }
  }

  /**
   * Starts a job; the one that there is when it has the same ID.
   * @throws ScannerError operator.unknown for a node that takes no objects, limit.size
   */
  start(job: { sendId: string; node: string; instances: readonly string[]; origin: SendOrigin }): Promise<SendOutput> {
    return this.begin(job).then(({ done }) => done);
  }

  /** As `start`, but resolves when the job is durable. */
  async begin(job: { sendId: string; node: string; instances: readonly string[]; origin: SendOrigin }): Promise<Job> {
    this.#destination(job.node);
    if (job.instances.length > MAX_INSTANCES) {
      throw new ScannerError('limit.size', { what: 'instances', value: job.instances.length, max: MAX_INSTANCES });
    }
    return this.#turns.run(job.sendId, async () => {
      const known = this.#jobs.get(job.sendId);
      if (known) return known;
      const { archive, clock } = this.#options;
      const record: JobRecord = { ...job, instances: [...new Set(job.instances)], at: clock.wall.now() };
      await archive.saveState(OWNER, record.sendId, record);
      return this.#follow(record, this.#run(record));
    });
  }

  list(): SendJob[] {
    return [...this.#jobs.values()].map((job) => this.#report(job));
  }

  /** @throws ScannerError operator.unknown */
  async get(sendId: string): Promise<SendDetail> {
    const job = this.#find(sendId);
    const { instances } = job.record;
    const ours = new Map((await this.#answers(job.record)).map((one) => [one.sopInstanceUid, one]));
    return {
      ...this.#report(job),
      instances: instances.map((sopInstanceUid) => {
        const answer = ours.get(sopInstanceUid);
        const status = answer?.status ?? job.record.end?.refused.find(({ uid }) => uid === sopInstanceUid)?.status;
        return {
          sopInstanceUid,
          state: answer?.sent ?? (status === undefined ? 'waiting' : 'failed'),
          ...(status !== undefined && { status: hexStatus(status) }),
          ...(job.reasons.has(sopInstanceUid) && { reason: job.reasons.get(sopInstanceUid) }),
          commitment: answer?.commitment ?? 'none',
        };
      }),
    };
  }

  /** Resolves when the job has ended. @throws ScannerError operator.unknown, timeout.aborted */
  async ended(sendId: string, signal: AbortSignal): Promise<SendJob> {
    const job = this.#find(sendId);
    await new Promise<void>((resolve, reject) => {
      const leave = () => reject(new ScannerError('timeout.aborted', { what: 'waiting' }));
      signal.addEventListener('abort', leave, { once: true });
      job.done.then(() => resolve(), reject).finally(() => signal.removeEventListener('abort', leave));
    });
    return this.#report(job);
  }

  /** @throws ScannerError operator.unknown, operator.state when it has ended */
  cancel(sendId: string): void {
    const { record } = this.#find(sendId);
    if (record.end) {
      const state = `the job is ${record.end.outcome}`;
      throw new ScannerError('operator.state', { command: 'send.cancel', state, expected: 'a job under way' });
    }
    this.#options.supervisor.cancelSend(sendId);
  }

  /** It is the job's turn at its node. */
  started(sendId: string, over: Promise<void>): void {
    const job = this.#jobs.get(sendId);
    if (!job) return;
    job.started = true;
    job.over = over;
    this.#tell(job);
  }

  step({ sendId, sopInstanceUid, sent, reason }: SendStep): void {
    const job = this.#jobs.get(sendId);
    if (!job) return;
    note(job, sopInstanceUid, sent);
    if (reason) job.reasons.set(sopInstanceUid, reason);
    if (this.#options.clock.wall.now() - job.toldAt >= TELL_EVERY_MS) this.#tell(job);
  }

  #run({ sendId, node, instances, at }: JobRecord): Running<SendOutput> {
    const { supervisor, sendAttempts: attemptLimit, destinations } = this.#options;
    const commitment = destinations.find(({ name }) => name === node)?.commitment;
    const commitmentLimitMs = (commitment?.openMs ?? 0) + COMMITMENT_MARGIN_MS;
    const limits = { commitmentLimitMs, attemptLimit };
    return supervisor.startSend({
      ...limits,
      ...{ sendId, node, instances, commitment: commitment !== undefined, since: at },
    });
  }

  #tellTakenUp({ record: { sendId, node, instances }, sent, failed }: Job): void {
    const message = 'send job of an earlier process goes on; what it was sending at its end may arrive twice';
    this.#options.log.warn({ sendId, node, sent, failed, total: instances.length }, message);
  }

  async #follow(record: JobRecord, running: Running<SendOutput>): Promise<Job> {
    const done = running.done.then((output) => this.#end(record, output));
    done.catch((thrown) => {
      const error = asScannerError(thrown);
      // stopped with the process: the next start takes it up
      if (error.code !== 'timeout.aborted')
        this.#options.log.error({ error: error.toJSON() }, 'send job not concluded');
    });
    const job = this.#remember(record, done);
    for (const { sopInstanceUid, sent } of await this.#answers(record)) note(job, sopInstanceUid, sent === 'sent');
    this.#tell(job);
    return job;
  }

  /** What the node has answered to this job, not to earlier ones. */
  async #answers({ node, instances, at }: JobRecord): Promise<Delivery[]> {
    const deliveries = await this.#options.archive.deliveries({ node, sopInstanceUids: instances });
    return deliveries.filter((delivery) => delivery.at >= at);
  }

  #remember(record: JobRecord, done: Promise<SendOutput>): Job {
    const counts = { sent: record.end?.acknowledged.length ?? 0, failed: record.end?.refused.length ?? 0 };
    const state = { answers: new Map(), reasons: new Map(), started: false, over: Promise.resolve(), toldAt: 0 };
    const job: Job = { record, ...counts, ...state, done };
    this.#jobs.set(record.sendId, job);
    return job;
  }

  async #end(record: JobRecord, output: SendOutput): Promise<SendOutput> {
    const { archive, clock } = this.#options;
    const job = this.#jobs.get(record.sendId)!;
    job.outcome = output.outcome;
    await job.over;
    record.end = { ...output, at: clock.wall.now() };
    if (output.outcome === 'cancelled') {
      // the machine has left before the last answers were on record
      const sent = (await this.#answers(record)).filter((answer) => answer.sent === 'sent');
      record.end.acknowledged = sent.map(({ sopInstanceUid }) => sopInstanceUid);
    }
    await archive.saveState(OWNER, record.sendId, record);
    await sentAs.forget(archive, record.sendId);
    job.sent = record.end.acknowledged.length;
    job.failed = record.end.refused.length;
    job.answers.clear();
    this.#tell(job);
    await this.#forgetOld();
    return record.end;
  }

  async #forgetOld(): Promise<void> {
    const ended = [...this.#jobs.values()].filter(({ record }) => record.end).sort((a, b) => a.record.at - b.record.at);
    for (const { record } of ended.slice(0, Math.max(0, ended.length - KEPT))) {
      this.#jobs.delete(record.sendId);
      await this.#options.archive.removeState(OWNER, record.sendId);
    }
  }

  #report({ record, sent, failed, started, outcome }: Job): SendJob {
    const { sendId, node, origin, instances, at, end } = record;
    const machine = this.#options.supervisor.snapshot.sends.find((one) => one.sendId === sendId)?.state ?? 'queued';
    const state =
      outcome ?? end?.outcome ?? STATES[machine] ?? (machine === 'sending' && started ? 'sending' : 'waiting');
    const asked = this.#options.destinations.find(({ name }) => name === node)?.commitment;
    return {
      ...{ sendId, node, origin, state, at, total: instances.length, sent, failed },
      ...(asked && end && { committed: end.committed.length }),
      ...(end && { endedAt: end.at }),
      ...(end?.error && { error: end.error.message }),
    };
  }

  #tell(job: Job): void {
    job.toldAt = this.#options.clock.wall.now();
    const { sendId, node, state, sent, failed, total } = this.#report(job);
    this.#options.tell({ type: 'send', sendId, node, state, sent, failed, total });
  }

  #find(sendId: string): Job {
    const job = this.#jobs.get(sendId);
    if (job) return job;
    const known = [...this.#jobs.keys()].slice(-10).join(', ') || 'none';
    throw new ScannerError('operator.unknown', { what: 'send job', name: sendId, known });
  }

  #destination(name: string): Destination {
    const { destinations } = this.#options;
    const found = destinations.find((node) => node.name === name);
    if (found) return found;
    const known = destinations.map((node) => node.name).join(', ') || 'none';
    throw new ScannerError('operator.unknown', { what: 'node with the service storage', name, known });
  }
}

/** An answer, also one that is known already. */
function note(job: Job, sopInstanceUid: string, sent: boolean): void {
  const before = job.answers.get(sopInstanceUid);
  if (before !== undefined) job[before ? 'sent' : 'failed'] -= 1;
  job.answers.set(sopInstanceUid, sent);
  job[sent ? 'sent' : 'failed'] += 1;
}
