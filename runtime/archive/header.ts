import { createHash } from 'node:crypto';
import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, text, texts } from '../dicom/dataset/dataset.js';
import { levelColumns } from './attributes.js';
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

/** Persons whose keys are at hand: objects come series by series. */
const KNOWN_PERSONS = 100;

/** @throws ScannerError data.missing, data.invalid when one of the UIDs that name an object is absent or could not be a file name */
export function indexedHeader(ds: Dataset): IndexedHeader {
  const columns = {
    PATIENT: levelColumns(ds, 'PATIENT'),
    STUDY: levelColumns(ds, 'STUDY'),
    SERIES: levelColumns(ds, 'SERIES'),
    IMAGE: levelColumns(ds, 'IMAGE'),
  };
  return {
    studyInstanceUid: namingUid(ds, 'StudyInstanceUID'),
    seriesInstanceUid: namingUid(ds, 'SeriesInstanceUID'),
    sopInstanceUid: namingUid(ds, 'SOPInstanceUID'),
    sopClassUid: namingUid(ds, 'SOPClassUID'),
    modality: text(ds, 'Modality') ?? '',
    patientKey: patientKey(columns.PATIENT),
    characterSet: texts(ds, 'SpecificCharacterSet').join('\\'),
    columns,
  };
}

const keys = new Map<string, string>();

/** A person is an ID, a name and a birth date together: the same ID under another name is somebody else. */
export function patientKey(columns: Readonly<Record<string, string>>): string {
  const given = [columns.patient_id, columns.name, columns.birth_date].join('\0');
  const known = keys.get(given);
  if (known) return known;
  const identity = [columns.patient_id, plainName(columns.name ?? ''), columns.birth_date];
  const key = createHash('sha256').update(identity.join('\0')).digest('base64url').slice(0, 22);
  if (keys.size >= KNOWN_PERSONS) keys.clear();
  keys.set(given, key);
  return key;
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
