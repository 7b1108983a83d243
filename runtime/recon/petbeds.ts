/** Beds of a whole-body scan to one volume: where they overlap, the mean weighted by each bed's sensitivity at the slice. */

import { ScannerError } from '../../hal/base/errors.js';
import { PET } from '../../native/petgeometry.js';
import type { Volume } from './volume.js';

/** Ring pairs whose middle lies on each of the 109 slices: the sensitivity on the axis. */
export const SLICE_SENSITIVITY: readonly number[] = Array.from({ length: PET.slices }, (_, sum) => {
  let pairs = 0;
  for (let a = Math.max(0, sum - PET.rings + 1); a <= Math.min(sum, PET.rings - 1); a++) {
    if (Math.abs(sum - 2 * a) <= PET.maxRingDifference) pairs++;
  }
  return pairs;
});

export interface CombinedBeds {
  volume: Volume;
  /** For each slice the bed (index into the input) that weighs most. */
  bedOfSlice: number[];
}

interface Contribution {
  bed: number;
  slice: number;
  /** Weight of the slice, and of the next when it lies between two. */
  low: number;
  high: number;
}

/**
 * @param beds volumes of one grid in plane and one slice distance, in any order, each of 109 slices
 * @throws ScannerError data.missing without beds, data.invalid when their grids differ
 */
export async function combineBeds(beds: readonly Volume[], signal?: AbortSignal): Promise<CombinedBeds> {
  const first = checkBeds(beds);
  const dz = first.spacing[2];
  const bottom = Math.min(...beds.map((bed) => bed.origin[2]));
  const top = Math.max(...beds.map((bed) => bed.origin[2] + (bed.size[2] - 1) * dz));
  const slices = Math.round((top - bottom) / dz) + 1;
  const area = first.size[0] * first.size[1];
  const data = new Float32Array(area * slices);
  const bedOfSlice: number[] = [];
  for (let z = 0; z < slices; z++) {
    const parts = contributions(beds, bottom + z * dz);
    for (const part of parts) addSlice(beds[part.bed]!, part, data.subarray(z * area, (z + 1) * area));
    const heaviest = parts.reduce<Contribution | undefined>(
      (a, b) => (a && a.low + a.high >= b.low + b.high ? a : b),
      undefined,
    );
    bedOfSlice.push(heaviest?.bed ?? -1);
    if (z % 4 === 3) await yieldToLoop(signal);
  }
  const volume: Volume = {
    ...first,
    data,
    size: [first.size[0], first.size[1], slices],
    origin: [first.origin[0], first.origin[1], bottom],
  };
  return { volume, bedOfSlice };
}

function checkBeds(beds: readonly Volume[]): Volume {
  const first = beds[0];
  if (!first) throw new ScannerError('data.missing', { what: 'PET beds to combine' });
  const grid = (bed: Volume) => [...bed.size, ...bed.spacing, bed.origin[0], bed.origin[1], bed.unit].join(' ');
  const odd = beds.find((bed) => grid(bed) !== grid(first) || bed.size[2] !== PET.slices);
  if (odd)
    throw new ScannerError('data.invalid', {
      what: 'PET beds to combine',
      message: `grid ${grid(odd)} beside ${grid(first)}`,
    });
  return first;
}

/** Slices that hold data for patient z, weights normalised to 1 in all. */
function contributions(beds: readonly Volume[], z: number): Contribution[] {
  const parts = beds.flatMap((bed, index): Contribution[] => {
    const last = bed.size[2] - 1;
    const at = (z - bed.origin[2]) / bed.spacing[2];
    if (at < -0.5 || at > last + 0.5) return [];
    const inside = Math.min(last, Math.max(0, at));
    const slice = Math.min(last - 1, Math.floor(inside + 1e-3));
    const fraction = Math.max(0, inside - slice);
    const [low, high] = [SLICE_SENSITIVITY[slice]!, SLICE_SENSITIVITY[slice + 1]!];
    return [{ bed: index, slice, low: low * (1 - fraction), high: fraction < 1e-3 ? 0 : high * fraction }];
  });
  const sum = parts.reduce((total, part) => total + part.low + part.high, 0);
  return parts.map((part) => ({ ...part, low: part.low / sum, high: part.high / sum }));
}

function addSlice(bed: Volume, part: Contribution, out: Float32Array): void {
  const area = out.length;
  const low = bed.data.subarray(part.slice * area, (part.slice + 1) * area);
  const high = bed.data.subarray((part.slice + 1) * area, (part.slice + 2) * area);
  for (let i = 0; i < area; i++) out[i]! += part.low * low[i]! + part.high * high[i]!;
}

async function yieldToLoop(signal?: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'combining PET beds' });
}
