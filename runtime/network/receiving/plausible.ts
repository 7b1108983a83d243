import { isUid } from '../../dicom/dataset/uid.js';
import type { IncomingObject } from '../../dicom/services/store-scp.js';
import type { Findings } from './findings.js';

const REQUIRED = {
  studyInstanceUid: 'Study Instance UID',
  seriesInstanceUid: 'Series Instance UID',
  sopInstanceUid: 'SOP Instance UID',
  sopClassUid: 'SOP Class UID',
} as const;

/**
 * The quick test of 3.2.3.1.3: the UIDs that place an object are there and valid, and its dataset is of the class and instance that
 * its command named.
 * @returns what is wrong, or undefined
 */
export function implausible(object: IncomingObject, found: Findings): string | undefined {
  for (const [field, name] of Object.entries(REQUIRED)) {
    const uid = found[field as keyof typeof REQUIRED];
    if (uid === '') return `${name} is missing`;
    if (!isUid(uid)) return `${name} is invalid: ${uid}`;
  }
  if (found.sopInstanceUid !== object.sopInstanceUid)
    return `SOP Instance UID is not the command's: ${found.sopInstanceUid}`;
  if (found.sopClassUid !== object.sopClassUid) {
    return `SOP Class UID is not the command's: ${found.sopClassUid}`;
  }
  return undefined;
}
