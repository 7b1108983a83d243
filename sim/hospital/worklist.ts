import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import { type Dataset, isDataset, set, type Value } from '../../runtime/dicom/dataset/dataset.js';
import { matches, project } from '../../runtime/dicom/dataset/matching.js';
import { fromPlain, type PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import { chooseCharacterSet } from '../../runtime/dicom/dataset/text.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import { UIDS } from '../../runtime/dicom/uids.js';

/** The scheduled steps of the hospital and the Modality Worklist SCP that offers them. */
export class Worklist {
  readonly entries: Dataset[] = [];

  /** An entry as JSON with dictionary keywords; a character set is chosen when it names none. */
  add(entry: PlainDataset): void {
    const ds = fromPlain(entry);
    if (!ds['00080005']) {
      const charset = chooseCharacterSet(textsOf(ds), ['ISO_IR 6', 'ISO_IR 100', 'ISO_IR 192']);
      if (charset && charset !== 'ISO_IR 6') set(ds, 'SpecificCharacterSet', charset);
    }
    this.entries.push(ds);
  }

  /**
   * Adds the entries of a folder's *.json files, each an entry or a list of them.
   * @throws ScannerError data.invalid with the file's path
   */
  addFolder(folder: string): void {
    for (const name of readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .sort()) {
      const path = join(folder, name);
      try {
        const content = JSON.parse(readFileSync(path, 'utf8')) as PlainDataset | PlainDataset[];
        for (const entry of Array.isArray(content) ? content : [content]) this.add(entry);
      } catch (error) {
        throw asScannerError(error, 'data.invalid', { what: path });
      }
    }
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
    for (const entry of [...this.entries]) {
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

function textsOf(ds: Dataset): string[] {
  const texts = (value: Value): string[] =>
    typeof value === 'string' ? [value] : typeof value === 'object' && isDataset(value) ? textsOf(value) : [];
  return Object.values(ds).flatMap(({ Value }) => Value.flatMap(texts));
}
