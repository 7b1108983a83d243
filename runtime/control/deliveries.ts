/** Sends an ended examination to every destination and keeps what became of it. */

import type { Clock } from '../../hal/base/clock.js';
import type { SendOutput } from '../../machines/send.types.js';
import type { Archive } from '../archive/archive.js';
import type { Destination } from '../network/sending.js';
import { sopClassOf } from '../objects/modules.js';
import type { DeliveryReport, ServiceEvent } from '../service/operations.js';
import type { ExamRecord } from './record.js';
import type { Sends } from './sends.js';
import { Stopwatch } from './stopwatch.js';

export interface DeliveriesOptions {
  sends: Sends;
  archive: Archive;
  destinations: readonly Destination[];
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

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Resolves when every destination has been served or given up. */
  async deliver(record: ExamRecord): Promise<void> {
    const automatic = this.#options.destinations.filter((node) => node.automatic);
    const stopwatch = new Stopwatch(this.#options.clock, record.stages);
    await stopwatch.time('sending', async () => {
      record.deliveries = await Promise.all(automatic.map((node) => this.#send(record, node)));
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
    const { sends, archive } = this.#options;
    const all = await archive.instances({ studyInstanceUid: record.exam.studyInstanceUid });
    const mine = new Set(
      record.series.flatMap(({ summary }) => summary.instances.map((instance) => instance.sopInstanceUid)),
    );
    const chosen = all.filter(
      (i) => mine.has(i.sopInstanceUid) && (node.send === 'all' || i.sopClassUid !== sopClassOf('csa')),
    );
    const sendId = `${record.exam.id}.${node.name.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
    if (chosen.length === 0) return { node: node.name, sent: 0, failed: 0 };
    this.#counts.set(sendId, { examId: record.exam.id, done: 0, total: chosen.length });
    const instances = chosen.map((instance) => instance.sopInstanceUid);
    const output = await sends.start({ sendId, node: node.name, instances, origin: 'exam' });
    this.#counts.delete(sendId);
    return reportOf(output, node.commitment !== undefined);
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
