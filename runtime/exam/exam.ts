import type { Becquerel, Millisecond, Second } from '../../hal/base/units.js';
import type { CodeItem, WorklistItem } from '../worklist/item.js';

export interface Patient {
  /** PN with `^` and `=` as DICOM writes it. */
  name: string;
  id: string;
  birthDate: string;
  sex: '' | 'M' | 'F' | 'O';
  weightKg?: number;
  sizeM?: number;
}

/** What was injected: nuclide by its code value of the radionuclide table (CID 4020), total activity at `time`. */
export interface Injection {
  radionuclide: CodeItem;
  radiopharmaceutical: CodeItem;
  halfLifeSeconds: Second;
  positronFraction: number;
  activity: Becquerel;
  /** Scanner time, ms since the epoch, at which `activity` holds. */
  time: Millisecond;
}

/** Another scheduled step that the same examination performs. Steps of one study share a performed step: 2.7.2. */
export interface FurtherStep {
  item: WorklistItem;
  /** The performed procedure step that reports it; the examination's own for the same study. */
  ppsInstanceUid: string;
  ppsId: string;
}

/** Something used in an examination that is to be billed, as the operator entered it. */
export interface Supply {
  code: CodeItem;
  quantity?: number;
  /** Of the quantity. */
  unit?: CodeItem;
}

/** One examination: a performed procedure step on one patient. */
export interface Exam {
  id: string;
  /** Absent for an unscheduled or emergency patient. */
  item?: WorklistItem;
  furtherSteps?: FurtherStep[];
  emergency: boolean;
  patient: Patient;
  studyInstanceUid: string;
  studyId: string;
  accessionNumber: string;
  frameOfReferenceUid: string;
  /** SOP Instance UID of the performed procedure step. */
  ppsInstanceUid: string;
  ppsId: string;
  protocol: string;
  operator: string;
  /** The request's identifier as the operator entered it, of a patient whom nobody scheduled. */
  requestedProcedureId?: string;
  performingPhysician: string;
  /** Specific Character Set that text came in and goes out in where it can; empty when nothing came. */
  characterSet: string[];
  injection?: Injection;
  supplies?: Supply[];
  /** Contrast agent as the operator named it, empty when given but not named; absent without contrast. */
  contrastAgent?: string;
  /** What the operator says of the images. */
  imageComment?: string;
  /** Series Instance UID of the series that its first range will make. */
  firstSeriesUid?: string;
  startedAt: Millisecond;
  endedAt?: Millisecond;
  /** Table travel at which the patient's landmark plane (z = 0) is at the CT isocentre, mm. */
  landmarkMm: number;
}
