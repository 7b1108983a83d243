import type { Actor } from 'xstate';
import type { acquisitionMachine } from './acquisition.js';
import type { examMachine } from './exam.js';
import { type Failure, type RangeKind, stateName } from './types.js';

/** The running exam as people and the service socket see it. */
export interface ExamStatus {
  examId: string;
  state: string;
  started: boolean;
  aborted: boolean;
  error: Failure | null;
  acquisition: {
    state: string;
    rangeId: string | null;
    kind: RangeKind | null;
    attempt: number;
    completed: string[];
    held: boolean;
    error: Failure | null;
  } | null;
}

/** What the actors of the running exam say of themselves. */
export function examStatus(
  exam: Actor<typeof examMachine> | undefined,
  acquiring: Actor<typeof acquisitionMachine> | undefined,
): ExamStatus | null {
  if (!exam) return null;
  const { value, context } = exam.getSnapshot();
  const { examId, started, aborted, error } = context;
  const acquisition = acquiring ? acquisitionStatus(acquiring) : null;
  return { examId, state: stateName(value), started, aborted, error, acquisition };
}

function acquisitionStatus(actor: Actor<typeof acquisitionMachine>): NonNullable<ExamStatus['acquisition']> {
  const { value, context } = actor.getSnapshot();
  const { ranges, index, attempt, completed, hold, error } = context;
  const { id: rangeId = null, kind = null } = ranges[index] ?? {};
  return { state: stateName(value), rangeId, kind, attempt, completed, held: hold, error };
}
