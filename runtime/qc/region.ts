import { ScannerError } from '../../hal/base/errors.js';
import type { Millimetre } from '../../hal/base/units.js';
import type { Volume } from '../recon/volume.js';

export interface Region {
  mean: number;
  /** Standard deviation of the voxels. */
  deviation: number;
  voxels: number;
}

/** An upright tube of voxels about an axis: a cylinder when `inner` is 0. */
export interface Tube {
  /** Of the axis, patient mm. */
  centre: readonly [number, number];
  inner: Millimetre;
  outer: Millimetre;
  fromZ: Millimetre;
  toZ: Millimetre;
}

/** Mean and spread of the voxels whose middles lie in the tube. @throws ScannerError data.missing when there are none */
export function regionOf(volume: Volume, tube: Tube): Region {
  const { size, spacing, origin, data } = volume;
  const [nx, ny, nz] = size;
  let [sum, squares, voxels] = [0, 0, 0];
  for (let k = 0; k < nz; k++) {
    const z = origin[2] + k * spacing[2];
    if (z < tube.fromZ || z > tube.toZ) continue;
    for (let j = 0; j < ny; j++) {
      const y = origin[1] + j * spacing[1] - tube.centre[1];
      if (Math.abs(y) > tube.outer) continue;
      for (let i = 0; i < nx; i++) {
        const r = Math.hypot(origin[0] + i * spacing[0] - tube.centre[0], y);
        if (r < tube.inner || r > tube.outer) continue;
        const value = data[(k * ny + j) * nx + i]!;
        sum += value;
        squares += value * value;
        voxels += 1;
      }
    }
  }
  const { inner, outer, fromZ, toZ } = tube;
  if (voxels === 0) {
    const what = `images between radius ${inner} and ${outer} mm from z ${fromZ} to ${toZ} mm`;
    throw new ScannerError('data.missing', { what });
  }
  const mean = sum / voxels;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / voxels - mean * mean)), voxels };
}
