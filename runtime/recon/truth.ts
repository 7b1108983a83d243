/** PET images beside the activity that a known phantom has: recovery, bias and noise of each of its parts. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Millimetre } from '../../hal/base/units.js';
import { type FlatPhantom, paintPhantom } from '../../native/phantom.js';
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
  const { shapes, core: inCore } = await paintPhantom({ phantom, grid: volume, marginMm: CORE_MM }, { signal });
  const none = (): Sums => ({ count: 0, sum: 0, squares: 0 });
  const all = labels.map(none);
  const core = labels.map(none);
  const area = volume.size[0] * volume.size[1];
  for (let i = 0; i < shapes.length; i++) {
    const shape = shapes[i]!;
    if (shape >= 0) add(all[shape]!, volume.data[i]!);
    if (shape >= 0 && inCore[i]) add(core[shape]!, volume.data[i]!);
    if (i % (YIELD_SLICES * area) === 0) await pause(signal);
  }
  const regions = labels.map((label, s) => regionOf(label, phantom.activity[s]! * factor, all[s]!, core[s]!));
  return { regions: regions.filter(({ voxels }) => voxels > 0), ...errorsOf(core, phantom, factor) };
}

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
