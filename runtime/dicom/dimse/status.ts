import { readTable } from '../../../hal/base/table.js';

interface Statuses {
  success: number;
  cancel: number;
  pending: number;
  pendingWarning: number;
  warningCoercion: number;
  warningElements: number;
  warningDataSet: number;
  noSuchAttribute: number;
  invalidAttributeValue: number;
  processingFailure: number;
  duplicateInstance: number;
  noSuchInstance: number;
  noSuchEventType: number;
  noSuchArgument: number;
  invalidArgument: number;
  invalidInstance: number;
  noSuchClass: number;
  classInstanceConflict: number;
  missingAttribute: number;
  missingAttributeValue: number;
  sopClassNotSupported: number;
  noSuchAction: number;
  notAuthorized: number;
  duplicateInvocation: number;
  unrecognizedOperation: number;
  mistypedArgument: number;
  resourceLimitation: number;
  outOfResources: number;
  identifierMismatch: number;
  /** Of C-STORE: the dataset does not match its SOP class. */
  invalidDataSet: number;
  cannotUnderstand: number;
}

/** Status codes by name: PS3.7 C, PS3.4 B.2.3. */
export const STATUS: Readonly<Statuses> = readTable(import.meta.url, '../tables/statuses.json');

export type StatusClass = 'success' | 'warning' | 'failure' | 'cancel' | 'pending';

/** What a status says: PS3.7 C. */
export function statusClass(status: number): StatusClass {
  if (status === STATUS.success) return 'success';
  if (status === STATUS.cancel) return 'cancel';
  if (status === STATUS.pending || status === STATUS.pendingWarning) return 'pending';
  const warning = status === 0x0001 || status === 0x0107 || status === 0x0116 || status >> 12 === 0xb;
  return warning ? 'warning' : 'failure';
}

/** A status as the standard prints it: 'A700'. */
export function hexStatus(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}
