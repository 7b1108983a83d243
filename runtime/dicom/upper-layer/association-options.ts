import type { Socket } from 'node:net';
import type { Clock } from '../../../hal/base/clock.js';
import type { ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { Framing } from '../../../native/net.js';
import type { MemoryBudget } from './memory-budget.js';
import type { AssociateAc, AssociateRj, AssociateRq } from './pdu.js';
import type { Timeouts } from './settings.js';

export interface AcceptedContext {
  id: number;
  abstractSyntax: string;
  transferSyntax: string;
  /** Which of the service's roles we may take in it. */
  weAreScu: boolean;
  weAreScp: boolean;
}

export interface AssociationInfo {
  calledAe: string;
  callingAe: string;
  implementationClassUid: string;
  implementationVersionName: string | undefined;
  /** Address of the peer's socket. */
  address: string;
  /** Name of the configured node that the peer was let in as. */
  node?: string;
}

/** A dataset that a thread goes on with. */
export interface LentReading {
  framing: Framing;
  /** What had come of it and was not read. */
  pieces: Buffer[];
}

export interface AssociationOptions {
  socket: Socket;
  role: 'requestor' | 'acceptor';
  clock: Clock;
  log: Log;
  timeouts: Timeouts;
  /** Longest PDU that we take. */
  maxPduLength: number;
  /** Longest dataset that we take; any when absent. */
  maxDatasetBytes?: number;
  /** What may wait in memory, shared with other associations. */
  budget?: MemoryBudget;
  /** What error messages call the peer. */
  peerName: string;
  onAssociate?: (request: AssociateRq) => void;
  onAnswer?: (answer: AssociateAc | AssociateRj) => void;
  /** Called once when the association is over, for whatever reason. */
  onEnd?: (failure: ScannerError | undefined) => void;
}
