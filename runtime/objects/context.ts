import type { Millimetre, Millisecond } from '../../hal/base/units.js';
import { type Dataset, dataset } from '../dicom/dataset/dataset.js';
import { makeUid } from '../dicom/dataset/uid.js';
import { UIDS } from '../dicom/uids.js';
import { codeOf } from '../exam/codes.js';
import { ageOf, daOf, dtOf, timezoneOf, tmOf } from '../exam/datetime.js';
import type { Exam } from '../exam/exam.js';
import { mayBePaired } from '../protocol/organ.js';
import type { CodeItem, WorklistItem } from '../worklist/item.js';
import { mappedAttributes, requestAttributes } from '../worklist/mapping.js';
import type { Scope } from './fill.js';
import type { SeriesSummary } from './instance.js';
import { buildObject, declareCharacterSet, type IodName } from './modules.js';
import { csaHeaders, medcomHeader } from './syngo-headers.js';

/** What the site and the scanner say of themselves in each object. */
export interface Equipment {
  manufacturer: string;
  modelName: string;
  serialNumber: string;
  softwareVersions: string;
  stationName: string;
  institutionName: string;
  institutionAddress: string;
  department: string;
  /** Last base calibration. */
  calibratedAt?: Millisecond;
  focalSpotMm: Millimetre;
  /** Bq/ml a count rate of the scanner's quantification, where it has one. */
  doseCalibrationFactor?: number;
}

export const DEFAULT_EQUIPMENT: Equipment = {
  manufacturer: 'SIEMENS',
  modelName: 'Biograph64-1104',
  serialNumber: '1',
  softwareVersions: 'petrig 0.1.0',
  stationName: 'PETRIG',
  institutionName: '',
  institutionAddress: '',
  department: 'PET',
  focalSpotMm: 0.9,
};

/** What every object of an examination shares. */
export interface ObjectContext {
  exam: Exam;
  equipment: Equipment;
  /** Scanner time of making the objects. */
  now: Millisecond;
  /** Says in each object that a simulation made it. */
  simulated: boolean;
  uidRoot?: string;
  /** Term of Body Part Examined. */
  bodyPart?: string;
  /** What the study is described by, before the protocol's name. */
  bodyRegion?: string;
  /** When the study's first series was begun; the examination's start when absent. */
  studyStartedAt?: Millisecond;
}

export interface Reference {
  sopClassUid: string;
  sopInstanceUid: string;
}

/** What tells one series from another. */
export interface SeriesIdentity {
  seriesNumber: number;
  description: string;
  /** Made when absent. */
  seriesInstanceUid?: string;
  /** Of its objects in order; made when absent. */
  sopInstanceUids?: readonly string[];
  /** What the operator says of it. */
  comment?: string;
  /** Set beside it by the system, statement Table 75. */
  flags?: readonly string[];
}

/** Values of the patient, study, series and equipment modules. */
export function commonScope(
  context: ObjectContext,
  series: SeriesIdentity & { modality: string; startedAt: Millisecond },
): Scope {
  const { exam, equipment, now } = context;
  const { patient, item } = exam;
  // images stand in the first study: steps of another are reported by a performed step of their own
  const further = (exam.furtherSteps ?? []).map((step) => step.item).filter(sameStudy(exam));
  const comments = [series.comment ?? exam.imageComment, ...(series.flags ?? []), context.simulated ? 'SIMULATED' : ''];
  const studyStartedAt = context.studyStartedAt ?? exam.startedAt;
  return {
    createdDate: daOf(now),
    createdTime: tmOf(now),
    timezoneOffsetFromUtc: timezoneOf(now),
    patientName: patient.name,
    patientId: patient.id,
    patientBirthDate: patient.birthDate,
    patientSex: patient.sex,
    patientAge: ageOf(patient.birthDate, exam.startedAt),
    patientWeight: patient.weightKg,
    patientSize: patient.sizeM,
    studyInstanceUid: exam.studyInstanceUid,
    studyId: exam.studyId,
    studyDate: daOf(studyStartedAt),
    studyTime: tmOf(studyStartedAt),
    studyDescription: studyDescription(context),
    accessionNumber: exam.accessionNumber,
    modality: series.modality,
    seriesInstanceUid: series.seriesInstanceUid,
    seriesNumber: series.seriesNumber,
    seriesDescription: series.description,
    seriesDate: daOf(series.startedAt),
    seriesTime: tmOf(series.startedAt),
    performingPhysicianName: exam.performingPhysician,
    operatorsName: exam.operator,
    protocolName: exam.protocol,
    ...bodyPartScope(context.bodyPart),
    requestAttributesSequence: item && [item, ...further].map(({ attributes }) => requestAttributes(attributes)),
    requestedProcedureDescription: item?.requestedProcedureDescription,
    referencedPerformedProcedureStepSequence: reference({
      sopClassUid: UIDS.modalityPerformedProcedureStep,
      sopInstanceUid: exam.ppsInstanceUid,
    }),
    ppsId: exam.ppsId,
    ppsStartDate: daOf(exam.startedAt),
    ppsStartTime: tmOf(exam.startedAt),
    ppsDescription: item?.stepDescription,
    frameOfReferenceUid: exam.frameOfReferenceUid,
    ...equipmentScope(equipment),
    imageComments: comments.filter(Boolean).join('^'),
    qualityControlImage: context.simulated ? 'YES' : undefined,
  };
}

/**
 * Table 74, Study Description. Where the exam serves requested procedures of several studies ("Study Split") it is the description of
 * the one that was selected: the first, whose study the images stand in.
 */
function studyDescription({ exam, bodyRegion }: ObjectContext): string {
  const split = (exam.furtherSteps ?? []).some(({ item }) => item.studyInstanceUid !== exam.studyInstanceUid);
  const selected = split ? exam.item?.requestedProcedureDescription : undefined;
  return selected || `${bodyRegion ?? 'UNKNOWN'}^${exam.protocol}`;
}

function sameStudy({ studyInstanceUid }: Exam): (item: WorklistItem) => boolean {
  return (item) => item.studyInstanceUid === studyInstanceUid;
}

function equipmentScope(equipment: Equipment): Scope {
  const { calibratedAt } = equipment;
  return {
    manufacturer: equipment.manufacturer,
    institutionName: equipment.institutionName,
    institutionAddress: equipment.institutionAddress,
    institutionalDepartmentName: equipment.department,
    stationName: equipment.stationName,
    manufacturerModelName: equipment.modelName,
    deviceSerialNumber: equipment.serialNumber,
    softwareVersions: equipment.softwareVersions,
    dateOfLastCalibration: calibratedAt === undefined ? undefined : daOf(calibratedAt),
    timeOfLastCalibration: calibratedAt === undefined ? undefined : tmOf(calibratedAt),
  };
}

/** Date, time and both of an acquisition or content. */
export function timesScope(prefix: 'acquisition' | 'content', at: Millisecond): Scope {
  return { [`${prefix}Date`]: daOf(at), [`${prefix}Time`]: tmOf(at), [`${prefix}DateTime`]: dtOf(at) };
}

/** Smallest and Largest Image Pixel Value: US, or SS where pixels are signed. */
const PIXEL_EXTREMES = ['00280106', '00280107'];

/** An image of this examination with its private headers; `made` is how, for its history. */
export function finishImage(context: ObjectContext, iod: 'ct' | 'pet', scope: Scope, made: string): Dataset {
  const { length } = scope.pixelData as Uint8Array;
  return finishObject(context, iod, { ...csaHeaders(scope), ...medcomHeader(scope, length, made), ...scope });
}

/** An object of this examination, its text in a character set that can write it. */
export function finishObject(context: ObjectContext, iod: IodName, scope: Scope): Dataset {
  const { item, characterSet } = context.exam;
  const mapped = item ? mappedAttributes(item.attributes, 'object') : {};
  const ds = buildObject(iod, { sopInstanceUid: newUid(context), ...scope }, mapped);
  if (scope.pixelRepresentation === 1) for (const tag of PIXEL_EXTREMES) if (ds[tag]) ds[tag].vr = 'SS';
  return declareCharacterSet(ds, characterSet);
}

export function newUid(context: ObjectContext): string {
  return makeUid(context.uidRoot);
}

/** The item that refers to an instance. */
export function reference({ sopClassUid, sopInstanceUid }: Reference): Dataset {
  return dataset({ ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid });
}

/** The fields of an object that is referred to, for rows. */
export function referenceScope({ sopClassUid, sopInstanceUid }: Reference): Scope {
  return { sopClassUid, sopInstanceUid };
}

/** The fields of a coded term, for rows. */
export function codeScope({ value, scheme, version, meaning }: CodeItem): Scope {
  return { value, scheme, version, meaning };
}

/** The item of a coded term. */
export function codeItem({ value, scheme, version, meaning }: CodeItem): Dataset {
  const ds = dataset({ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning });
  if (version) Object.assign(ds, dataset({ CodingSchemeVersion: version }));
  return ds;
}

/** The item of a term of the code tables. */
export function codeNamed(table: Parameters<typeof codeOf>[0], name: string): Dataset {
  return codeItem(codeOf(table, name));
}

export function summaryOf(context: ObjectContext, series: Omit<SeriesSummary, 'protocolName'>): SeriesSummary {
  return { ...series, protocolName: context.exam.protocol };
}

/** The side of a body part is nowhere entered: unknown where there may be two. */
function bodyPartScope(bodyPart = 'UNKNOWN'): Scope {
  return { bodyPartExamined: bodyPart, laterality: mayBePaired(bodyPart) ? '' : undefined };
}
