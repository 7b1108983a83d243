import { readTable } from '../../hal/base/table.js';

interface WellKnown {
  verification: string;
  storageCommitment: string;
  /** The well-known SOP instance of storage commitment. */
  storageCommitmentInstance: string;
  modalityPerformedProcedureStep: string;
  modalityWorklist: string;
  applicationContext: string;
}

/** UIDs of the services: PS3.6 A. */
export const UIDS: Readonly<WellKnown> = readTable(import.meta.url, './tables/uids.json');
