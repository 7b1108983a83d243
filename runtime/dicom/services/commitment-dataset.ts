/** What storage commitment says in its datasets: PS3.4 J.3. */

import { type Dataset, dataset, items, needText, number, text } from '../dataset/dataset.js';
import { hexStatus, STATUS } from '../dimse/status.js';

export interface InstanceRef {
  sopClassUid: string;
  sopInstanceUid: string;
}

export interface CommitmentResult {
  transactionUid: string;
  /** Where the committed instances may be retrieved, when the node says so. */
  retrieveAeTitle?: string;
  committed: InstanceRef[];
  /** Failure Reason (0008,1197) as the standard prints it. */
  failed: (InstanceRef & { reason: string })[];
}

/** Action Type ID of a request. */
export const REQUEST_COMMITMENT = 1;
/** Event Type IDs of a result. */
export const ALL_COMMITTED = 1;
export const SOME_FAILED = 2;

/** The action information of a request. */
export function actionDataset(transactionUid: string, instances: readonly InstanceRef[]): Dataset {
  return dataset({ TransactionUID: transactionUid, ReferencedSOPSequence: instances.map(reference) });
}

/** The event information of a result; an empty sequence is left out, as J.3.3.1.2 has it. */
export function eventDataset(result: CommitmentResult, retrieveAeTitle: string): Dataset {
  const { transactionUid, committed, failed } = result;
  const failures = failed.map((one) => ({
    ...reference(one),
    ...dataset({ FailureReason: Number.parseInt(one.reason, 16) }),
  }));
  return dataset({
    TransactionUID: transactionUid,
    ...(committed.length > 0 && { RetrieveAETitle: retrieveAeTitle, ReferencedSOPSequence: committed.map(reference) }),
    ...(failures.length > 0 && { FailedSOPSequence: failures }),
  });
}

/** The instances that a request is about. @throws ScannerError data.missing */
export function requestedInstances(ds: Dataset): InstanceRef[] {
  return items(ds, 'ReferencedSOPSequence').map(referenced);
}

/** @throws ScannerError data.missing */
export function commitmentResult(ds: Dataset): CommitmentResult {
  return {
    transactionUid: needText(ds, 'TransactionUID'),
    retrieveAeTitle: text(ds, 'RetrieveAETitle'),
    committed: items(ds, 'ReferencedSOPSequence').map(referenced),
    failed: items(ds, 'FailedSOPSequence').map((item) => {
      const reason = number(item, 'FailureReason') ?? STATUS.processingFailure;
      return { ...referenced(item), reason: hexStatus(reason) };
    }),
  };
}

/** A UID that may be kept and sent: PS3.5 9.1. */
export function transactionOf(ds: Dataset | undefined): string | undefined {
  const uid = ds && text(ds, 'TransactionUID');
  return uid && /^[0-9.]{1,64}$/.test(uid) ? uid : undefined;
}

function referenced(item: Dataset): InstanceRef {
  return {
    sopClassUid: needText(item, 'ReferencedSOPClassUID'),
    sopInstanceUid: needText(item, 'ReferencedSOPInstanceUID'),
  };
}

function reference({ sopClassUid, sopInstanceUid }: InstanceRef): Dataset {
  return dataset({ ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid });
}
