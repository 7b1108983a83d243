import type { SequencedFact } from '../archive/archive.js';
import type { Fact } from '../archive/fact.js';
import type { Exam } from '../exam/exam.js';
import type { StepKey } from '../worklist/item.js';
import type { WorklistStore } from '../worklist/store.js';
import { OutboxWorker, type WorkerOptions } from './worker.js';

/** Notes in the scheduler database which scheduled steps are examined and which are done. */
export class WorklistMarks extends OutboxWorker<never> {
  protected readonly types = new Set<Fact['type']>(['exam.started', 'exam.ended']);
  readonly #store: WorklistStore;

  constructor(options: WorkerOptions & { store: WorklistStore }) {
    super('worklist', options);
    this.#store = options.store;
  }

  protected async handle({ fact }: SequencedFact): Promise<void> {
    if (fact.type === 'exam.started') await this.#store.mark(stepsOf(fact.exam), 'started', fact.exam.id);
    if (fact.type !== 'exam.ended') return;
    const progress = fact.outcome === 'COMPLETED' ? 'completed' : 'discontinued';
    await this.#store.mark(stepsOf(fact.exam), progress, fact.exam.id);
  }
}

function stepsOf({ item, furtherSteps = [] }: Exam): StepKey[] {
  return [...(item ? [item] : []), ...furtherSteps.map((step) => step.item)];
}
