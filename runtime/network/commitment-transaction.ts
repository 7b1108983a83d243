import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { Archive } from '../archive/archive.js';
import type { Node } from '../dicom/services/session.js';
import type { AskedInstance } from './commitment-judgement.js';
import type { Backoff } from './worker.js';

/** A node that is asked for commitment. */
export interface CommittingNode extends Node {
  name: string;
  commitment: {
    /** Where its results are expected: the association of the request is kept open for them, or closed at once. */
    association: 'same' | 'separate';
    /** How long a result is waited for, wall ms. */
    openMs: number;
  };
}

/** What became of a transaction. */
export interface CommitmentEnd {
  sendId: string;
  node: string;
  transactionUid: string;
  outcome: 'completed' | 'failed';
  /** SOP Instance UIDs of the archive. */
  committed: string[];
  failed: { sopInstanceUid: string; reason: number }[];
  /** Why no result decided. */
  cause?: string;
}

export interface CommitmentDeskOptions {
  archive: Archive;
  nodes: readonly CommittingNode[];
  callingAe: string;
  clock: Clock;
  log: Log;
  backoff?: Backoff;
}

/** A request for commitment as it is kept: one record of the archive's state, by its Transaction UID. */
export interface Transaction {
  transactionUid: string;
  sendId: string;
  node: string;
  instances: AskedInstance[];
  /** Wall ms since the epoch. */
  askedAt: number;
  expiresAt: number;
  phase: 'asking' | 'waiting' | 'ended';
  end?: CommitmentEnd & { at: number; answered: boolean };
}
