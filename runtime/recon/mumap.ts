/** Attenuation map of a PET bed from the CT: bilinear conversion by tube voltage, smoothed to the resolution of PET. */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { Kilovolt, Millimetre } from '../../hal/base/units.js';
import type { KernelOptions } from '../../native/addon.js';
import { attenuationMap, type HuToMu, smoothVolume } from '../../native/petvolume.js';
import { petGrid } from './petgrid.js';
import { partOf } from './petprogress.js';
import type { Volume } from './volume.js';

interface HuToMuTable {
  lowSlopePerCm: number;
  kv: Record<string, { breakHu: number; a: number; b: number }>;
}

const table: HuToMuTable = readTable(import.meta.url, './hutomu.json');
const PER_CM = 0.1;

/** Blur of the map, mm FWHM: what the PET data themselves resolve. */
export const MU_MAP_FWHM_MM = 5;

/** @throws ScannerError operator.unknown for a tube voltage without a conversion */
export function huToMu(kv: Kilovolt): HuToMu {
  const row = table.kv[String(kv)];
  if (!row) {
    const known = Object.keys(table.kv).join(', ');
    throw new ScannerError('operator.unknown', {
      what: 'conversion to 511 keV for tube voltage',
      name: `${kv} kV`,
      known,
    });
  }
  return {
    lowSlope: table.lowSlopePerCm * PER_CM,
    breakHu: row.breakHu,
    highSlope: row.a * PER_CM,
    highOffset: row.b * PER_CM,
  };
}

export interface MuMap {
  /** Unit 1/mm, on the 200 x 200 x 109 grid of the bed. */
  volume: Volume;
  /** Part of the voxels that the CT does not reach; they count as air. */
  outsideFraction: number;
}

/**
 * @param ct volume in HU, any grid
 * @param centreZ patient z at the PET centre
 * @throws ScannerError data.invalid when the volume is not in HU or misses the bed
 */
export async function makeMuMap(
  ct: Volume,
  kv: Kilovolt,
  centreZ: Millimetre,
  run: KernelOptions = {},
): Promise<MuMap> {
  if (ct.unit !== 'HU') {
    throw new ScannerError('data.invalid', {
      what: 'CT volume for attenuation',
      message: `its unit is ${ct.unit}, expected HU`,
    });
  }
  const grid = petGrid(200, centreZ);
  const { mu, outside } = await attenuationMap(
    { hu: ct.data, ct, target: grid, conversion: huToMu(kv) },
    partOf(run, 0, 0.6),
  );
  if (outside === mu.length) {
    const [from, to] = [ct.origin[2], ct.origin[2] + (ct.size[2] - 1) * ct.spacing[2]];
    throw new ScannerError('data.invalid', {
      what: 'CT volume for attenuation',
      message: `it spans z ${from} to ${to} mm and misses the PET bed at z ${centreZ} mm`,
    });
  }
  const filter = { window: 'Gauss', fwhmMm: MU_MAP_FWHM_MM } as const;
  await smoothVolume({ volume: mu, size: grid.size, spacing: grid.spacing, filter }, partOf(run, 0.6, 1));
  return { volume: { ...grid, data: mu, unit: '1/mm' }, outsideFraction: outside / mu.length };
}
