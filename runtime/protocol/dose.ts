import { readTable } from '../../hal/base/table.js';
import type { Milligray, Millimetre } from '../../hal/base/units.js';

interface DoseTable {
  ctdiwPer100mAs: Record<'BODY' | 'HEAD', Record<string, number>>;
}

const table: DoseTable = readTable(import.meta.url, './dose.json');

/**
 * Volume CT dose index of a spiral (IEC 60601-2-44): CTDIw x mAs a rotation / pitch.
 * @param masPerRotation mA x rotation time, mAs
 */
export function ctdiVol(phantom: 'BODY' | 'HEAD', kv: number, masPerRotation: number, pitch: number): Milligray {
  const perHundred = table.ctdiwPer100mAs[phantom][String(kv)] ?? Number.NaN;
  return (perHundred * masPerRotation) / 100 / pitch;
}

/** Dose length product, mGy cm. */
export function dlp(ctdi: Milligray, irradiatedMm: Millimetre): number {
  return (ctdi * irradiatedMm) / 10;
}
