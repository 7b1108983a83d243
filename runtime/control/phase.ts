import type { ExamStatus } from '../../machines/status.js';
import type { ExamPhase } from '../service/operations.js';

/** First match decides; the machines' states as `stateName` writes them. */
const PHASES: readonly [RegExp, ExamPhase][] = [
  [/acquisition\.(beginning|acquiring|securing)/, 'acquiring'],
  [/^working/, 'reconstructing'],
  [/^storing/, 'storing'],
  [/^(closing|retryingClose)/, 'closing'],
];

/** The phase that the machines of an examination are in; undefined in the instants between two. */
export function phaseOf({ state, acquisition }: ExamStatus): ExamPhase | undefined {
  const phase = PHASES.find(([pattern]) => pattern.test(state))?.[1];
  return phase === 'acquiring' && acquisition?.state === 'interrupted' ? 'interrupted' : phase;
}
