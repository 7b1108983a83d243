/** From a request to an examination and its plan; whatever is wrong is refused before anything moves. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Millisecond } from '../../hal/base/units.js';
import { IDS_PER_EXAM } from '../acquire/runner.js';
import type { Config } from '../config.js';
import type { Exam, Patient } from '../exam/exam.js';
import { emergencyExam, examFromWorklist, type Registration, unscheduledExam } from '../exam/register.js';
import { supplyOf } from '../exam/supplies.js';
import { loadProtocol } from '../protocol/definition.js';
import { LANDMARK_MM } from '../protocol/geometry.js';
import { planScan } from '../protocol/planner.js';
import type { ExamRequest } from '../service/operations.js';
import type { WorklistItem } from '../worklist/item.js';
import type { ScheduledStep } from '../worklist/store.js';
import { type ExamRecord, newRecord } from './record.js';
import type { WorklistDesk } from './worklistdesk.js';

/** Scan numbers are 32 bits on the wire: so many examinations have numbers of their own. */
const NUMBERED_EXAMS = Math.floor(2 ** 32 / IDS_PER_EXAM) - 1;

export interface RegisterOptions {
  config: Config;
  worklist: Pick<WorklistDesk, 'forAccession'>;
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
  const planned = planScan(definition, { landmarkMm: LANDMARK_MM, anodeHeat, bedSeconds, span, ma });
  const plan = { ...planned, bodyPart: request.bodyPart ?? planned.bodyPart };
  const { activityMBq, ...agent } = request.injection ?? config.injection;
  const registration: Registration = {
    protocol: plan.protocol,
    operator: request.operator,
    performingPhysician: request.performingPhysician,
    injection: { ...agent, activityBq: activityMBq * 1e6, time: now },
    landmarkMm: LANDMARK_MM,
  };
  const supplies = request.supplies?.map((supply) => supplyOf(supply, config.mpps));
  const { contrast: contrastAgent, imageComment } = request;
  const exam = { ...(await examOf(request, registration, options)), supplies, contrastAgent, imageComment };
  return newRecord(exam, plan, 1 + (options.serial % NUMBERED_EXAMS) * IDS_PER_EXAM);
}

async function examOf(request: ExamRequest, registration: Registration, options: RegisterOptions): Promise<Exam> {
  const { worklist, now, config } = options;
  const context = { now, uidRoot: config.uidRoot };
  if (request.emergency) return emergencyExam(registration, context);
  const { accession, patientId, patientName, steps, requestedProcedureId } = request;
  if (accession !== undefined && patientName === undefined) {
    const [first, ...further] = await worklist.forAccession(accession, steps);
    if (!first) throw new ScannerError('data.missing', { what: `worklist entry of ${accession}` });
    mustBeOf(first, patientId);
    return examFromWorklist(itemOf(first), registration, context, further.map(itemOf));
  }
  const { patientBirthDate: birthDate = '', patientSex: sex = '' } = request;
  const patient: Patient = { id: patientId ?? '', name: patientName ?? '', birthDate, sex };
  const entered = { ...registration, accessionNumber: accession, requestedProcedureId };
  return unscheduledExam(patient, entered, context);
}

/** The entry as the worklist gave it: how far it was is not the examination's. */
function itemOf({ progress: _progress, examId: _examId, seenAt: _seenAt, ...item }: ScheduledStep): WorklistItem {
  return item;
}

/** @throws ScannerError operator.usage when the entry is of another patient than the operator thinks */
function mustBeOf({ patientId, accessionNumber }: ScheduledStep, expected: string | undefined): void {
  if (expected === undefined || expected === patientId) return;
  const message = `accession number ${accessionNumber} is of patient ${patientId}, not ${expected}`;
  throw new ScannerError('operator.usage', { message });
}
