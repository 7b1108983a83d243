import { STATUS } from '../dicom/dimse/status.js';
import type { CommitmentResult, InstanceRef } from '../dicom/services/commitment-dataset.js';

/** An instance of the archive that a node was asked to commit to. */
export interface AskedInstance extends InstanceRef {
  /** The UID under which it was sent, where that was a derived object. */
  sentAs?: string;
}

export interface Judgement {
  /** SOP Instance UIDs of the archive. */
  committed: string[];
  failed: { sopInstanceUid: string; reason: number }[];
  /** How many instances the result names that nobody asked about. */
  strangers: number;
  retrieveAeTitle?: string;
}

/**
 * What a result says of the instances that were asked about. One that it does not name, or names under another class, is not
 * committed; one that it names both ways is not either.
 */
export function judge(asked: readonly AskedInstance[], result: CommitmentResult): Judgement {
  const classes = new Map(result.committed.map((one) => [one.sopInstanceUid, one.sopClassUid]));
  const reasons = new Map(result.failed.map((one) => [one.sopInstanceUid, Number.parseInt(one.reason, 16)]));
  const { retrieveAeTitle } = result;
  const judgement: Judgement = { committed: [], failed: [], strangers: 0, retrieveAeTitle };
  for (const { sopInstanceUid, sopClassUid, sentAs = sopInstanceUid } of asked) {
    const reason = reasons.get(sentAs) ?? reasonAgainst(classes.get(sentAs), sopClassUid);
    if (reason === undefined) judgement.committed.push(sopInstanceUid);
    else judgement.failed.push({ sopInstanceUid, reason });
  }
  const known = new Set(asked.map(({ sopInstanceUid, sentAs }) => sentAs ?? sopInstanceUid));
  const named = new Set([...classes.keys(), ...reasons.keys()]);
  judgement.strangers = [...named].filter((uid) => !known.has(uid)).length;
  return judgement;
}

function reasonAgainst(committedClass: string | undefined, sopClassUid: string): number | undefined {
  if (committedClass === undefined) return STATUS.processingFailure;
  return committedClass === sopClassUid ? undefined : STATUS.classInstanceConflict;
}
