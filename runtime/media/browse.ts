/** What is on a disc: 9.1.2.1 of the statement. */

import { asScannerError } from '../../hal/base/errors.js';
import { bytes, type Dataset, items, number, text } from '../dicom/dataset/dataset.js';
import { storageClass } from '../dicom/storage-classes.js';
import {
  allRecords,
  DICOMDIR,
  type Directory,
  type DirectoryRecord,
  type ReferencedFile,
  recordType,
  referencedFile,
} from './directory.js';
import { readDirectory } from './directory-read.js';
import { checkFileId, DiscFiles } from './disc-files.js';
import type { DiscReader } from './disc-reader.js';
import { type Profile, profilesFor, refusedBy } from './profile.js';

export interface DiscIcon {
  /** Rows and columns: 64 or 128. */
  size: number;
  /** 8 bits each, row by row. */
  pixels: Uint8Array;
}

export interface DiscInstance extends ReferencedFile {
  /** Directory Record Type. */
  record: string;
  instanceNumber: string;
  icon?: DiscIcon;
}

export interface DiscSeries {
  seriesInstanceUid: string;
  modality: string;
  seriesNumber: string;
  description: string;
  instances: DiscInstance[];
}

export interface DiscStudy {
  studyInstanceUid: string;
  studyDate: string;
  studyTime: string;
  studyId: string;
  accessionNumber: string;
  description: string;
  series: DiscSeries[];
}

export interface DiscPatient {
  patientId: string;
  patientName: string;
  birthDate: string;
  sex: string;
  studies: DiscStudy[];
}

export interface DiscContents {
  volumeId: string;
  fileSetId: string;
  fileSetUid: string;
  /** Which of several discs it is, when its descriptor file says so. */
  volume?: { number: number; of: number };
  sessions: number;
  /** Profiles to which all that is on it conforms. */
  profiles: string[];
  patients: DiscPatient[];
  /** Why instances are not shown, and how many. */
  hidden: { reason: string; count: number }[];
  directory: Directory;
  /** Bytes of the DICOMDIR. */
  directoryBytes: number;
}

const MAX_DIRECTORY_BYTES = 512 * 1024 * 1024;
const MAX_DESCRIPTOR_BYTES = 4096;
const ICON_SIZES: readonly number[] = [64, 128];

/**
 * Reads a disc's directory, all of it before anything is shown, and what of it the profiles allow.
 * @param profiles under which it is read; every one of ours when absent
 * @throws ScannerError data.media, data.dicom, data.truncated, limit.size with what is wrong and where
 */
export async function browseDisc(
  disc: DiscReader,
  profiles: readonly Profile[] = profilesFor('FSR'),
): Promise<DiscContents> {
  const files = new DiscFiles(disc);
  const { path } = await files.find([DICOMDIR]);
  const raw = await disc.bytes(path, MAX_DIRECTORY_BYTES);
  const directory = readDirectory(raw);
  const all: ReferencedFile[] = [];
  for (const record of allRecords(directory.records)) {
    const file = referencedFile(record);
    if (!file) continue;
    checkFileId(file.fileId);
    all.push(file);
  }
  const hidden = new Map<string, number>();
  const shown = (file: ReferencedFile) => {
    const reason = hiddenBy(file, profiles);
    if (reason) hidden.set(reason, (hidden.get(reason) ?? 0) + 1);
    return reason === undefined;
  };
  const volume = await volumeOf(disc, files, directory);
  return {
    volumeId: disc.volumeId,
    fileSetId: directory.fileSetId,
    fileSetUid: directory.fileSetUid,
    ...(volume && { volume }),
    sessions: disc.sessions.length,
    profiles: profilesFor('FSR')
      .filter((profile) => all.length > 0 && all.every((file) => !refusedBy(profile, 'FSR', file)))
      .map(({ name }) => name),
    patients: lowerOf(directory.records, 'PATIENT')
      .map((record) => patientOf(record, shown))
      .filter(hasStudies),
    hidden: [...hidden].map(([reason, count]) => ({ reason, count })),
    directory,
    directoryBytes: raw.length,
  };
}

/** Every instance that is shown, with the study and series that it is in. */
export function* shownInstances(contents: Pick<DiscContents, 'patients'>): Generator<{
  patient: DiscPatient;
  study: DiscStudy;
  series: DiscSeries;
  instance: DiscInstance;
}> {
  for (const patient of contents.patients)
    for (const study of patient.studies)
      for (const series of study.series)
        for (const instance of series.instances) yield { patient, study, series, instance };
}

/** 9.1.2.2: what is valid for a profile and what we take by network. */
function hiddenBy(file: ReferencedFile, profiles: readonly Profile[]): string | undefined {
  if (!storageClass(file.sopClassUid)?.scp) return `SOP class ${file.sopClassUid} is not stored here`;
  const refusals = profiles.map((profile) => refusedBy(profile, 'FSR', file));
  return refusals.includes(undefined) ? undefined : (refusals[0] ?? 'no profile');
}

function lowerOf(records: readonly DirectoryRecord[], type: string): DirectoryRecord[] {
  return records.filter((record) => recordType(record) === type);
}

function hasStudies({ studies }: DiscPatient): boolean {
  return studies.length > 0;
}

function patientOf({ dataset: ds, lower }: DirectoryRecord, shown: (file: ReferencedFile) => boolean): DiscPatient {
  return {
    patientId: text(ds, 'PatientID') ?? '',
    patientName: text(ds, 'PatientName') ?? '',
    birthDate: text(ds, 'PatientBirthDate') ?? '',
    sex: text(ds, 'PatientSex') ?? '',
    studies: lowerOf(lower, 'STUDY')
      .map((study) => studyOf(study, shown))
      .filter(({ series }) => series.length > 0),
  };
}

function studyOf({ dataset: ds, lower }: DirectoryRecord, shown: (file: ReferencedFile) => boolean): DiscStudy {
  return {
    studyInstanceUid: text(ds, 'StudyInstanceUID') ?? '',
    studyDate: text(ds, 'StudyDate') ?? '',
    studyTime: text(ds, 'StudyTime') ?? '',
    studyId: text(ds, 'StudyID') ?? '',
    accessionNumber: text(ds, 'AccessionNumber') ?? '',
    description: text(ds, 'StudyDescription') ?? '',
    series: lowerOf(lower, 'SERIES')
      .map((series) => seriesOf(series, shown))
      .filter(({ instances }) => instances.length > 0),
  };
}

function seriesOf({ dataset: ds, lower }: DirectoryRecord, shown: (file: ReferencedFile) => boolean): DiscSeries {
  return {
    seriesInstanceUid: text(ds, 'SeriesInstanceUID') ?? '',
    modality: text(ds, 'Modality') ?? '',
    seriesNumber: text(ds, 'SeriesNumber') ?? '',
    description: text(ds, 'SeriesDescription') ?? '',
    instances: lower.flatMap((record) => {
      const file = referencedFile(record);
      return file && shown(file) ? [instanceOf(record, file)] : [];
    }),
  };
}

function instanceOf(record: DirectoryRecord, file: ReferencedFile): DiscInstance {
  const icon = iconOf(record.dataset);
  return {
    ...file,
    record: recordType(record),
    instanceNumber: text(record.dataset, 'InstanceNumber') ?? '',
    ...(icon && { icon }),
  };
}

/** Only icons of 8 bits and of 64 or 128 pixels: the note of 9.1.2.1. */
function iconOf(ds: Dataset): DiscIcon | undefined {
  const [item] = items(ds, 'IconImageSequence');
  if (!item || number(item, 'BitsAllocated') !== 8 || (number(item, 'SamplesPerPixel') ?? 1) !== 1) return undefined;
  const [rows, columns] = [number(item, 'Rows'), number(item, 'Columns')];
  const pixels = bytes(item, 'PixelData');
  if (!rows || rows !== columns || !ICON_SIZES.includes(rows) || !pixels) return undefined;
  return pixels.length >= rows * rows ? { size: rows, pixels: pixels.subarray(0, rows * rows) } : undefined;
}

/** `MULTIVOLUME: xx of yy` of the descriptor file: 10.2.3.3.1. A descriptor that says something else says nothing of volumes. */
async function volumeOf(
  disc: DiscReader,
  files: DiscFiles,
  { descriptorFileId }: Directory,
): Promise<DiscContents['volume']> {
  if (!descriptorFileId) return undefined;
  try {
    const { path } = await files.find(descriptorFileId);
    const line = (await disc.bytes(path, MAX_DESCRIPTOR_BYTES)).toString('latin1');
    const [, volume, of] = /^MULTIVOLUME: (\d{1,3}) of (\d{1,3})\s*$/.exec(line) ?? [];
    return volume && of ? { number: Number(volume), of: Number(of) } : undefined;
  } catch (thrown) {
    const error = asScannerError(thrown);
    if (error.kind === 'data' || error.kind === 'limit') return undefined;
    throw error;
  }
}
