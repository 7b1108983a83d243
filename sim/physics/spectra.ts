/**
 * X-ray spectra of the tube: Kramers' law with tungsten K lines behind the inherent filtration. Nominal: no spectrum of the
 * real tube is public. The yield is scaled once so that 120 kV gives `airKermaAt1mUGyPerMas`.
 */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { Kilovolt } from '../../hal/base/units.js';
import { CT_GEOMETRY } from '../../native/physics.js';
import { attenuationPerMm } from './materials.js';

interface TubeTable {
  source: string;
  kVp: number[];
  filtrationMmAl: number;
  kLinesKeV: Record<string, number>;
  kEdgeKeV: number;
  kLineShareAt120: number;
  airKermaAt1mUGyPerMas: number;
  airKermaUGyMm2PerPhoton: { energiesKeV: number[]; values: number[] };
  electronicNoisePhotons: number;
  ctdiwMGyPer100Mas: Record<'body' | 'head', Record<string, number>>;
}

/** The tube's figures, with their source. */
export const TUBE: Readonly<TubeTable> = readTable(import.meta.url, './tube.json');

export interface Spectrum {
  kVp: Kilovolt;
  energiesKeV: Float64Array;
  /** Photons per mm2 and mA s at 1 m from the focus. */
  photons: Float64Array;
}

const STEP_KEV = 4;
const FINE_KEV = 0.5;
const LOWEST_KEV = 20;

/** Unfiltered photons a keV: bremsstrahlung of a thick target, plus K lines that grow as (U - 1)^1.63 above the edge. */
function emitted(kVp: number, energy: number): number {
  const brems = (kVp - energy) / energy;
  if (kVp <= TUBE.kEdgeKeV) return brems;
  const grow = (voltage: number) => (voltage / TUBE.kEdgeKeV - 1) ** 1.63;
  const all = Object.values(TUBE.kLinesKeV).reduce((sum, share) => sum + share, 0);
  let lines = 0;
  for (const [line, share] of Object.entries(TUBE.kLinesKeV)) {
    if (Math.abs(energy - Number(line)) > FINE_KEV / 2) continue;
    lines += (share / all) * (grow(kVp) / grow(120));
  }
  return brems + (lines * TUBE.kLineShareAt120 * 120) / FINE_KEV;
}

function kermaPerPhoton(energy: number): number {
  const { energiesKeV, values } = TUBE.airKermaUGyMm2PerPhoton;
  const above = Math.max(
    1,
    energiesKeV.findIndex((e) => e >= energy),
  );
  const [e0, e1] = [energiesKeV[above - 1]!, energiesKeV[above]!];
  return values[above - 1]! + ((values[above]! - values[above - 1]!) * (energy - e0)) / (e1 - e0);
}

/** Filtered photons in steps of `STEP_KEV`, before scaling, each step at its mean energy. */
function unscaled(kVp: number): { energies: number[]; photons: number[]; kerma: number } {
  const energies: number[] = [];
  const photons: number[] = [];
  let kerma = 0;
  for (let low = LOWEST_KEV; low < kVp; low += STEP_KEV) {
    let count = 0;
    let energySum = 0;
    for (let e = low + FINE_KEV / 2; e < Math.min(low + STEP_KEV, kVp); e += FINE_KEV) {
      const n = emitted(kVp, e) * Math.exp(-TUBE.filtrationMmAl * attenuationPerMm('aluminium', e)) * FINE_KEV;
      count += n;
      energySum += n * e;
      kerma += n * kermaPerPhoton(e);
    }
    energies.push(energySum / count);
    photons.push(count);
  }
  return { energies, photons, kerma };
}

const SPECTRA = new Map<Kilovolt, Spectrum>();

/**
 * Computed once a tube voltage: it takes milliseconds, and every block of readings asks for it. Not to be changed by callers.
 * @throws ScannerError operator.unknown for a tube voltage that the generator does not offer
 */
export function tubeSpectrum(kVp: Kilovolt): Spectrum {
  const known = SPECTRA.get(kVp);
  if (known) return known;
  if (!TUBE.kVp.includes(kVp))
    throw new ScannerError('operator.unknown', { what: 'tube voltage', name: kVp, known: TUBE.kVp.join(', ') });
  const { energies, photons } = unscaled(kVp);
  const scale = TUBE.airKermaAt1mUGyPerMas / unscaled(120).kerma;
  const energiesKeV = Float64Array.from(energies);
  const spectrum = { kVp, energiesKeV, photons: Float64Array.from(photons, (n) => n * scale) };
  SPECTRA.set(kVp, spectrum);
  return spectrum;
}

/** Photons that one mA s brings to one detector element through air. */
export function photonsPerMas(spectrum: Spectrum, rowPitchMm: number): number {
  const perMm2 = spectrum.photons.reduce((sum, n) => sum + n, 0) * (1000 / CT_GEOMETRY.detectorDistanceMm) ** 2;
  const rowAtDetector = (rowPitchMm * CT_GEOMETRY.detectorDistanceMm) / CT_GEOMETRY.sourceRadiusMm;
  return perMm2 * CT_GEOMETRY.channelPitchMm * rowAtDetector;
}
