/** Numbers of the PET rings; the C++ twin with the same names and the conventions is `native/pet/geometry.h`. */

import { expectArgument, runKernel } from './addon.js';

export const PET = {
  crystals: 672,
  rings: 55,
  blockCrystals: 14,
  blocks: 192,
  blockColumns: 48,
  radiusMm: 427.6,
  ringPitchMm: 4.054,
  planePitchMm: 2.027,
  radials: 400,
  angles: 168,
  span: 11,
  maxRingDifference: 49,
  planes: 621,
  slices: 109,
  bins: 400 * 168 * 621,
  tofBins: 13,
  tofCentre: 6,
  tofBinPs: 312,
  delayedTof: 13,
  addresses: 400 * 168 * 621 * 14,
  /** Planes of the segments 0, -1, +1, -2, ... */
  segmentPlanes: [109, 97, 97, 75, 75, 53, 53, 31, 31],
  fieldOfViewMm: 200 * 4.07283,
} as const;

export type PetMatrix = 200 | 400;

/** Voxel size in plane of a matrix, mm. */
export function petVoxelMm(matrix: PetMatrix): number {
  return PET.fieldOfViewMm / matrix;
}

export function isVirtualCrystal(crystal: number): boolean {
  return crystal % PET.blockCrystals === PET.blockCrystals - 1;
}

export function isVirtualRing(ring: number): boolean {
  return ring % PET.blockCrystals === PET.blockCrystals - 1;
}

/** Block (0..191) of a crystal, as singles tags number them. */
export function blockOf(ring: number, crystal: number): number {
  return Math.floor(ring / PET.blockCrystals) * PET.blockColumns + Math.floor(crystal / PET.blockCrystals);
}

/** Ends A and B of the lines of response of sinogram bins: six numbers a bin, mm from the PET centre. */
export async function linesOfBins(bins: Uint32Array): Promise<Float64Array> {
  const inside = bins.every((bin) => bin < PET.bins);
  expectArgument('petLines', 'bins', inside, 'a bin beyond the sinogram', `below ${PET.bins}`);
  const ends = new Float64Array(6 * bins.length);
  await runKernel('petLines', { bins, ends });
  return ends;
}

/**
 * Sinogram bins of crystal pairs, -1 outside the sinogram.
 * @param pairs ring, crystal, ring, crystal of each pair
 * @returns `swapped` is 1 where the first crystal is the line's B end
 */
export async function binsOfPairs(pairs: Int32Array): Promise<{ bins: Int32Array; swapped: Int32Array }> {
  const inside = pairs.length % 4 === 0 && pairs.every((n, i) => n >= 0 && n < (i % 2 ? PET.crystals : PET.rings));
  expectArgument('petPairs', 'pairs', inside, 'a number out of range', 'ring 0..54, crystal 0..671, twice');
  const bins = new Int32Array(pairs.length / 4);
  const swapped = new Int32Array(pairs.length / 4);
  await runKernel('petPairs', { pairs, bins, swapped });
  return { bins, swapped };
}
