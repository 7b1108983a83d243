import { setImmediate } from 'node:timers/promises';
import { readTable } from '../../hal/base/table.js';
import type { Dataset } from '../../runtime/dicom/dataset/dataset.js';
import { matches, project } from '../../runtime/dicom/dataset/matching.js';
import type { PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { type EntryFolder, entryOf } from './entries.js';
import { Schedule } from './schedule.js';

export interface WorklistOptions {
  folder?: EntryFolder;
  /** Knows what was cancelled, put off or performed; default: nothing was. */
  schedule?: Schedule;
}

/** The scheduled steps of the hospital and the Modality Worklist SCP that offers them. */
export class Worklist {
  readonly schedule: Schedule;
  readonly #folder: EntryFolder | undefined;
  readonly #added: Dataset[] = [];

  constructor(options: WorklistOptions = {}) {
    this.#folder = options.folder;
    this.schedule = options.schedule ?? new Schedule(new Map());
  }

  /** An entry as JSON with dictionary keywords; a character set is chosen when it names none. @throws ScannerError data.invalid */
  add(entry: PlainDataset): void {
    this.#added.push(entryOf(entry));
  }

  /** The entries as they stand for those who call the RIS `aeTitle`. @throws ScannerError data.invalid when the folder cannot be read */
  async entries(aeTitle: string): Promise<Dataset[]> {
    const filed = (await this.#folder?.read(aeTitle)) ?? [];
    return this.schedule.asTheyStand([...this.#added, ...filed]);
  }

  service(): Service {
    return {
      syntaxes: { [UIDS.modalityWorklist]: UNCOMPRESSED },
      operations: { 'C-FIND': (request) => this.#find(request) },
    };
  }

  async *#find(request: DimseRequest): AsyncGenerator<Reply> {
    const query = await request.dataset();
    if (!query) {
      yield { status: STATUS.identifierMismatch, comment: 'no identifier' };
      return;
    }
    for (const entry of await this.entries(request.association.info.calledAe)) {
      await setImmediate(); // a C-CANCEL is heard between two answers
      if (request.signal.aborted) {
        yield { status: STATUS.cancel };
        return;
      }
      if (matches(query, entry)) yield { status: STATUS.pending, dataset: project(query, entry) };
    }
    yield { status: STATUS.success };
  }
}

/** Entries for a demonstration, scheduled on `date` (YYYYMMDD) at a station. */
export function demoEntries(date: string, stationAeTitle: string): PlainDataset[] {
  const entries: PlainDataset[] = readTable(import.meta.url, './demo-worklist.json');
  return entries.map((entry) => {
    const [step] = entry.ScheduledProcedureStepSequence as [PlainDataset];
    const scheduled = { ScheduledStationAETitle: stationAeTitle, ScheduledProcedureStepStartDate: date };
    return { ...entry, ScheduledProcedureStepSequence: [{ ...step, ...scheduled }] };
  });
}
