import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScannerError } from '../../hal/base/errors.js';
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
  readonly #added: Dataset[] = [];
  #folder: string | undefined;

  /** An entry as JSON with dictionary keywords; a character set is chosen when it names none. */
  add(entry: PlainDataset): void {
    this.#added.push(datasetOf(entry));
  }

  /**
   * Takes entries from a folder's *.json files too, each an entry or a list of them. They are read anew for every query,
   * so a file that is put there is offered at once.
   * @throws ScannerError data.invalid with the file's path when one of them is not good now
   */
  useFolder(folder: string): void {
    this.#folder = folder;
    this.entries();
  }

  /** All entries as they stand. @throws ScannerError data.invalid */
  entries(): Dataset[] {
    return this.#folder === undefined ? [...this.#added] : [...this.#added, ...readFolder(this.#folder)];
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
    for (const entry of this.entries()) {
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

function readFolder(folder: string): Dataset[] {
  const names = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return names.sort().flatMap((name) => {
    const path = join(folder, name);
    try {
      const content = JSON.parse(readFileSync(path, 'utf8')) as PlainDataset | PlainDataset[];
      return (Array.isArray(content) ? content : [content]).map(datasetOf);
    } catch (error) {
      throw new ScannerError('data.invalid', { what: path, message: (error as Error).message }, error);
    }
  });
}

function datasetOf(entry: PlainDataset): Dataset {
  const ds = fromPlain(entry);
  if (ds['00080005']) return ds;
  const charset = chooseCharacterSet(textsOf(ds), ['ISO_IR 6', 'ISO_IR 100', 'ISO_IR 192']);
  return charset && charset !== 'ISO_IR 6' ? set(ds, 'SpecificCharacterSet', charset) : ds;
}

function textsOf(ds: Dataset): string[] {
  const texts = (value: Value): string[] =>
    typeof value === 'string' ? [value] : typeof value === 'object' && isDataset(value) ? textsOf(value) : [];
  return Object.values(ds).flatMap(({ Value }) => Value.flatMap(texts));
}
