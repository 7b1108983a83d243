import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, text } from '../dicom/dataset/dataset.js';

/** What the index keeps of an object's header; absent attributes are empty. */
export interface IndexedHeader {
  patientId: string;
  patientName: string;
  birthDate: string;
  sex: string;
  studyInstanceUid: string;
  studyDate: string;
  studyTime: string;
  studyId: string;
  accessionNumber: string;
  studyDescription: string;
  seriesInstanceUid: string;
  modality: string;
  seriesNumber: string;
  seriesDescription: string;
  protocolName: string;
  sopClassUid: string;
  sopInstanceUid: string;
  instanceNumber: string;
}

const ATTRIBUTES: Readonly<Record<keyof IndexedHeader, string>> = {
  patientId: 'PatientID',
  patientName: 'PatientName',
  birthDate: 'PatientBirthDate',
  sex: 'PatientSex',
  studyInstanceUid: 'StudyInstanceUID',
  studyDate: 'StudyDate',
  studyTime: 'StudyTime',
  studyId: 'StudyID',
  accessionNumber: 'AccessionNumber',
  studyDescription: 'StudyDescription',
  seriesInstanceUid: 'SeriesInstanceUID',
  modality: 'Modality',
  seriesNumber: 'SeriesNumber',
  seriesDescription: 'SeriesDescription',
  protocolName: 'ProtocolName',
  sopClassUid: 'SOPClassUID',
  sopInstanceUid: 'SOPInstanceUID',
  instanceNumber: 'InstanceNumber',
};

const NAMING = ['studyInstanceUid', 'seriesInstanceUid', 'sopInstanceUid', 'sopClassUid'] as const;

/** @throws ScannerError data.missing, data.invalid when one of the UIDs that name an object is absent or could not be a file name */
export function indexedHeader(ds: Dataset): IndexedHeader {
  const entries = Object.entries(ATTRIBUTES).map(([field, keyword]) => [field, text(ds, keyword) ?? '']);
  const header = Object.fromEntries(entries) as IndexedHeader;
  for (const field of NAMING) {
    if (!header[field]) throw new ScannerError('data.missing', { what: ATTRIBUTES[field] });
    // UIDs become folder and file names, and come from outside
    if (!/^[0-9][0-9.]{0,63}$/.test(header[field])) {
      throw new ScannerError('data.invalid', { what: ATTRIBUTES[field], message: `${header[field]} is no UID` });
    }
  }
  return header;
}
