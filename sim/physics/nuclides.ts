/** Positron emitters that the scanner knows. */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { Second } from '../../hal/base/units.js';

export interface Nuclide {
  /** Code value, scheme SRT. */
  code: string;
  halfLifeSeconds: Second;
  /** Positrons a decay. */
  positronBranching: number;
}

const TABLE: { source: string; nuclides: Record<string, Nuclide> } = readTable(import.meta.url, './nuclides.json');

/** Names such as `F-18`. */
export const NUCLIDE_NAMES: readonly string[] = Object.keys(TABLE.nuclides);

/** @param name as in `F-18`, or a code value as in `C-111A1` @throws ScannerError operator.unknown */
export function nuclide(name: string): Nuclide {
  const found = TABLE.nuclides[name] ?? Object.values(TABLE.nuclides).find((n) => n.code === name);
  if (!found) throw new ScannerError('operator.unknown', { what: 'nuclide', name, known: NUCLIDE_NAMES.join(', ') });
  return found;
}

/** Share of the activity left after some seconds (more than 1 before the reference time). */
export function decayed(halfLifeSeconds: Second, seconds: Second): number {
  return 2 ** (-seconds / halfLifeSeconds);
}
