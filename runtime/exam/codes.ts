import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { CodeItem } from '../worklist/item.js';

export interface CodeRow extends CodeItem {
  key: string;
}

export interface RadionuclideRow extends CodeRow {
  halfLifeSeconds: number;
  positronFraction: number;
}

export interface RadiopharmaceuticalRow extends CodeRow {
  /** Key of the nuclide that it carries. */
  radionuclide: string;
}

interface Rows<R> {
  rows: R[];
}

interface CodeTables {
  radionuclides: Rows<RadionuclideRow>;
  radiopharmaceuticals: Rows<RadiopharmaceuticalRow>;
  relatedSeriesPurposes: Rows<CodeRow>;
  patientOrientation: Rows<CodeRow>;
  ctdiPhantoms: Rows<CodeRow>;
  discontinuationReasons: Rows<CodeRow>;
}

const CODES: Readonly<CodeTables> = readTable(import.meta.url, '../dicom/tables/codes.json');

/**
 * A code by the name that people use (`F-18`, `FDG`, `BODY`) or by its code value.
 * @throws ScannerError operator.unknown with what is known
 */
export function codeOf<K extends keyof CodeTables>(table: K, name: string): CodeTables[K]['rows'][number] {
  const rows: readonly CodeTables[K]['rows'][number][] = CODES[table].rows;
  const wanted = name.toLowerCase();
  const found = rows.find((row) => row.key.toLowerCase() === wanted || row.value.toLowerCase() === wanted);
  if (!found)
    throw new ScannerError('operator.unknown', { what: table, name, known: rows.map((row) => row.key).join(', ') });
  return found;
}
