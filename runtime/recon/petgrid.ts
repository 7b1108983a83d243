/** Grids of PET images in patient coordinates: the kernel's, and the one that a plan asks for. */

import type { Millimetre } from '../../hal/base/units.js';
import { PET, type PetMatrix, petVoxelMm } from '../../native/petgeometry.js';
import type { VolumeGrid } from '../../native/petvolume.js';
import type { PetReconPlan } from '../protocol/petrecon.js';
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

/**
 * Kernels see the whole field of view, since activity outside a zoomed image is in the data too; images of other matrices,
 * zooms and offsets are cut from the coarser or finer of the two grids.
 */
export function kernelMatrix({ matrix, zoom = 1 }: PetReconPlan): PetMatrix {
  return matrix * zoom > 200 ? 400 : 200;
}

/**
 * The grid that a plan asks for over the slices of `made`.
 * @param ct slices to be matched, when they are
 */
export function imageGrid(plan: PetReconPlan, made: VolumeGrid, ct?: VolumeGrid): VolumeGrid {
  const { matrix, zoom = 1, offsetMm = [0, 0] } = plan;
  const voxel = PET.fieldOfViewMm / matrix / zoom;
  const corner = (-(matrix - 1) / 2) * voxel;
  const z = ct ? ctSlices(made, ct) : { count: made.size[2], pitch: made.spacing[2], first: made.origin[2] };
  return {
    size: [matrix, matrix, z.count],
    spacing: [voxel, voxel, z.pitch],
    origin: [offsetMm[0] + corner, offsetMm[1] + corner, z.first],
  };
}

/** CT slices whose centre lies within the PET's. */
function ctSlices(made: VolumeGrid, ct: VolumeGrid): { count: number; pitch: Millimetre; first: Millimetre } {
  const pitch = ct.spacing[2];
  const half = made.spacing[2] / 2;
  const [bottom, top] = [made.origin[2] - half, made.origin[2] + (made.size[2] - 1) * made.spacing[2] + half];
  const first = Math.max(0, Math.ceil((bottom - ct.origin[2]) / pitch - 1e-6));
  const last = Math.min(ct.size[2] - 1, Math.floor((top - ct.origin[2]) / pitch + 1e-6));
  return { count: Math.max(0, last - first + 1), pitch, first: ct.origin[2] + first * pitch };
}
