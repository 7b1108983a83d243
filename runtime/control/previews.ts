import { join } from 'node:path';
import { fusionPicture, type Picture, sliceGrid, slicePicture, windowOf, writePng } from '../recon/preview.js';
import type { Volume } from '../recon/volume.js';

/** Part of a slice that is not among its hottest: 0.1 % of a PET slice is about 7 cm2, half of the largest NEMA sphere. */
const HOT_PERCENTILE = 0.999;

/**
 * CT slice, the same PET slice and their fusion as PNG files; without PET the CT slice alone.
 * @returns the paths
 */
export async function writePreviews(
  folder: string,
  ct: { volume: Volume; window: { center: number; width: number } },
  pet: Volume | undefined,
): Promise<string[]> {
  const z = pet ? await hottestZ(pet) : middleZ(ct.volume);
  const grid = sliceGrid(ct.volume, z);
  const ctWindow = windowOf(ct.window.center, ct.window.width);
  const pictures: [string, Promise<Picture>][] = [['ct.png', slicePicture(ct.volume, grid, ctWindow, 'grey')]];
  if (pet) {
    // of the slice shown: a whole body is mostly air, and its percentile would leave every hot spot saturated
    const shown = Math.round((z - pet.origin[2]) / pet.spacing[2]);
    const petWindow = { low: 0, high: hotLevel(sliceOf(pet, shown)) };
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

/** Patient z of the slice whose hot part is the hottest: where hot spheres are. */
async function hottestZ(volume: Volume): Promise<number> {
  let best = 0;
  let slice = 0;
  for (let k = 0; k < volume.size[2]; k++) {
    const value = hotLevel(sliceOf(volume, k));
    if (value > best) {
      best = value;
      slice = k;
    }
    await new Promise((resolve) => setImmediate(resolve)); // a volume is seconds of work
  }
  return volume.origin[2] + slice * volume.spacing[2];
}

function sliceOf(volume: Volume, k: number): Float32Array {
  const area = volume.size[0] * volume.size[1];
  return volume.data.subarray(k * area, (k + 1) * area);
}

/** Value below which all but the hottest pixels of a slice lie, from a histogram of 4096 steps. */
function hotLevel(pixels: Float32Array): number {
  let max = 0;
  for (const value of pixels) if (value > max) max = value;
  const steps = 4096;
  const histogram = new Uint32Array(steps + 1);
  for (const value of pixels) histogram[Math.max(0, Math.floor((value / (max || 1)) * steps))]!++;
  for (let i = 0, sum = 0; i <= steps; i++) {
    sum += histogram[i]!;
    if (sum >= HOT_PERCENTILE * pixels.length) return ((i + 1) / steps) * max;
  }
  return max;
}
