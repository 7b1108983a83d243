/** Attenuation of the materials that phantoms are made of. */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { KiloElectronVolt, PerMillimetre } from '../../hal/base/units.js';

interface MaterialTable {
  source: string;
  energiesKeV: number[];
  materials: Record<string, { densityGPerMl: number; massAttenuation: number[] }>;
}

const TABLE: MaterialTable = readTable(import.meta.url, './materials.json');

export const MATERIAL_NAMES: readonly string[] = Object.keys(TABLE.materials);

/**
 * Linear attenuation, 1/mm: log-log interpolation of the table.
 * @throws ScannerError operator.unknown for a material, limit.range for an energy outside 20 to 600 keV
 */
export function attenuationPerMm(material: string, energyKeV: KiloElectronVolt): PerMillimetre {
  const row = TABLE.materials[material];
  if (!row)
    throw new ScannerError('operator.unknown', { what: 'material', name: material, known: MATERIAL_NAMES.join(', ') });
  const energies = TABLE.energiesKeV;
  const [min, max] = [energies[0]!, energies.at(-1)!];
  if (!(energyKeV >= min && energyKeV <= max))
    throw new ScannerError('limit.range', { what: 'photon energy', value: energyKeV, unit: 'keV', min, max });
  const above = Math.max(
    1,
    energies.findIndex((e) => e >= energyKeV),
  );
  const [e0, e1] = [energies[above - 1]!, energies[above]!];
  const [m0, m1] = [row.massAttenuation[above - 1]!, row.massAttenuation[above]!];
  const massAttenuation = m0 * (m1 / m0) ** (Math.log(energyKeV / e0) / Math.log(e1 / e0));
  return (massAttenuation * row.densityGPerMl) / 10;
}

/** [material][energy] 1/mm, less that of air, which a CT's air calibration removes. */
export function attenuationAboveAir(materials: readonly string[], energiesKeV: Float64Array): Float64Array {
  const table = new Float64Array(materials.length * energiesKeV.length);
  materials.forEach((material, m) => {
    energiesKeV.forEach((energy, e) => {
      table[m * energiesKeV.length + e] = attenuationPerMm(material, energy) - attenuationPerMm('air', energy);
    });
  });
  return table;
}
