/** The simulated CT: tube, phantom and detector together. */

import type { Kilovolt } from '../../hal/base/units.js';
import type { KernelOptions } from '../../native/addon.js';
import type { FlatPhantom } from '../../native/phantom.js';
import { CT_GEOMETRY, simulateCt } from '../../native/physics.js';
import { attenuationAboveAir } from './materials.js';
import { photonsPerMas, TUBE, tubeSpectrum } from './spectra.js';

export interface CtExposure {
  phantom: FlatPhantom;
  kVp: Kilovolt;
  /** [reading] rad. */
  angles: Float64Array;
  /** [reading] patient z of the source plane, mm. */
  sourceZ: Float64Array;
  /** [reading] mA s spent in that reading (tube current x reading time); 0 reads as one photon's worth of noise. */
  mAsPerReading: Float64Array;
  rows: number;
  rowPitchMm: number;
  seed: number;
  /** Number of the first reading within the scan. */
  firstReading?: number;
  /** False: neither quantum nor electronic noise. */
  noise?: boolean;
}

/**
 * Exposes the phantom. @returns detector words [reading][row][channel]
 * @throws ScannerError operator.unknown, native.argument, native.failed, timeout.aborted
 */
export async function exposeCt(exposure: CtExposure, run: KernelOptions = {}): Promise<Uint16Array> {
  const { phantom, kVp, rows, rowPitchMm, mAsPerReading } = exposure;
  const spectrum = tubeSpectrum(kVp);
  const perMas = photonsPerMas(spectrum, rowPitchMm);
  const out = new Uint16Array(exposure.angles.length * rows * CT_GEOMETRY.channels);
  await simulateCt(
    {
      phantom,
      attenuation: attenuationAboveAir(phantom.materialNames, spectrum.energiesKeV),
      energiesKeV: spectrum.energiesKeV,
      spectrum: spectrum.photons,
      angles: exposure.angles,
      sourceZ: exposure.sourceZ,
      photons: mAsPerReading.map((mAs) => Math.max(1, mAs * perMas)),
      rows,
      rowPitchMm,
      seed: exposure.seed,
      firstReading: exposure.firstReading ?? 0,
      electronicNoise: exposure.noise === false ? 'none' : TUBE.electronicNoisePhotons,
      out,
    },
    run,
  );
  return out;
}
