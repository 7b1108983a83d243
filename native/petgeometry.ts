/** Numbers of the PET rings; the C++ twin with the same names and the conventions is `native/pet/geometry.h`. */

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
