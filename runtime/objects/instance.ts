import type { BulkValue } from '../dicom/dataset/bulk.js';
import type { Dataset } from '../dicom/dataset/dataset.js';

/** One Part 10 file that stands durable in the archive. */
export interface Instance {
  sopClassUid: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
  studyInstanceUid: string;
  transferSyntaxUid: string;
  modality: string;
  file: string;
  bytes: number;
  /** SHA-256 of the file, hex. */
  checksum: string;
}

/** An object that was built and is to be stored: values that are too big for memory are streamed. */
export interface BuiltObject {
  dataset: Dataset;
  /** Values by tag; the dataset holds the element with an empty Value. */
  bulk?: Readonly<Record<string, BulkValue>>;
  /** Explicit VR little endian when absent. */
  transferSyntaxUid?: string;
}

/** A series as the performed procedure step reports it. */
export interface SeriesSummary {
  seriesInstanceUid: string;
  modality: string;
  description: string;
  protocolName: string;
  sopClassUid: string;
  instances: { sopClassUid: string; sopInstanceUid: string }[];
}
