import type { Observable } from 'rxjs';
import type { Millisecond } from '../../hal/base/units.js';
import type { Dataset } from '../dicom/dataset/dataset.js';
import type { BuiltObject, Instance } from '../objects/instance.js';
import type { Fact } from './fact.js';
import type { IndexQuery, IndexRow } from './query.js';

export interface SequencedFact {
  /** Order in which facts became durable. */
  seq: number;
  at: Millisecond;
  fact: Fact;
}

export interface PatientRecord {
  patientId: string;
  patientName: string;
  birthDate: string;
  sex: string;
}

export interface StudyRecord extends PatientRecord {
  studyInstanceUid: string;
  studyDate: string;
  studyTime: string;
  studyId: string;
  accessionNumber: string;
  description: string;
  seriesCount: number;
  instanceCount: number;
}

export interface SeriesRecord {
  seriesInstanceUid: string;
  studyInstanceUid: string;
  modality: string;
  seriesNumber: string;
  description: string;
  protocolName: string;
  instanceCount: number;
}

export interface InstanceRecord extends Instance {
  instanceNumber: string;
  storedAt: Millisecond;
  origin: 'made' | 'received';
}

export interface InstanceFilter {
  studyInstanceUid?: string;
  seriesInstanceUid?: string;
  sopInstanceUids?: readonly string[];
}

/** What is known of one instance at one destination node: the status flags. */
export interface Delivery {
  sopInstanceUid: string;
  node: string;
  sent: 'sent' | 'failed';
  /** DIMSE status of the store, or undefined when it did not come to an answer. */
  status?: number;
  at: Millisecond;
  commitment: 'none' | 'pending' | 'committed' | 'failed';
  transactionUid: string;
  /** Failure reason of the commitment, 0 when none. */
  reason: number;
}

/** What became of a received object. */
export interface Imported {
  /** The object that the archive has: the first of its SOP Instance UID. */
  instance: Instance;
  /** True when the archive had an object of this SOP Instance UID before: what came now is not kept. */
  duplicate: boolean;
  /** True when what came is what the archive has, byte for byte. */
  identical: boolean;
}

/** What the caller has learnt of an object already; what is absent is found out. */
export interface KnownOfObject {
  /** SHA-256 of the Part 10 file, hex. */
  checksum?: string;
  /** Its elements, at least those of `INDEXED_TAGS`. */
  header?: { dataset: Dataset; transferSyntax: string };
}

export interface IntegrityReport {
  /** Half-written temporary files that were removed. */
  removed: string[];
  /** Objects on disk that the index lacked and now has. */
  indexed: string[];
  /** Objects of the index whose file is gone: kept, but no longer offered. */
  missing: string[];
  /** Files named .dcm that are no DICOM objects: left where they are. */
  unreadable: string[];
}

/**
 * Objects, their index, and the outbox. All methods are promises so that a database server can stand behind the same interface.
 * Every method throws ScannerError data.disk when the disk or the index cannot take it; then nothing of the call is kept.
 */
export interface Archive {
  /** Facts as they become durable. */
  readonly facts$: Observable<SequencedFact>;
  /** What opening found and mended. */
  readonly integrity: IntegrityReport;
  /**
   * Stores objects. Resolves when files and index are durable; `facts` become durable in the same step.
   * @throws ScannerError data.disk, data.missing, data.invalid (another object has the same SOP Instance UID)
   */
  store(objects: Iterable<BuiltObject>, facts?: readonly Fact[]): Promise<Instance[]>;
  /**
   * Takes over a received Part 10 file, bit for bit; the file at `path`, which must be durable there, is gone afterwards. Resolves
   * when the object cannot be lost any more; from then on every other method knows it, on other hosts of the archive some 50 ms later.
   * The file of a small object may follow later: `instances` waits for those that it returns.
   * @throws ScannerError data.disk, data.dicom, data.missing, data.invalid; the file stays where it is
   */
  importFile(path: string, known?: KnownOfObject): Promise<Imported>;
  /** The same for a small object in memory: a complete Part 10 file. */
  importBytes(part10: Buffer, known?: KnownOfObject): Promise<Imported>;

  putFacts(...facts: Fact[]): Promise<SequencedFact[]>;
  /** Facts that `consumer` has not acknowledged, oldest first. From the first call on facts are kept for it; what all consumers have acknowledged goes. */
  facts(consumer: string, limit?: number): Promise<SequencedFact[]>;
  ack(consumer: string, ...seqs: number[]): Promise<void>;

  patients(): Promise<PatientRecord[]>;
  studies(filter?: { studyInstanceUid?: string; patientId?: string }): Promise<StudyRecord[]>;
  series(filter?: { studyInstanceUid?: string; seriesInstanceUid?: string }): Promise<SeriesRecord[]>;
  /** By series and instance number. */
  instances(filter?: InstanceFilter): Promise<InstanceRecord[]>;

  /**
   * Patients, studies, series or instances, each when it has been accepted, never all in memory; images in the order of their
   * series and instance numbers.
   * @throws ScannerError data.disk, timeout.aborted when `signal` fires
   */
  query(query: IndexQuery, signal?: AbortSignal): AsyncIterable<IndexRow>;

  recordDeliveries(node: string, results: readonly DeliveryResult[]): Promise<void>;
  recordCommitment(node: string, results: readonly CommitmentResult[]): Promise<void>;
  deliveries(filter: {
    node?: string;
    sopInstanceUids?: readonly string[];
    transactionUid?: string;
  }): Promise<Delivery[]>;

  /** A small JSON record that a worker keeps between starts. */
  loadState<T>(owner: string, key: string): Promise<T | undefined>;
  saveState(owner: string, key: string, value: unknown): Promise<void>;
  removeState(owner: string, key: string): Promise<void>;
  states<T>(owner: string): Promise<{ key: string; value: T }[]>;

  close(): Promise<void>;
}

export type DeliveryResult = Pick<Delivery, 'sopInstanceUid' | 'sent' | 'status'>;
export type CommitmentResult = Pick<Delivery, 'sopInstanceUid' | 'commitment' | 'transactionUid' | 'reason'>;
