import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { Supply } from './exam.js';

/** What the operator enters of something used: 6.2.4 and the billing rows of Table 67. */
export interface SupplyInput {
  code: string;
  /** Coding Scheme Designator; the site's catalogue when absent. */
  scheme?: string;
  meaning: string;
  quantity?: number;
  /** A unit of UCUM, e.g. ml. */
  unit?: string;
}

/** Where codes come from that are entered without a scheme. */
export interface Catalog {
  catalogName: string;
  catalogVersion: string;
}

interface UnitTable {
  units: { scheme: string; version: string; rows: { value: string; meaning: string }[] };
}

const { units: UNITS }: UnitTable = readTable(import.meta.url, '../dicom/tables/mpps.json');

/** @throws ScannerError operator.unknown for a unit that is not in the table */
export function supplyOf(input: SupplyInput, { catalogName, catalogVersion }: Catalog): Supply {
  const { code: value, scheme, meaning, quantity, unit } = input;
  const version = scheme === undefined && catalogVersion ? catalogVersion : undefined;
  const code = { value, scheme: scheme ?? catalogName, version, meaning };
  return quantity === undefined ? { code } : { code, quantity, unit: unit === undefined ? undefined : unitOf(unit) };
}

function unitOf(name: string) {
  const { scheme, version, rows } = UNITS;
  const found = rows.find(({ value }) => value === name);
  if (found) return { value: found.value, scheme, version, meaning: found.meaning };
  throw new ScannerError('operator.unknown', { what: 'unit', name, known: rows.map(({ value }) => value).join(', ') });
}
