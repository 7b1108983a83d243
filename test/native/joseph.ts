/** Plain Joseph projector with time of flight, one line at a time: the reference of tests and benchmarks. */

import { PET, type PetMatrix, petVoxelMm } from '../../native/petgeometry.js';

const FIELD_RADIUS = 340;
const TOF_BIN_MM = 312 * 0.149896229;

/** Normal distribution function (Abramowitz and Stegun 7.1.26, error below 1e-7). */
export function normalCdf(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp((-x * x) / 2);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

/** Part of the events at `mm` along the line (toward B) that fall into a TOF bin; all bins together for `tof` = -1. */
export function tofWeight(mm: number, tof: number, fwhmPs: number): number {
  const sigma = (fwhmPs * 0.149896229) / 2.354820045;
  const centre = tof < 0 ? 0 : (tof - 6) * TOF_BIN_MM;
  const half = tof < 0 ? (13 * TOF_BIN_MM) / 2 : TOF_BIN_MM / 2;
  return normalCdf((mm - centre + half) / sigma) - normalCdf((mm - centre - half) / sigma);
}

/**
 * Visits the samples of a line: voxel index [slice][y][x] and weight (mm).
 * @param ends A and B, six numbers from `at` on
 */
export function josephLine(
  ends: Float64Array,
  at: number,
  matrix: PetMatrix,
  weightAt: (mm: number) => number,
  visit: (voxel: number, weight: number) => void,
): void {
  const [ax, ay, az, bx, by, bz] = ends.subarray(at, at + 6) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const length = Math.hypot(bx - ax, by - ay, bz - az);
  const [ux, uy, uz] = [(bx - ax) / length, (by - ay) / length, (bz - az) / length];
  const [mx, my, mz] = [(ax + bx) / 2, (ay + by) / 2, (az + bz) / 2];
  const voxel = petVoxelMm(matrix);
  const centre = (matrix - 1) / 2;
  const alongX = Math.abs(ux) >= Math.abs(uy);
  for (let i = 0; i < matrix; i++) {
    const s = alongX ? ((i - centre) * voxel - mx) / ux : ((i - centre) * voxel - my) / uy;
    const [x, y, z] = [mx + s * ux, my + s * uy, mz + s * uz];
    if (x * x + y * y > FIELD_RADIUS ** 2) continue;
    const other = (alongX ? y : x) / voxel + centre;
    const slice = z / PET.planePitchMm + (PET.slices - 1) / 2;
    const weight = (weightAt(s) * voxel) / Math.abs(alongX ? ux : uy);
    const [j, k] = [Math.floor(other), Math.floor(slice)];
    for (const dk of [0, 1]) {
      if (k + dk < 0 || k + dk >= PET.slices) continue;
      for (const dj of [0, 1]) {
        const [px, py] = alongX ? [i, j + dj] : [j + dj, i];
        const part = (dj ? other - j : 1 - other + j) * (dk ? slice - k : 1 - slice + k);
        visit(((k + dk) * matrix + py) * matrix + px, weight * part);
      }
    }
  }
}
