/** Kernels on PET volumes: blur, and attenuation from CT numbers. */

import { expectArgument, type KernelOptions, runKernel } from './addon.js';

/** Windows of a post filter, in the order of `Window` in native/pet/postfilter.h. */
export const PET_WINDOWS = ['none', 'Gauss', 'Hamming', 'Hanning', 'Parzen', 'Butterworth', 'Shepp', 'box'] as const;

/** A filter along x, y and z (statement Table 75, Convolution Kernel). */
export interface PetFilter {
  window: (typeof PET_WINDOWS)[number];
  /** Full width at half maximum of its point response, mm; the box has none: the mean of three voxels along each axis. */
  fwhmMm?: number;
  /** Of Butterworth's 1 / (1 + (f / cutoff)^(2 order)). */
  order?: number;
}

/** As kernels take it. @throws ScannerError native.argument */
export function filterArguments(kernel: string, filter: PetFilter): { window: number; fwhmMm: number; order: number } {
  const { window, fwhmMm = 0, order = 1 } = filter;
  const index = PET_WINDOWS.indexOf(window);
  expectArgument(kernel, 'filter.window', index >= 0, window, PET_WINDOWS.join(', '));
  const needsWidth = window !== 'none' && window !== 'box';
  const wide = fwhmMm < 100 && (needsWidth ? fwhmMm > 0 : fwhmMm >= 0);
  expectArgument(kernel, 'filter.fwhmMm', wide, fwhmMm, 'above 0, below 100 mm');
  expectArgument(kernel, 'filter.order', Number.isInteger(order) && order > 0 && order <= 20, order, '1 to 20');
  return { window: index, fwhmMm, order };
}

/** Smooths a volume [z][y][x] in place; a constant stays constant up to the border. */
export async function smoothVolume(
  options: { volume: Float32Array; size: readonly number[]; spacing: readonly number[]; filter: PetFilter },
  run?: KernelOptions,
): Promise<void> {
  const { volume, size, spacing, filter } = options;
  const kernel = 'petSmooth';
  const voxels = size.reduce((a, b) => a * b, 1);
  expectArgument(kernel, 'volume', size.length === 3 && voxels === volume.length, volume.length, `${voxels} values`);
  expectArgument(kernel, 'spacing', spacing.length === 3 && spacing.every((s) => s > 0), spacing, 'three above 0');
  const job = { volume, size: Int32Array.from(size), spacing: Float64Array.from(spacing) };
  await runKernel(kernel, { ...job, ...filterArguments(kernel, filter) }, run);
}

/** Voxel grid in patient mm: voxels, distance of centres, centre of the first voxel, each along x, y, z. */
export interface VolumeGrid {
  size: readonly [number, number, number];
  spacing: readonly [number, number, number];
  origin: readonly [number, number, number];
}

function voxels(grid: VolumeGrid): number {
  return grid.size.reduce((a, b) => a * b, 1);
}

function valid(grid: VolumeGrid): boolean {
  return (
    grid.size.every((n) => Number.isInteger(n) && n > 0) &&
    grid.spacing.every((s) => s > 0) &&
    grid.origin.every(Number.isFinite)
  );
}

function flat(grid: VolumeGrid): Float64Array {
  return Float64Array.from([...grid.size, ...grid.spacing, ...grid.origin]);
}

/**
 * A volume on another grid: means over coarser voxels, cubic between finer ones without overshoot, 0 outside.
 * @returns values of `target`, [z][y][x]
 */
export async function resampleVolume(
  options: { data: Float32Array; source: VolumeGrid; target: VolumeGrid },
  run?: KernelOptions,
): Promise<Float32Array> {
  const { data, source, target } = options;
  const matches = valid(source) && voxels(source) === data.length;
  expectArgument('petResample', 'source', matches, data.length, `a grid of ${voxels(source)} voxels`);
  expectArgument('petResample', 'target', valid(target), JSON.stringify(target), 'sizes and spacings above 0');
  const to = new Float32Array(voxels(target));
  await runKernel('petResample', { from: data, source: flat(source), target: flat(target), to }, run);
  return to;
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
  expectArgument('petMuMap', 'ct', valid(ct) && voxels(ct) === hu.length, hu.length, `a grid of ${voxels(ct)} voxels`);
  expectArgument('petMuMap', 'target', valid(target), JSON.stringify(target), 'sizes and spacings above 0');
  const mu = new Float32Array(voxels(target));
  const report = new Float64Array(1);
  await runKernel('petMuMap', { hu, ct: flat(ct), target: flat(target), ...conversion, mu, report }, run);
  return { mu, outside: report[0]! };
}
