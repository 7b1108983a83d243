/** The media storage directory, DICOMDIR: PS3.3 F, PS3.10 8. */

import { type Dataset, text, texts } from '../dicom/dataset/dataset.js';
import type { Kind } from './profile.js';

/** One directory record with what hangs below it. */
export interface DirectoryRecord {
  /** Everything but the links to other records: type, referenced file, keys. */
  dataset: Dataset;
  lower: DirectoryRecord[];
}

export interface Directory {
  /** At most 16 characters; empty when there is none. */
  fileSetId: string;
  fileSetUid: string;
  /** Components of the descriptor file's ID. */
  descriptorFileId?: readonly string[];
  records: DirectoryRecord[];
}

/** The file that a record refers to. */
export interface ReferencedFile extends Kind {
  /** Components of its file ID. */
  fileId: readonly string[];
  sopInstanceUid: string;
}

/** Name of the directory in the root of a disc: PS3.10 8.6. */
export const DICOMDIR = 'DICOMDIR';
/** Links of a record, which only its place in the file decides. */
export const LINK_TAGS = { next: '00041400', inUse: '00041410', lower: '00041420' } as const;

export function recordType({ dataset }: DirectoryRecord): string {
  return text(dataset, 'DirectoryRecordType') ?? '';
}

/** The file of a record, or undefined when it refers to none. */
export function referencedFile({ dataset }: DirectoryRecord): ReferencedFile | undefined {
  const fileId = texts(dataset, 'ReferencedFileID').filter(Boolean);
  if (fileId.length === 0) return undefined;
  return {
    fileId,
    sopClassUid: text(dataset, 'ReferencedSOPClassUIDInFile') ?? '',
    sopInstanceUid: text(dataset, 'ReferencedSOPInstanceUIDInFile') ?? '',
    transferSyntaxUid: text(dataset, 'ReferencedTransferSyntaxUIDInFile') ?? '',
  };
}

/** Records below these and these themselves, each before what hangs below it. */
export function* allRecords(records: readonly DirectoryRecord[]): Generator<DirectoryRecord> {
  for (const record of records) {
    yield record;
    yield* allRecords(record.lower);
  }
}
