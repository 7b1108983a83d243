import { createMpps, setMpps } from '../dicom/services/mpps-scu.js';
import type { ScuOptions } from '../dicom/services/session.js';
import type { MppsService } from './mpps-worker.js';

/** The performed procedure step service of a RIS, one association a request. */
export function mppsService(scu: ScuOptions): MppsService {
  return {
    create: async (sopInstanceUid, attributes) => void (await createMpps({ ...scu, sopInstanceUid, attributes })),
    set: async (sopInstanceUid, attributes) => void (await setMpps({ ...scu, sopInstanceUid, attributes })),
  };
}
