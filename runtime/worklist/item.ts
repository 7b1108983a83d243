import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, items, text, texts } from '../dicom/dataset/dataset.js';
import { keepReturnKeys } from './mapping.js';

/** A coded term. */
export interface CodeItem {
  value: string;
  scheme: string;
  version?: string;
  meaning: string;
}

/** One scheduled procedure step as the worklist gave it, decoded. Return keys of Table 60. */
export interface WorklistItem {
  /** Specific Character Set it came in; empty for the default repertoire. */
  characterSet: string[];
  accessionNumber: string;
  patientName: string;
  patientId: string;
  /** Scheduled Procedure Step ID: with the Study Instance UID it identifies the item (3.6.1.1). */
  stepId: string;
  studyInstanceUid: string;
  requestedProcedureId: string;
  requestedProcedureDescription: string;
  stepDescription: string;
  modality: string;
  stationAeTitle: string;
  /** DA and TM as they came. */
  startDate: string;
  startTime: string;
  /** The return keys of the answer at tag level, text decoded: `mapping.ts` says where each goes. Serialisable. */
  attributes: Readonly<Dataset>;
}

/** What identifies a scheduled step: 3.6.1.1. */
export type StepKey = Pick<WorklistItem, 'studyInstanceUid' | 'stepId'>;

/** Some systems write components with leading zeros; such a study is examined like any other. */
const UID_LIKE = /^[0-9.]{1,64}$/;

/**
 * Reads a worklist answer.
 * @throws ScannerError data.invalid naming the attribute, when a type 1 key that identifies patient or step is absent or no UID
 */
export function itemFromDataset(answer: Dataset): WorklistItem {
  const [step] = items(answer, 'ScheduledProcedureStepSequence');
  if (!step) throw invalid('ScheduledProcedureStepSequence');
  const need = (ds: Dataset, keyword: string): string => {
    const value = text(ds, keyword);
    if (value === undefined) throw invalid(keyword);
    return value;
  };
  const studyInstanceUid = need(answer, 'StudyInstanceUID');
  if (!UID_LIKE.test(studyInstanceUid)) {
    throw new ScannerError('data.invalid', { what: 'worklist answer', message: 'StudyInstanceUID is no UID' });
  }
  return {
    characterSet: texts(answer, 'SpecificCharacterSet'),
    accessionNumber: text(answer, 'AccessionNumber') ?? '',
    patientName: need(answer, 'PatientName'),
    patientId: need(answer, 'PatientID'),
    stepId: need(step, 'ScheduledProcedureStepID'),
    studyInstanceUid,
    requestedProcedureId: text(answer, 'RequestedProcedureID') ?? '',
    requestedProcedureDescription: text(answer, 'RequestedProcedureDescription') ?? '',
    stepDescription: text(step, 'ScheduledProcedureStepDescription') ?? '',
    modality: text(step, 'Modality') ?? '',
    stationAeTitle: text(step, 'ScheduledStationAETitle') ?? '',
    startDate: text(step, 'ScheduledProcedureStepStartDate') ?? '',
    startTime: text(step, 'ScheduledProcedureStepStartTime') ?? '',
    attributes: keepReturnKeys(answer),
  };
}

function invalid(keyword: string): ScannerError {
  return new ScannerError('data.invalid', { what: 'worklist answer', message: `${keyword} is missing` });
}
