/** The machines' tasks, each handed to the examination that it is about. */

import { ScannerError } from '../../hal/base/errors.js';
import type { SendTasks, Tasks } from '../../machines/tasks.js';
import type { Examination } from './examination.js';

/** @param find the examination by its id */
export function tasksOf(find: (examId: string) => Examination, sends: SendTasks): Tasks {
  return {
    ...sends,
    inspectHardware: ({ examId }) => find(examId).inspectHardware(),
    checkRange: (input) => find(input.examId).checkRange(input),
    positionRange: (input, signal) => find(input.examId).positionRange(input, signal),
    prepareRange: (input, signal) => find(input.examId).prepareRange(input, signal),
    armRange: (input, signal) => find(input.examId).armRange(input, signal),
    scanRange: (input, signal) => find(input.examId).scanRange(input, signal),
    drainRange: (input, signal) => find(input.examId).drainRange(input, signal),
    makeSafe: ({ examId }) => find(examId).makeSafe(),
    announceStart: ({ examId }) => find(examId).announceStart(),
    storeResults: ({ examId }) => find(examId).storeResults(),
    announceEnd: (input) => find(input.examId).announceEnd(input),
    inspectExam: ({ examId }) => find(examId).inspectExam(),
    runReconstruction: ({ examId, rangeId, progress }, signal) => find(examId).reconstruct(rangeId, progress, signal),
    // what was stored is not stored again, so running it again is always right
    inspectReconstruction: async () => ({ decision: 'resume', result: null }),
  };
}

/** A lookup that knows every examination of this process. @throws ScannerError operator.unknown */
export function findIn(examinations: ReadonlyMap<string, Examination>): (examId: string) => Examination {
  return (examId) => {
    const found = examinations.get(examId);
    if (found) return found;
    throw new ScannerError('operator.unknown', {
      what: 'examination',
      name: examId,
      known: [...examinations.keys()].join(', '),
    });
  };
}
