/** Notes every exposure of an examination as the generator reports it, whatever became of the range that asked for it. */

import type { Subscription } from 'rxjs';
import type { Generator } from '../../hal/contract/generator.js';
import { exposureOf } from '../acquire/exposure.js';
import type { ExamRecord } from './record.js';

export class DoseWatch {
  readonly #record: ExamRecord;
  readonly #subscription: Subscription;
  #rangeId: string | undefined;

  /** @param noted called when the record has one exposure more */
  constructor(record: ExamRecord, generator: Generator, noted: () => void) {
    this.#record = record;
    this.#subscription = generator.events$.subscribe((event) => {
      const range = record.plan.ranges.find(({ id }) => id === this.#rangeId);
      if (event.type !== 'exposureEnded' || !range || range.kind === 'pet') return;
      const { exam, plan } = this.#record;
      const exposure = exposureOf(range, exam.landmarkMm, plan.dosePhantom, event);
      record.exposures.push({ rangeId: range.id, exposure });
      noted();
    });
  }

  /** Exposures from now on belong to this range. */
  follow(rangeId: string): void {
    this.#rangeId = rangeId;
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
