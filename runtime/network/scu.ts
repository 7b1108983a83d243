import type { CommitmentScu } from '../dicom/services/commitment-scu.js';
import { createMpps, setMpps } from '../dicom/services/mpps-scu.js';
import type { ScuOptions } from '../dicom/services/session.js';
import { storeFiles } from '../dicom/services/store-scu.js';
import type { CommitmentService } from './commitment-desk.js';
import type { MppsService } from './mpps-worker.js';
import type { StoreService } from './send-worker.js';

/** The performed procedure step service of a RIS, one association a request. */
export function mppsService(scu: ScuOptions): MppsService {
  return {
    create: async (sopInstanceUid, attributes) => void (await createMpps({ ...scu, sopInstanceUid, attributes })),
    set: async (sopInstanceUid, attributes) => void (await setMpps({ ...scu, sopInstanceUid, attributes })),
  };
}

/** Storage to a node, one association a call. */
export function storeService(scu: ScuOptions): StoreService {
  return (paths, onResult) => storeFiles({ ...scu, onResult }, paths);
}

/**
 * Storage commitment of a node. Its results come through `commitment`, whose service must stand in our DicomServer.
 * @param keepOpenMs how long the request's association waits for the result; 0 releases it at once
 */
export function commitmentService(scu: ScuOptions, commitment: CommitmentScu, keepOpenMs = 0): CommitmentService {
  return {
    request: ({ instances, transactionUid, deadlineMs, signal }) => {
      const timeouts = { ...scu.timeouts, commitMs: deadlineMs };
      return commitment.request({ ...scu, timeouts, signal, instances, transactionUid, keepOpenMs });
    },
  };
}
