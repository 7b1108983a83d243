import { ScannerError } from '../../hal/base/errors.js';
import type { StepChanges } from '../archive/fact.js';
import { codeOf } from '../exam/codes.js';
import { isOver, type StepPhase, type StepRecord } from './mpps-step.js';

export interface StepOrder {
  /** `send` creates what is held or was refused, and reports what stands; the others end the step. */
  what: 'send' | 'complete' | 'discontinue';
  changes?: StepChanges;
}

/** Phases in which the user may end a step: 2.7.2 allows no update after the end. */
const ENDABLE: ReadonlySet<StepPhase> = new Set(['performed', 'refused']);

/**
 * Refuses here what the RIS would have to refuse.
 * @throws ScannerError operator.unknown, operator.state
 */
export function checkOrder(examId: string, steps: readonly StepRecord[], { what, changes }: StepOrder): void {
  const [own] = steps;
  if (!own) {
    const known = 'those of "mpps list"';
    throw new ScannerError('operator.unknown', {
      what: 'performed procedure step of examination',
      name: examId,
      known,
    });
  }
  if (changes?.reason !== undefined) codeOf('discontinuationReasons', changes.reason);
  const command = `mpps ${what}`;
  if (steps.every(isOver)) {
    const state = `the step is ${own.phase.toUpperCase()} and may no longer be updated`;
    throw new ScannerError('operator.state', { command, state, expected: 'a step in progress' });
  }
  if (what === 'send') return;
  if (!own.ended) {
    const expected = 'an examination that is over: end it with "exam abort", or wait for its end';
    throw new ScannerError('operator.state', { command, state: 'the examination is under way', expected });
  }
  if (!steps.some(({ phase, created }) => created && ENDABLE.has(phase))) {
    const state = `the step is ${own.phase}`;
    throw new ScannerError('operator.state', {
      command,
      state,
      expected: 'a step that the RIS knows: "mpps send" first',
    });
  }
}
