import type { Archive } from '../../archive/archive.js';

const OWNER = 'receiving.converted';

/** Keeps under which UID an object of a retired class is known here. */
export function rememberConversion(
  archive: Pick<Archive, 'saveState'>,
  sopInstanceUid: string,
  newSopInstanceUid: string,
): Promise<void> {
  return archive.saveState(OWNER, sopInstanceUid, newSopInstanceUid);
}

/**
 * The UID under which an instance that we were sent is kept: another one when its class was retired. Commitment is asked for, and
 * answered, under the UID that the sender knows.
 */
export async function keptUid(archive: Pick<Archive, 'loadState'>, sopInstanceUid: string): Promise<string> {
  return (await archive.loadState<string>(OWNER, sopInstanceUid)) ?? sopInstanceUid;
}
