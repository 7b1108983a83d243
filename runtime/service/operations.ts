/** What the service socket offers, as the controller provides it. Plain serialisable records only. */

import type { Observable } from 'rxjs';
import type { DoseSummary } from '../archive/fact.js';
import type { MoveCounts } from '../dicom/services/move-scu.js';
import type { SupplyInput } from '../exam/supplies.js';
import type { FilmJobState } from '../film/film-job.js';
import type { CameraReport } from '../film/film-queue.js';
import type { StepPhase, StepRefusal } from '../network/mpps-step.js';
import type { PatientQuery } from '../worklist/query.js';
import type { ScheduledStep } from '../worklist/store.js';
import type { UpdateResult } from '../worklist/updates.js';
import type { SendState } from './send-methods.js';

export interface ExamRequest {
  protocol: string;
  /** Of a worklist entry; with a patient it is that of a request that the worklist does not know. */
  accession?: string;
  /** Scheduled Procedure Step IDs of the accession number's entries; those of one day when absent. */
  steps?: string[];
  patientId?: string;
  patientName?: string;
  /** DA. */
  patientBirthDate?: string;
  patientSex?: 'M' | 'F' | 'O';
  requestedProcedureId?: string;
  emergency?: boolean;
  operator?: string;
  performingPhysician?: string;
  /** What is used and billed. */
  supplies?: SupplyInput[];
  /** Contrast agent given, empty when it is not named. */
  contrast?: string;
  /** Term of Body Part Examined instead of the protocol's. */
  bodyPart?: string;
  /** Image Comments. */
  imageComment?: string;
  bedSeconds?: number;
  span?: { fromZ: number; toZ: number };
  ma?: number;
  /** What was injected, at the start of the examination; the configuration's when absent. */
  injection?: { radionuclide: string; radiopharmaceutical: string; activityMBq: number };
  /** A phantom's name or file for the simulated patient; refused with outside hardware. */
  phantom?: string;
}

export interface SeriesReport {
  modality: string;
  sopClass: string;
  description: string;
  seriesInstanceUid: string;
  count: number;
}

export interface DeliveryReport {
  node: string;
  sent: number;
  failed: number;
  /** Instances whose storage the node has committed; absent when it was not asked. */
  committed?: number;
  error?: string;
}

export type ExamPhase =
  | 'registered'
  | 'acquiring'
  /** The scanner is safe; the examination waits for what stands in the way, or for the operator. */
  | 'interrupted'
  | 'reconstructing'
  | 'storing'
  | 'closing'
  | 'completed'
  | 'discontinued';

export interface ExamReport {
  examId: string;
  protocol: string;
  accession: string;
  patientId: string;
  patientName: string;
  phase: ExamPhase;
  outcome?: 'COMPLETED' | 'DISCONTINUED';
  reason?: string;
  studyInstanceUid: string;
  series: SeriesReport[];
  /** Wall seconds each stage took, in order. */
  stages: { name: string; seconds: number }[];
  dose: DoseSummary;
  /** Mean rates of each PET frame, counts a second of scanner time. */
  countRates: {
    bed: number;
    frame: number;
    promptsPerSecond: number;
    randomsPerSecond: number;
    singlesPerSecond: number;
  }[];
  previews: string[];
  deliveries: DeliveryReport[];
  /** How far the RIS is told of the performed procedure step: completed, discontinued, refused, retrying, ...; none without a node. */
  mpps: string;
  deviations: string[];
}

/** Notified to the client that searches or imports. */
export type RetrieveEvent =
  | { type: 'search'; node: string; found: number }
  | ({ type: 'import'; node: string } & MoveCounts);

export type ServiceEvent =
  | RetrieveEvent
  | { type: 'progress'; examId: string; stage: string; label: string; fraction: number }
  /** `reason` says why it is interrupted. */
  | { type: 'exam'; examId: string; phase: ExamPhase; reason?: string }
  /** How far a send job is. */
  | { type: 'send'; sendId: string; node: string; state: SendState; sent: number; failed: number; total: number }
  /** What a node said of what it was asked to commit to; `cause` when it said nothing. */
  | {
      type: 'commitment';
      sendId: string;
      node: string;
      transactionUid: string;
      outcome: 'completed' | 'failed';
      committed: number;
      failed: number;
      cause?: string;
    }
  | { type: 'delivery'; examId: string; node: string; done: number; total: number }
  /** What the RIS was told of a performed procedure step, or why it was not. */
  | { type: 'mpps'; examId: string; state: string; reason?: string }
  /** A film in a camera's queue; `reason` when the camera did not print it. */
  | {
      type: 'film';
      jobId: string;
      camera: string;
      state: FilmJobState;
      printed: number;
      copies: number;
      reason?: string;
    }
  /** A camera's status and queue; `reason` says why the queue stands. */
  | ({ type: 'camera'; camera: string; waiting: number; reason?: string } & Pick<CameraReport, 'queue'> &
      Pick<CameraReport['state'], 'status' | 'symbol' | 'message'>)
  | { type: 'device'; device: string; lifecycle: string; fault?: string };

export interface LogEntry {
  at: number;
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  fields: object;
}

/** Scheduled starts from the user: DA and TM, each end open when absent. */
export interface StartRange {
  fromDate?: string;
  toDate?: string;
  fromTime?: string;
  toTime?: string;
}

export interface WorklistOperations {
  /** The scheduler database. */
  list(): Promise<ScheduledStep[]>;
  /** A broad query now; the configured days without a range. @throws ScannerError peer.*, operator.usage */
  update(range: StartRange): Promise<UpdateResult>;
  /** A patient based query. @throws ScannerError peer.*, operator.usage without a key */
  query(keys: Omit<PatientQuery, 'startDate'> & { range?: StartRange }): Promise<UpdateResult>;
}

/** One performed procedure step and how far the RIS is told of it. */
export interface StepReport {
  examId: string;
  sopInstanceUid: string;
  ppsId: string;
  studyInstanceUid: string;
  accession: string;
  patientId: string;
  patientName: string;
  scheduledSteps: string[];
  phase: StepPhase;
  series: number;
  /** Why it has not been sent yet. */
  waiting?: string;
  refusal?: StepRefusal;
  /** Of the last change, ms since the epoch. */
  at: number;
}

/** What the user enters with an order. */
export interface StepInput {
  description?: string;
  procedureChanged?: boolean;
  supplies?: SupplyInput[];
  reason?: string;
  comment?: string;
}

export interface MppsOperations {
  list(): Promise<StepReport[]>;
  /** @throws ScannerError operator.unknown, operator.state after the end of the step, operator.usage without a node */
  order(examId: string, what: 'send' | 'complete' | 'discontinue', input: StepInput): Promise<StepReport[]>;
}

export interface Operations {
  version: string;
  status(): {
    aeTitle: string;
    hardware: string;
    speed: number;
    data: string;
    dicomPort: number;
    examRunning: string | null;
  };
  devices(): Record<string, { lifecycle: string; identity: object | null; state: object }>;
  readonly worklist: WorklistOperations;
  readonly mpps: MppsOperations;
  /** Starts an examination and returns at once. @throws ScannerError operator.state while another runs, limit.* for the plan */
  startExam(request: ExamRequest): Promise<{ examId: string }>;
  examReport(examId: string): ExamReport;
  examReports(): ExamReport[];
  /** Resolves when the examination has ended and its deliveries are done or failed. */
  examEnd(examId: string, signal: AbortSignal): Promise<ExamReport>;
  abortExam(examId: string, reason: string): void;
  continueExam(examId: string): void;
  /** Presses, opens and breaks things of the simulated scanner. @throws ScannerError operator.state with outside hardware */
  simulate(action: { do: string } & Record<string, unknown>): Promise<unknown>;
  resetInterlock(): Promise<void>;
  logs(last: number): LogEntry[];
  events$: Observable<ServiceEvent>;
}
