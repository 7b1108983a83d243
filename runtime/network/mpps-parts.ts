import type { Exam } from '../exam/exam.js';
import type { WorklistItem } from '../worklist/item.js';

/** One performed procedure step of an examination: it has as many as it serves requested procedures with a study of their own (2.7.2). */
export interface PerformedPart {
  sopInstanceUid: string;
  ppsId: string;
  studyInstanceUid: string;
  /** The scheduled steps that it performs; none of an unscheduled patient. */
  items: WorklistItem[];
  /**
   * Its study has no images of its own: they stand in the study of the first part, and so does the dose. Table 67 reports such a
   * step with a dummy series ("Study Split").
   */
  split: boolean;
}

/** The examination's own step first. */
export function performedParts(exam: Exam): PerformedPart[] {
  const { ppsInstanceUid, ppsId, studyInstanceUid, item, furtherSteps = [] } = exam;
  const own: PerformedPart = {
    sopInstanceUid: ppsInstanceUid,
    ppsId,
    studyInstanceUid,
    items: item ? [item] : [],
    split: false,
  };
  const parts = new Map([[ppsInstanceUid, own]]);
  for (const further of furtherSteps) {
    const known = parts.get(further.ppsInstanceUid);
    if (known) known.items.push(further.item);
    else {
      parts.set(further.ppsInstanceUid, {
        sopInstanceUid: further.ppsInstanceUid,
        ppsId: further.ppsId,
        studyInstanceUid: further.item.studyInstanceUid,
        items: [further.item],
        split: true,
      });
    }
  }
  return [...parts.values()];
}
