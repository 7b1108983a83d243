import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ScannerError } from '../../hal/base/errors.js';
import type { Millisecond } from '../../hal/base/units.js';
import { number, text } from '../dicom/dataset/dataset.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { WorklistItem } from '../worklist/item.js';
import { mappedAttributes } from '../worklist/mapping.js';
import { codeOf } from './codes.js';
import { daOf, tmOf } from './datetime.js';
import type { Exam, FurtherStep, Injection, Patient } from './exam.js';

const name = z.string().max(324);
const patientSchema = z.object({
  name: name.min(1, 'a patient name'),
  id: z.string().min(1, 'a patient ID').max(64),
  birthDate: z.string().regex(/^(\d{8})?$/, 'YYYYMMDD or nothing'),
  sex: z.enum(['', 'M', 'F', 'O']),
  weightKg: z.number().positive().max(400).optional(),
  sizeM: z.number().positive().max(2.6).optional(),
});

const injectionSchema = z.object({
  radionuclide: z.string(),
  radiopharmaceutical: z.string(),
  activityBq: z.number().positive().max(1e11),
  time: z.number().finite(),
});

const registrationSchema = z.object({
  protocol: z.string().min(1).max(64),
  operator: name.default(''),
  performingPhysician: name.optional(),
  injection: injectionSchema.optional(),
  /** What the operator measured or corrected. */
  patient: patientSchema.partial().default({}),
  landmarkMm: z.number().finite().default(0),
});

/** What the operator says of an injection: names or code values of nuclide and pharmaceutical, Bq at `time` (ms since the epoch). */
export type InjectionInput = z.input<typeof injectionSchema>;
export type Registration = z.input<typeof registrationSchema>;

export interface RegisterContext {
  /** Scanner time. */
  now: Millisecond;
  /** The site's UID root. */
  uidRoot?: string;
}

/**
 * An examination of a scheduled step: patient, study and step from the worklist, corrected by what the operator entered.
 * @param further other steps of the same patient that it performs too
 * @throws ScannerError operator.usage when one of them is of another patient
 */
export function examFromWorklist(
  item: WorklistItem,
  registration: Registration,
  context: RegisterContext,
  further: readonly WorklistItem[] = [],
): Exam {
  const mapped = mappedAttributes(item.attributes, 'object');
  const sex = text(mapped, 'PatientSex') ?? '';
  const scheduled: Patient = {
    name: item.patientName,
    id: item.patientId,
    birthDate: text(mapped, 'PatientBirthDate') ?? '',
    sex: sex === 'M' || sex === 'F' || sex === 'O' ? sex : '',
    weightKg: number(mapped, 'PatientWeight'),
    sizeM: number(mapped, 'PatientSize'),
  };
  const exam = register(scheduled, registration, context);
  return {
    ...exam,
    item,
    furtherSteps: further.length > 0 ? furtherSteps(item, further, exam.ppsInstanceUid, context) : undefined,
    studyInstanceUid: item.studyInstanceUid,
    studyId: text(mapped, 'StudyID') ?? exam.studyId,
    accessionNumber: item.accessionNumber,
    ppsId: text(mapped, 'PerformedProcedureStepID') ?? exam.ppsId,
    performingPhysician: registration.performingPhysician ?? text(mapped, 'PerformingPhysicianName') ?? '',
    characterSet: item.characterSet,
  };
}

/** Each further study has a performed step of its own: 2.7.2. */
function furtherSteps(
  first: WorklistItem,
  further: readonly WorklistItem[],
  ppsInstanceUid: string,
  { uidRoot }: RegisterContext,
): FurtherStep[] {
  const uids = new Map([[first.studyInstanceUid, ppsInstanceUid]]);
  return further.map((item) => {
    if (item.patientId !== first.patientId) {
      const message = `step ${item.stepId} is of patient ${item.patientId}, step ${first.stepId} of ${first.patientId}`;
      throw new ScannerError('operator.usage', { message });
    }
    const uid = uids.get(item.studyInstanceUid) ?? makeUid(uidRoot);
    uids.set(item.studyInstanceUid, uid);
    return { item, ppsInstanceUid: uid, ppsId: item.stepId };
  });
}

/** An examination of a patient whom nobody scheduled: identifiers are made here, save those which the operator entered. */
export function unscheduledExam(
  patient: Patient,
  registration: Registration & { accessionNumber?: string; requestedProcedureId?: string },
  context: RegisterContext,
): Exam {
  const { accessionNumber = '', requestedProcedureId } = registration;
  const exam = register(patient, registration, context);
  return { ...exam, accessionNumber: accessionNumber.slice(0, 16), requestedProcedureId };
}

/** An examination that cannot wait for a name. The performed procedure step is announced only when the operator asks for it. */
export function emergencyExam(registration: Registration, context: RegisterContext): Exam {
  const stamp = daOf(context.now) + tmOf(context.now).slice(0, 6);
  const unknown: Patient = { name: `EMERGENCY^${stamp}`, id: `EMERGENCY-${stamp}`, birthDate: '', sex: '' };
  return { ...register(unknown, registration, context), emergency: true };
}

/** The injection with its codes. @throws ScannerError operator.unknown, operator.usage */
export function injectionOf(input: InjectionInput): Injection {
  const { radionuclide, radiopharmaceutical, activityBq, time } = parse(injectionSchema, input, 'injection');
  const nuclide = codeOf('radionuclides', radionuclide);
  const pharmaceutical = codeOf('radiopharmaceuticals', radiopharmaceutical);
  if (pharmaceutical.radionuclide !== nuclide.key) {
    const message = `${pharmaceutical.meaning} carries ${pharmaceutical.radionuclide}, not ${nuclide.key}`;
    throw new ScannerError('operator.usage', { message });
  }
  return {
    radionuclide: { value: nuclide.value, scheme: nuclide.scheme, meaning: nuclide.meaning },
    radiopharmaceutical: {
      value: pharmaceutical.value,
      scheme: pharmaceutical.scheme,
      meaning: pharmaceutical.meaning,
    },
    halfLifeSeconds: nuclide.halfLifeSeconds,
    positronFraction: nuclide.positronFraction,
    activity: activityBq,
    time,
  };
}

function register(patient: Patient, input: Registration, context: RegisterContext): Exam {
  const registration = parse(registrationSchema, input, 'registration');
  const stamp = daOf(context.now) + tmOf(context.now).slice(0, 6);
  return {
    id: randomUUID(),
    emergency: false,
    patient: parse(patientSchema, { ...patient, ...registration.patient }, 'patient') as Patient,
    studyInstanceUid: makeUid(context.uidRoot),
    studyId: stamp.slice(0, 14),
    accessionNumber: '',
    frameOfReferenceUid: makeUid(context.uidRoot),
    ppsInstanceUid: makeUid(context.uidRoot),
    ppsId: `P${stamp}`,
    protocol: registration.protocol,
    operator: registration.operator,
    performingPhysician: registration.performingPhysician ?? '',
    characterSet: [],
    injection: registration.injection && injectionOf(registration.injection),
    firstSeriesUid: makeUid(context.uidRoot),
    startedAt: context.now,
    landmarkMm: registration.landmarkMm,
  };
}

function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const message = `${what} ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`;
  throw new ScannerError('operator.usage', { message });
}
