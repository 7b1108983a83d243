/** Reconstruction and send jobs under way. Reconstructions run one at a time: each takes all cores and much memory. */

import { ScannerError } from '../hal/base/errors.js';
import type { ReconstructInput } from './exam.types.js';
import { type MachineRecord, restore } from './persist.js';
import type {
  ReconstructionContext,
  ReconstructionInput,
  ReconstructionOutput,
  reconstructionMachine,
} from './reconstruction.js';
import { errorOf, type Kept, type Running, run, type Surroundings } from './running.js';
import type { sendMachine } from './send.js';
import type { SendContext, SendInput, SendOutput } from './send.types.js';
import { provideReconstruction, provideSend, type ReconstructionTasks, type SendTasks } from './tasks.js';
import { type Json, stateName } from './types.js';

export interface ReconstructionStatus {
  jobId: string;
  state: string;
  progress: number;
}

export interface SendStatus {
  sendId: string;
  node: string;
  state: string;
  acknowledged: number;
  instances: number;
}

export type Forget = (machine: string, id: string) => Promise<void>;

export class Jobs {
  readonly #surroundings: Surroundings;
  readonly #forget: Forget;
  readonly #reconstruction: typeof reconstructionMachine;
  readonly #send: typeof sendMachine;
  readonly #reconstructions = new Map<string, Kept<typeof reconstructionMachine>>();
  readonly #sends = new Map<string, Kept<typeof sendMachine>>();
  /** Records of jobs whose exam will ask for them again. */
  readonly #left = new Map<string, MachineRecord>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(tasks: ReconstructionTasks & SendTasks, surroundings: Surroundings, forget: Forget) {
    this.#surroundings = surroundings;
    this.#forget = forget;
    this.#reconstruction = provideReconstruction(tasks);
    this.#send = provideSend(tasks);
  }

  get reconstructions(): ReconstructionStatus[] {
    return [...this.#reconstructions.values()].map(({ id, actor }) => {
      const { value, context } = actor.getSnapshot();
      return { jobId: id, state: stateName(value), progress: context.progress };
    });
  }

  get sends(): SendStatus[] {
    return [...this.#sends.values()].map(({ id, actor }) => {
      const { value, context } = actor.getSnapshot();
      const { node, acknowledged, instances } = context;
      return {
        sendId: id,
        node,
        state: stateName(value),
        acknowledged: acknowledged.length,
        instances: instances.length,
      };
    });
  }

  /** Takes up jobs of their own; those of `examId` wait until that exam asks for them. */
  restoreReconstructions(records: readonly MachineRecord[], examId: string | undefined): void {
    for (const record of records) {
      const recovered = restore<ReconstructionContext>(record, 'reconstruction');
      const { jobId, rangeId, kind } = recovered.context;
      if (recovered.context.examId === examId) this.#left.set(jobId, record);
      else this.startReconstruction({ jobId, examId: recovered.context.examId, rangeId, kind, recovered });
    }
  }

  /** The `reconstruct` task of the exam machine. @throws ScannerError the job's own, or timeout.aborted */
  async reconstruct({ examId, rangeId, kind }: ReconstructInput, signal: AbortSignal): Promise<Json> {
    const jobId = `${examId}:${rangeId}`;
    const record = this.#left.get(jobId);
    this.#left.delete(jobId);
    const recovered = record && restore<ReconstructionContext>(record, 'reconstruction');
    const job = this.startReconstruction({ jobId, examId, rangeId, kind, recovered });
    const cancel = () => this.cancelReconstruction(jobId);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const output = await job.done;
      if (output.outcome === 'done') return output.result;
      throw output.error
        ? errorOf(output.error)
        : new ScannerError('timeout.aborted', { what: `reconstruction ${jobId}` });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Queues a job behind those under way. */
  startReconstruction(input: ReconstructionInput): Running<ReconstructionOutput> {
    const what = { machine: 'reconstruction', id: input.jobId, ignore: ['progress'] };
    const job = run(this.#reconstruction, input, what, this.#surroundings);
    this.#reconstructions.set(job.id, job);
    this.#turn = this.#turn.then(async () => {
      await inQueue(job);
      job.actor.send({ type: 'START' });
      await job.done.catch(() => {});
    });
    void this.#end(job, this.#reconstructions);
    return job;
  }

  cancelReconstruction(jobId: string): void {
    this.#reconstructions.get(jobId)?.actor.send({ type: 'CANCEL' });
  }

  startSend(input: SendInput): Running<SendOutput> {
    const job = run(this.#send, input, { machine: 'send', id: input.sendId }, this.#surroundings);
    this.#sends.set(job.id, job);
    void inQueue(job).then(() => job.actor.send({ type: 'START' }));
    void this.#end(job, this.#sends);
    return job;
  }

  restoreSend(record: MachineRecord): Running<SendOutput> {
    const recovered = restore<SendContext>(record, 'send');
    const { sendId, node, instances, commitment } = recovered.context;
    return this.startSend({ sendId, node, instances, commitment, recovered });
  }

  cancelSend(sendId: string): void {
    this.#sends.get(sendId)?.actor.send({ type: 'CANCEL' });
  }

  /** A commitment report of a node, told to every job that waits for that node's word. */
  reportCommitment(report: { node: string; committed: string[]; failed: string[] }): void {
    const { node, committed, failed } = report;
    for (const { actor } of this.#sends.values()) {
      const { context } = actor.getSnapshot();
      const ours = [...committed, ...failed].some((uid) => context.instances.includes(uid));
      if (context.node === node && ours) actor.send({ type: 'COMMITMENT_REPORTED', committed, failed });
    }
  }

  async stop(): Promise<void> {
    const jobs = [...this.#reconstructions.values(), ...this.#sends.values()];
    for (const job of jobs) job.stop();
    await Promise.all(jobs.map((job) => job.flush()));
  }

  /** A job that came to its own end leaves no record; one that was stopped does. */
  async #end(job: Kept<typeof reconstructionMachine> | Kept<typeof sendMachine>, jobs: Map<string, unknown>) {
    const ended = await job.done.then(
      () => true,
      () => false,
    );
    jobs.delete(job.id);
    await job.flush();
    if (ended) await this.#forget(jobs === this.#sends ? 'send' : 'reconstruction', job.id);
    this.#surroundings.changed();
  }
}

/** Resolves when the job waits for START: a recovered one has looked around first. */
function inQueue(job: { actor: { getSnapshot(): { value: unknown; status: string }; subscribe: Subscribe } }) {
  return new Promise<void>((resolve) => {
    const look = () => {
      const { value, status } = job.actor.getSnapshot();
      if (value === 'queued' || status !== 'active') resolve();
    };
    job.actor.subscribe({ next: look, complete: resolve, error: () => resolve() });
    look();
  });
}

type Subscribe = (observer: { next: () => void; complete: () => void; error: () => void }) => unknown;
