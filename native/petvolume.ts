/** Kernels on PET volumes: blur, and attenuation from CT numbers. */

import { expectArgument, type KernelOptions, runKernel } from './addon.js';

/** Gaussian blur in place of a volume [z][y][x]; a constant stays constant up to the border. */
export async function blurVolume(
  options: { volume: Float32Array; size: readonly number[]; spacing: readonly number[]; fwhmMm: number },
  run?: KernelOptions,
): Promise<void> {
  const { volume, size, spacing, fwhmMm } = options;
  const voxels = size.reduce((a, b) => a * b, 1);
  expectArgument('petBlur', 'volume', size.length === 3 && voxels === volume.length, volume.length, `${voxels} values`);
  expectArgument('petBlur', 'spacing', spacing.length === 3 && spacing.every((s) => s > 0), spacing, 'three above 0');
  expectArgument('petBlur', 'fwhmMm', fwhmMm >= 0 && fwhmMm < 100, fwhmMm, '0 to 100 mm');
  const job = { volume, size: Int32Array.from(size), spacing: Float64Array.from(spacing), fwhmMm };
  await runKernel('petBlur', job, run);
}

/** Voxel grid in patient mm: voxels, distance of centres, centre of the first voxel, each along x, y, z. */
export interface VolumeGrid {
  size: readonly [number, number, number];
  spacing: readonly [number, number, number];
  origin: readonly [number, number, number];
}

/** mu = lowSlope (HU + 1000) up to breakHu, then highSlope (HU + 1000) + highOffset; 1/mm. */
export interface HuToMu {
  lowSlope: number;
  breakHu: number;
  highSlope: number;
  highOffset: number;
}

/**
 * Attenuation on a target grid from CT numbers; air where the CT does not reach.
 * @returns mu [z][y][x] 1/mm, and the number of voxels whose centre lies outside the CT
 */
export async function attenuationMap(
  options: { hu: Float32Array; ct: VolumeGrid; target: VolumeGrid; conversion: HuToMu },
  run?: KernelOptions,
): Promise<{ mu: Float32Array; outside: number }> {
  const { hu, ct, target, conversion } = options;
  const voxels = (grid: VolumeGrid) => grid.size.reduce((a, b) => a * b, 1);
  const valid = (grid: VolumeGrid) =>
    grid.size.every((n) => Number.isInteger(n) && n > 0) &&
    grid.spacing.every((s) => s > 0) &&
    grid.origin.every(Number.isFinite);
  expectArgument('petMuMap', 'ct', valid(ct) && voxels(ct) === hu.length, hu.length, `a grid of ${voxels(ct)} voxels`);
  expectArgument('petMuMap', 'target', valid(target), JSON.stringify(target), 'sizes and spacings above 0');
  const mu = new Float32Array(voxels(target));
  const report = new Float64Array(1);
  const flat = (grid: VolumeGrid) => Float64Array.from([...grid.size, ...grid.spacing, ...grid.origin]);
  await runKernel('petMuMap', { hu, ct: flat(ct), target: flat(target), ...conversion, mu, report }, run);
  return { mu, outside: report[0]! };
}
