import { createHash } from 'node:crypto';
import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, text, texts } from '../dicom/dataset/dataset.js';
import { LEVELS, levelColumns } from './attributes.js';
import { plainName } from './person-name.js';
import type { QueryLevel } from './query.js';

/** What the index keeps of an object's header; absent attributes are empty. */
export interface IndexedHeader {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopClassUid: string;
  sopInstanceUid: string;
  modality: string;
  /** One for all that is said of one person: see `patientKey`. */
  patientKey: string;
  /** Specific Character Set, values joined by a backslash. */
  characterSet: string;
  /** The columns of each level's row. */
  columns: Readonly<Record<QueryLevel, Readonly<Record<string, string>>>>;
}

const NAMING = {
  studyInstanceUid: 'StudyInstanceUID',
  seriesInstanceUid: 'SeriesInstanceUID',
  sopInstanceUid: 'SOPInstanceUID',
  sopClassUid: 'SOPClassUID',
} as const;

/** @throws ScannerError data.missing, data.invalid when one of the UIDs that name an object is absent or could not be a file name */
export function indexedHeader(ds: Dataset): IndexedHeader {
  const uids = Object.entries(NAMING).map(([field, keyword]) => [field, namingUid(ds, keyword)]);
  const columns = Object.fromEntries(
    LEVELS.map((level) => [level, levelColumns(ds, level)]),
  ) as IndexedHeader['columns'];
  return {
    ...(Object.fromEntries(uids) as Record<keyof typeof NAMING, string>),
    modality: text(ds, 'Modality') ?? '',
    patientKey: patientKey(columns.PATIENT),
    characterSet: texts(ds, 'SpecificCharacterSet').join('\\'),
    columns,
  };
}

/** A person is an ID, a name and a birth date together: the same ID under another name is somebody else. */
export function patientKey(columns: Readonly<Record<string, string>>): string {
  const identity = [columns.patient_id, plainName(columns.name ?? ''), columns.birth_date];
  return createHash('sha256').update(identity.join('\0')).digest('base64url').slice(0, 22);
}

function namingUid(ds: Dataset, keyword: string): string {
  const uid = text(ds, keyword);
  if (!uid) throw new ScannerError('data.missing', { what: keyword });
  // UIDs become folder and file names, and come from outside
  if (!/^[0-9][0-9.]{0,63}$/.test(uid)) {
    throw new ScannerError('data.invalid', { what: keyword, message: `${uid} is no UID` });
  }
  return uid;
}
