import type { ExamPhase } from '../service/operations.js';

const PHASES: Readonly<Record<string, ExamPhase>> = {
  'exam.started': 'acquiring',
  'exam.acquired': 'reconstructing',
  'exam.reconstructed': 'storing',
  'exam.stored': 'closing',
};

/** The phase that begins with a fact of the exam machine; undefined for facts within a phase. */
export function phaseOf(fact: string): ExamPhase | undefined {
  return PHASES[fact];
}
