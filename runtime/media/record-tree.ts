import { type Dataset, text } from '../dicom/dataset/dataset.js';
import { allRecords, type DirectoryRecord, recordType, referencedFile } from './directory.js';
import type { Place } from './file-ids.js';
import { type RecordPath, refer } from './records.js';

/** Records that grow object by object; those of an older session stay as they are, and what belongs to them goes below them. */
export class RecordTree {
  readonly records: DirectoryRecord[];
  readonly #known = new Map<string, DirectoryRecord>();
  readonly #instances = new Set<string>();

  constructor(records: readonly DirectoryRecord[] = []) {
    this.records = copied(records);
    for (const record of allRecords(records)) {
      const file = referencedFile(record);
      if (file) this.#instances.add(file.sopInstanceUid);
    }
    this.#learn(this.records, '');
  }

  /** True when a record refers to this instance. */
  has(sopInstanceUid: string): boolean {
    return this.#instances.has(sopInstanceUid);
  }

  add({ patient, study, series, leaf }: RecordPath, fileId: readonly string[]): void {
    let siblings = this.records;
    let key = '';
    for (const dataset of [patient, study, series]) {
      key = JSON.stringify([key, identity(dataset)]);
      const record = this.#known.get(key) ?? { dataset, lower: [] };
      if (!this.#known.has(key)) siblings.push(record);
      this.#known.set(key, record);
      siblings = record.lower;
    }
    siblings.push({ dataset: refer(leaf, fileId), lower: [] });
    this.#instances.add(text(leaf, 'ReferencedSOPInstanceUIDInFile') ?? '');
  }

  #learn(records: readonly DirectoryRecord[], above: string): void {
    for (const record of records) {
      if (!['PATIENT', 'STUDY', 'SERIES'].includes(recordType(record))) continue;
      const key = JSON.stringify([above, identity(record.dataset)]);
      if (!this.#known.has(key)) this.#known.set(key, record);
      this.#learn(record.lower, key);
    }
  }
}

function copied(records: readonly DirectoryRecord[]): DirectoryRecord[] {
  return records.map(({ dataset, lower }) => ({ dataset, lower: copied(lower) }));
}

export function placeOf({ patient, study, series }: RecordPath): Place {
  return { patient: identity(patient), study: identity(study), series: identity(series) };
}

/** What tells one patient, study or series from another. An ID under another name is another patient. */
function identity(record: Dataset): string {
  const keys = ['PatientID', 'PatientName', 'StudyInstanceUID', 'SeriesInstanceUID'];
  return JSON.stringify(keys.map((keyword) => text(record, keyword) ?? ''));
}
