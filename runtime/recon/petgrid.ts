/** The image grid of one PET bed in patient coordinates. */

import type { Millimetre } from '../../hal/base/units.js';
import { PET, type PetMatrix, petVoxelMm } from '../../native/petgeometry.js';
import type { Volume } from './volume.js';

/** Size, spacing and origin of a bed whose PET centre lies at patient z `centreZ`. */
export function petGrid(matrix: PetMatrix, centreZ: Millimetre): Pick<Volume, 'size' | 'spacing' | 'origin'> {
  const voxel = petVoxelMm(matrix);
  const corner = (-(matrix - 1) / 2) * voxel;
  return {
    size: [matrix, matrix, PET.slices],
    spacing: [voxel, voxel, PET.planePitchMm],
    origin: [corner, corner, centreZ - ((PET.slices - 1) / 2) * PET.planePitchMm],
  };
}
