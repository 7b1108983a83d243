/** Normalisation and calibration of the PET rings, as `scripts/calibrate-pet.ts` measured them. */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { PetNormalisation } from '../../native/pet.js';
import { blockOf, isVirtualCrystal, isVirtualRing, PET } from '../../native/petgeometry.js';

export interface PetCalibration {
  normalisation: PetNormalisation;
  /** Bq/ml of positrons for one count a second and mm of line (dose calibration factor). */
  bqmlPerCount: number;
  /** Timing resolution, ps FWHM. */
  tofFwhmPs: number;
  /** When it was measured, ISO 8601. */
  measuredAt: string;
}

/** The file. Numbers in base64, little endian: efficiencies 16 bits times `efficiencyStep`, the others Float32. */
export interface PetCalibrationFile {
  measuredAt: string;
  how: string;
  bqmlPerCount: number;
  tofFwhmPs: number;
  efficiencyStep: number;
  /** [crystal][ring] */
  efficiencies: string;
  /** [radial] */
  geometric: string;
  /** [plane] */
  axial: string;
}

/** @throws ScannerError data.invalid when the file does not fit this scanner */
export function loadPetCalibration(): PetCalibration {
  return readPetCalibration(readTable<PetCalibrationFile>(import.meta.url, './calibration/pet-norm.json'));
}

export function readPetCalibration(file: PetCalibrationFile): PetCalibration {
  const efficiencies = new Uint16Array(bytesOf(file.efficiencies));
  const geometric = new Float32Array(bytesOf(file.geometric));
  const axial = new Float32Array(bytesOf(file.axial));
  const sizes = [efficiencies.length, geometric.length, axial.length];
  const expected = [PET.crystals * PET.rings, PET.radials, PET.planes];
  if (sizes.join() !== expected.join()) {
    throw new ScannerError('data.invalid', {
      what: 'PET normalisation',
      message: `sizes ${sizes}, expected ${expected}`,
    });
  }
  const crystals = Float32Array.from(efficiencies, (n) => n * file.efficiencyStep);
  const normalisation = { crystals, geometric, axial };
  const { bqmlPerCount, tofFwhmPs, measuredAt } = file;
  return { normalisation, bqmlPerCount, tofFwhmPs, measuredAt };
}

function bytesOf(base64: string): ArrayBuffer {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return bytes.buffer.slice(0, bytes.length - (bytes.length % 4));
}

/** Perfect crystals with the gaps between blocks. */
export function uniformNormalisation(): PetNormalisation {
  return {
    crystals: perCrystal(() => 1),
    geometric: new Float32Array(PET.radials).fill(1),
    axial: new Float32Array(PET.planes).fill(1),
  };
}

/** [crystal][ring] of a value by crystal; 0 for virtual crystals. */
export function perCrystal(value: (ring: number, crystal: number) => number): Float32Array {
  return Float32Array.from({ length: PET.crystals * PET.rings }, (_, i) => {
    const [crystal, ring] = [Math.floor(i / PET.rings), i % PET.rings];
    return isVirtualCrystal(crystal) || isVirtualRing(ring) ? 0 : value(ring, crystal);
  });
}

/**
 * Relative singles rates [crystal][ring] from the mean singles tags of the blocks (only their shape is used);
 * all alike when there were no tags.
 */
export function singlesPerCrystal(blocks: Float64Array): Float32Array {
  const mean = blocks.reduce((sum, rate) => sum + rate, 0) / blocks.length;
  return perCrystal((ring, crystal) => (mean > 0 ? blocks[blockOf(ring, crystal)]! / mean : 1));
}
