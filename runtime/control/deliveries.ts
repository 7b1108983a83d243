/** Sends an ended examination to every destination and keeps what became of it. */

import type { Clock } from '../../hal/base/clock.js';
import type { Running } from '../../machines/running.js';
import type { SendOutput } from '../../machines/send.types.js';
import type { Supervisor } from '../../machines/supervisor.js';
import type { Archive } from '../archive/archive.js';
import type { Destination } from '../network/sending.js';
import { sopClassOf } from '../objects/modules.js';
import type { DeliveryReport, ServiceEvent } from '../service/operations.js';
import type { ExamRecord } from './record.js';
import { Stopwatch } from './stopwatch.js';

export interface DeliveriesOptions {
  supervisor: Supervisor;
  archive: Archive;
  destinations: readonly Destination[];
  commitmentSeconds: number;
  sendAttempts: number;
  clock: Clock;
  tell(event: ServiceEvent): void;
}

interface Count {
  examId: string;
  done: number;
  total: number;
}

export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #counts = new Map<string, Count>();
  readonly #restored = new Map<string, Running<SendOutput>>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Sends that an earlier process began and that go on by themselves. */
  adopt(sends: readonly Running<SendOutput>[]): void {
    for (const send of sends) this.#restored.set(send.id, send);
  }

  /** Resolves when every destination has been served or given up. */
  async deliver(record: ExamRecord): Promise<void> {
    const stopwatch = new Stopwatch(this.#options.clock, record.stages);
    await stopwatch.time('sending', async () => {
      record.deliveries = await Promise.all(this.#options.destinations.map((node) => this.#send(record, node)));
    });
  }

  /** One more instance has reached `node`. */
  step(sendId: string, node: string): void {
    const count = this.#counts.get(sendId);
    if (!count) return;
    count.done += 1;
    this.#options.tell({ type: 'delivery', node, ...count });
  }

  async #send(record: ExamRecord, node: Destination): Promise<DeliveryReport> {
    const { supervisor, archive, commitmentSeconds, sendAttempts: attemptLimit } = this.#options;
    const all = await archive.instances({ studyInstanceUid: record.exam.studyInstanceUid });
    const mine = new Set(
      record.series.flatMap(({ summary }) => summary.instances.map((instance) => instance.sopInstanceUid)),
    );
    const chosen = all.filter(
      (i) => mine.has(i.sopInstanceUid) && (node.send === 'all' || i.sopClassUid !== sopClassOf('csa')),
    );
    const sendId = `${record.exam.id}.${node.aeTitle.trim().replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
    if (chosen.length === 0) return { node: node.aeTitle, sent: 0, failed: 0 };
    this.#counts.set(sendId, { examId: record.exam.id, done: 0, total: chosen.length });
    const instances = chosen.map((instance) => instance.sopInstanceUid);
    const commitmentLimitMs = commitmentSeconds * 1000;
    const { commitment } = node;
    const job = { sendId, node: node.aeTitle, instances, commitment, commitmentLimitMs, attemptLimit };
    const running = this.#restored.get(sendId) ?? supervisor.startSend(job);
    const output = await running.done;
    this.#counts.delete(sendId);
    return reportOf(output, commitment);
  }
}

function reportOf(output: SendOutput, commitment: boolean): DeliveryReport {
  const { node, acknowledged, refused, committed, uncommitted, error } = output;
  return {
    node,
    sent: acknowledged.length,
    failed: refused.length + uncommitted.length,
    ...(commitment && { committed: committed.length }),
    ...(error && { error: error.message }),
  };
}
