import { createMpps, type MppsResult, setMpps } from '../dicom/services/mpps-scu.js';
import type { ScuOptions } from '../dicom/services/session.js';
import type { MppsService } from './mpps-worker.js';

const SUCCESS = '0000';

/** The performed procedure step service of a RIS, one association a request. */
export function mppsService(scu: ScuOptions): MppsService {
  // a warning is a success that the hospital's staff may want to know of
  const noted = (request: string, sopInstanceUid: string) => (result: MppsResult) => {
    const { status } = result;
    if (status !== SUCCESS) scu.log.warn({ request, sopInstanceUid, status }, 'performed procedure step: warning');
  };
  return {
    create: (sopInstanceUid, attributes) =>
      createMpps({ ...scu, sopInstanceUid, attributes }).then(noted('N-CREATE', sopInstanceUid)),
    set: (sopInstanceUid, attributes) =>
      setMpps({ ...scu, sopInstanceUid, attributes }).then(noted('N-SET', sopInstanceUid)),
  };
}
