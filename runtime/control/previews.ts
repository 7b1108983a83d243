import { join } from 'node:path';
import { fusionPicture, type Picture, sliceGrid, slicePicture, windowOf, writePng } from '../recon/preview.js';
import type { Volume } from '../recon/volume.js';

/** Slices whose hottest voxels are looked at to find the window and the slice to show. */
const PERCENTILE = 0.999;

/**
 * CT slice, the same PET slice and their fusion as PNG files; without PET the CT slice alone.
 * @returns the paths
 */
export async function writePreviews(
  folder: string,
  ct: { volume: Volume; window: { center: number; width: number } },
  pet: Volume | undefined,
): Promise<string[]> {
  const z = pet ? hottestZ(pet) : middleZ(ct.volume);
  const grid = sliceGrid(ct.volume, z);
  const ctWindow = windowOf(ct.window.center, ct.window.width);
  const pictures: [string, Promise<Picture>][] = [['ct.png', slicePicture(ct.volume, grid, ctWindow, 'grey')]];
  if (pet) {
    const petWindow = { low: 0, high: percentile(pet.data, PERCENTILE) };
    pictures.push(['pet.png', slicePicture(pet, grid, petWindow, 'inverted')]);
    pictures.push(['fusion.png', fusionPicture({ ct: ct.volume, ctWindow, pet, petWindow }, grid)]);
  }
  const paths: string[] = [];
  for (const [name, picture] of pictures) {
    const path = join(folder, name);
    await writePng(path, await picture);
    paths.push(path);
  }
  return paths;
}

function middleZ(volume: Volume): number {
  return volume.origin[2] + ((volume.size[2] - 1) / 2) * volume.spacing[2];
}

/** The slice that holds the highest value of a plane's own 99.9th percentile: where hot spheres are. */
function hottestZ(volume: Volume): number {
  const [nx, ny, nz] = volume.size;
  let best = 0;
  let slice = 0;
  for (let k = 0; k < nz; k++) {
    const value = percentile(volume.data.subarray(k * nx * ny, (k + 1) * nx * ny), PERCENTILE);
    if (value <= best) continue;
    best = value;
    slice = k;
  }
  return volume.origin[2] + slice * volume.spacing[2];
}

/** Value below which the fraction `p` of the data lies, from a histogram of 4096 steps. */
function percentile(data: Float32Array, p: number): number {
  let max = 0;
  for (const value of data) if (value > max) max = value;
  const steps = 4096;
  const histogram = new Uint32Array(steps + 1);
  for (const value of data) histogram[Math.max(0, Math.floor((value / (max || 1)) * steps))]!++;
  for (let i = 0, sum = 0; i <= steps; i++) {
    sum += histogram[i]!;
    if (sum >= p * data.length) return ((i + 1) / steps) * max;
  }
  return max;
}
