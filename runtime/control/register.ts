/** From a request to an examination and its plan; whatever is wrong is refused before anything moves. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Millisecond } from '../../hal/base/units.js';
import { IDS_PER_EXAM } from '../acquire/runner.js';
import type { Config } from '../config.js';
import type { Exam } from '../exam/exam.js';
import { emergencyExam, examFromWorklist, type Registration, unscheduledExam } from '../exam/register.js';
import { loadProtocol } from '../protocol/definition.js';
import { LANDMARK_MM } from '../protocol/geometry.js';
import { planScan } from '../protocol/planner.js';
import type { ExamRequest } from '../service/operations.js';
import type { WorklistStore } from '../worklist/store.js';
import { type ExamRecord, newRecord } from './record.js';

/** Scan numbers are 32 bits on the wire: so many examinations have numbers of their own. */
const NUMBERED_EXAMS = Math.floor(2 ** 32 / IDS_PER_EXAM) - 1;

export interface RegisterOptions {
  config: Config;
  worklist: WorklistStore;
  now: Millisecond;
  /** How many examinations there were before. */
  serial: number;
  /** Of the anode, HU. */
  anodeHeat: number;
}

/** @throws ScannerError operator.unknown (protocol, accession, nuclide), operator.usage, limit.* */
export async function registerExam(request: ExamRequest, options: RegisterOptions): Promise<ExamRecord> {
  const { config, now, anodeHeat } = options;
  const definition = loadProtocol(request.protocol);
  const { bedSeconds, span, ma } = request;
  const plan = planScan(definition, { landmarkMm: LANDMARK_MM, anodeHeat, bedSeconds, span, ma });
  const { activityMBq, ...agent } = request.injection ?? config.injection;
  const registration: Registration = {
    protocol: plan.protocol,
    operator: request.operator,
    injection: { ...agent, activityBq: activityMBq * 1e6, time: now },
    landmarkMm: LANDMARK_MM,
  };
  const exam = await examOf(request, registration, options);
  return newRecord(exam, plan, 1 + (options.serial % NUMBERED_EXAMS) * IDS_PER_EXAM);
}

async function examOf(request: ExamRequest, registration: Registration, options: RegisterOptions): Promise<Exam> {
  const { worklist, now, config } = options;
  const context = { now, uidRoot: config.uidRoot };
  if (request.accession !== undefined) {
    const [item] = await worklist.byAccession(request.accession);
    if (item) return examFromWorklist(item, registration, context);
    const known =
      (await worklist.items()).map((entry) => entry.accessionNumber).join(', ') || 'none: update the worklist';
    throw new ScannerError('operator.unknown', {
      what: 'worklist entry with accession number',
      name: request.accession,
      known,
    });
  }
  if (request.emergency) return emergencyExam(registration, context);
  const patient = { id: request.patientId ?? '', name: request.patientName ?? '', birthDate: '', sex: '' as const };
  return unscheduledExam(patient, registration, context);
}
