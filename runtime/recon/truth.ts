/** PET images beside the activity that a known phantom has: recovery, bias and noise of each of its parts. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Millimetre } from '../../hal/base/units.js';
import { type FlatPhantom, shapesAt } from '../../native/phantom.js';
import type { Volume } from './volume.js';

/** A patient whose activity is known. */
export interface KnownPatient {
  /** Of each shape. */
  labels: readonly string[];
  phantom: FlatPhantom;
}

export interface TruthRegion {
  /** What the phantom calls the part. */
  label: string;
  /** Activity at the start of the series, Bq/ml. */
  known: number;
  voxels: number;
  /** Of all voxels whose middle lies in the part, Bq/ml. */
  mean: number;
  /** Mean beside the known activity; absent of parts without any. */
  recovery?: number;
  /** Voxels so far from everything else that resolution does not reach them. */
  coreVoxels: number;
  /** Of these, Bq/ml; absent where there are none. */
  coreMean?: number;
  /** Standard deviation of these beside their mean. */
  coreNoise?: number;
}

export interface TruthReport {
  regions: TruthRegion[];
  /** Bias of all voxels in the cores of active parts beside the known activity, weighted by voxels; absent without such. */
  bias?: number;
  /** Root mean square of their differences from the known activity beside it. */
  rmsError?: number;
}

/** A part's core begins so far within it: twice the resolution of the rings, about. */
export const CORE_MM: Millimetre = 10;

/** Slices between two looks at the signal. */
const YIELD_SLICES = 4;

interface Sums {
  count: number;
  sum: number;
  squares: number;
}

/**
 * @param labels of the phantom's shapes
 * @param factor activity at the start of the series beside that of the phantom
 * @throws ScannerError data.invalid for images that are not in Bq/ml, timeout.aborted
 */
export async function compareWithTruth(
  volume: Volume,
  { labels, phantom }: KnownPatient,
  factor: number,
  signal?: AbortSignal,
): Promise<TruthReport> {
  if (volume.unit !== 'BQML') {
    const message = `unit ${volume.unit}, expected BQML: only quantitative images have a known truth`;
    throw new ScannerError('data.invalid', { what: 'PET images to compare', message });
  }
  const none = (): Sums => ({ count: 0, sum: 0, squares: 0 });
  const all = labels.map(none);
  const core = labels.map(none);
  const [nx, ny, nz] = volume.size;
  for (let k = 0; k < nz; k++) {
    const at = shapesInSlice(volume, k, phantom);
    const inCore = coreOfSlice(volume, k, phantom, at);
    for (let i = 0; i < nx * ny; i++) {
      const shape = at[i]!;
      if (shape < 0) continue;
      const value = volume.data[k * nx * ny + i]!;
      add(all[shape]!, value);
      if (inCore[i]) add(core[shape]!, value);
    }
    if (k % YIELD_SLICES === YIELD_SLICES - 1) await pause(signal);
  }
  const regions = labels.map((label, s) => regionOf(label, phantom.activity[s]! * factor, all[s]!, core[s]!));
  return { regions: regions.filter(({ voxels }) => voxels > 0), ...errorsOf(core, phantom, factor) };
}

/** For each voxel of a slice the shape that its middle lies in, -1 outside. */
function shapesInSlice({ size: [nx, ny], spacing, origin }: Volume, k: number, phantom: FlatPhantom): Int32Array {
  const points = new Float64Array(3 * nx * ny);
  for (let j = 0, at = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++) {
      points[at++] = origin[0] + i * spacing[0];
      points[at++] = origin[1] + j * spacing[1];
      points[at++] = origin[2] + k * spacing[2];
    }
  }
  return shapesAt(phantom, points);
}

/** 1 where the activity is the same at CORE_MM in each of the six directions and the eight diagonals. */
function coreOfSlice(volume: Volume, k: number, phantom: FlatPhantom, at: Int32Array): Uint8Array {
  const core = new Uint8Array(at.length).fill(1);
  const activity = (shape: number) => (shape < 0 ? 0 : phantom.activity[shape]!);
  for (const [dx, dy, dz] of DIRECTIONS) {
    const [x, y, z] = volume.origin;
    const moved = { ...volume, origin: [x + dx, y + dy, z + dz] as Volume['origin'] };
    const there = shapesInSlice(moved, k, phantom);
    for (let i = 0; i < at.length; i++) if (activity(there[i]!) !== activity(at[i]!)) core[i] = 0;
  }
  return core;
}

const DIAGONAL = CORE_MM / Math.sqrt(3);
const SIGNS = [-1, 1] as const;
const DIRECTIONS: readonly (readonly [number, number, number])[] = [
  ...SIGNS.flatMap((s) => [[s * CORE_MM, 0, 0] as const, [0, s * CORE_MM, 0] as const, [0, 0, s * CORE_MM] as const]),
  ...SIGNS.flatMap((a) => SIGNS.flatMap((b) => SIGNS.map((c) => [a * DIAGONAL, b * DIAGONAL, c * DIAGONAL] as const))),
];

function add(sums: Sums, value: number): void {
  sums.count += 1;
  sums.sum += value;
  sums.squares += value * value;
}

function regionOf(label: string, known: number, all: Sums, core: Sums): TruthRegion {
  const mean = all.sum / all.count;
  const region: TruthRegion = { label, known, voxels: all.count, mean, coreVoxels: core.count };
  if (known > 0) region.recovery = mean / known;
  if (core.count === 0) return region;
  const coreMean = core.sum / core.count;
  const variance = Math.max(0, core.squares / core.count - coreMean * coreMean);
  return { ...region, coreMean, ...(coreMean > 0 && known > 0 ? { coreNoise: Math.sqrt(variance) / coreMean } : {}) };
}

function errorsOf(core: readonly Sums[], phantom: FlatPhantom, factor: number): Pick<TruthReport, 'bias' | 'rmsError'> {
  let [count, bias, squares] = [0, 0, 0];
  for (const [s, sums] of core.entries()) {
    const known = phantom.activity[s]! * factor;
    if (known <= 0) continue;
    count += sums.count;
    bias += sums.sum / known - sums.count;
    squares += sums.squares / known ** 2 - (2 * sums.sum) / known + sums.count;
  }
  return count === 0 ? {} : { bias: bias / count, rmsError: Math.sqrt(Math.max(0, squares / count)) };
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'comparison with the phantom' });
}
