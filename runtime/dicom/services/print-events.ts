import { asScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import { text } from '../dataset/dataset.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import { STATUS } from '../dimse/status.js';
import { PRINT } from './print-attributes.js';
import { judgePrinter, type PrinterSets, type PrinterStatus } from './printer-status.js';

/** A state that a printer or a print job reports by itself: Tables 48 and 50. */
export interface PrintEvent extends PrinterStatus {
  of: 'printer' | 'printJob';
  sopInstanceUid: string;
}

interface EventOptions {
  sets?: PrinterSets;
  log: Log;
  onEvent?(event: PrintEvent): void;
}

/** N-EVENT-REPORT of the printer or of a print job. */
export async function takeEvent(request: DimseRequest, { sets, log, onEvent }: EventOptions): Promise<Reply> {
  if (request.name !== 'N-EVENT-REPORT') return { status: STATUS.unrecognizedOperation };
  const {
    AffectedSOPClassUID: sopClass,
    AffectedSOPInstanceUID: sopInstanceUid = '',
    EventTypeID: type,
  } = request.command;
  const of = sopClass === PRINT.classes.printer ? 'printer' : 'printJob';
  if (of === 'printJob' && sopClass !== PRINT.classes.printJob) return { status: STATUS.noSuchClass };
  const state = PRINT.events[of]?.[String(type)];
  if (state === undefined) return { status: STATUS.noSuchEventType };
  const fields = { EventTypeID: type };
  try {
    const ds = await request.dataset();
    const info = (ds && text(ds, of === 'printer' ? 'PrinterStatusInfo' : 'ExecutionStatusInfo')) ?? '';
    onEvent?.({ ...judgePrinter({ of, state, info }, sets), of, sopInstanceUid });
    return { status: STATUS.success, fields };
  } catch (error) {
    log.warn({ error: asScannerError(error).message }, 'event of the printer cannot be read');
    return { status: STATUS.processingFailure, fields };
  }
}
