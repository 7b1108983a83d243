import { setImmediate as nextTurn } from 'node:timers/promises';
import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import { expectArgument, type KernelOptions } from '../../native/addon.js';
import { CT_CHANNELS, type CtTrace, expectSlices, expectTrace, reconstructCt } from '../../native/ct.js';
import { quantise, type Statistics, statistics } from '../../native/pixel.js';
import type { Volume } from './volume.js';

export { reconstructableRange } from '../../native/ct.js';

/** What makes water read 0 HU at one tube voltage. */
export interface WaterCalibration {
  /** Attenuation of water after the correction, 1/mm. */
  muWaterPerMm: number;
  /** p' = a1 p + a2 p^2 + ... */
  coefficients: number[];
}

/** The scanner's water calibration at `kv`. @throws ScannerError data.missing */
export function waterCalibration(kv: number): WaterCalibration {
  let table: Record<string, WaterCalibration> = {};
  try {
    table = readTable(import.meta.url, './calibration/ct-water.json');
  } catch (cause) {
    throw new ScannerError('data.missing', { what: 'the CT water calibration' }, cause);
  }
  const found = table[String(kv)];
  if (!found) throw new ScannerError('data.missing', { what: `the CT water calibration at ${kv} kV` });
  return found;
}

/** Where slices lie. The first is at the lower of the two ends, the others follow toward the head. */
export interface SliceRange {
  fromZ: number;
  toZ: number;
  thicknessMm: number;
  incrementMm: number;
}

/** Words of readings first .. first + count - 1, [reading][row][channel]. */
export type CtReadingSource = (first: number, count: number) => Promise<Uint16Array>;

export interface CtSeriesJob extends CtTrace {
  /** All words, or where to get them piece by piece: then memory holds only what a few slices need. */
  readings: Uint16Array | CtReadingSource;
  calibration: WaterCalibration;
  slices: SliceRange;
  /** A name of the kernel table, e.g. `B31f`. */
  kernel: string;
  matrix?: number;
  fovMm: number;
  /** Middle of the images, patient mm; 0 when absent. */
  centreXMm?: number;
  centreYMm?: number;
}

export interface CtSeries {
  volume: Volume;
  statistics: Statistics;
  /** Voxels of a slice are this wide along z; `volume.spacing[2]` is the distance of slices. */
  thicknessMm: number;
}

/** Slice centres, ascending. @throws ScannerError native.argument */
export function slicePositions(range: SliceRange): number[] {
  const { fromZ, toZ, incrementMm } = range;
  const what = 'reconstructCtSeries';
  const ends = Number.isFinite(fromZ) && Number.isFinite(toZ);
  expectArgument(what, 'slice range', ends, `${fromZ} to ${toZ}`, 'two finite positions');
  expectArgument(what, 'incrementMm', incrementMm >= 0.1 && incrementMm <= 100, incrementMm, '0.1 to 100');
  const low = Math.min(fromZ, toZ);
  const count = Math.floor(Math.abs(toZ - fromZ) / incrementMm + 1e-6) + 1;
  return Array.from({ length: count }, (_, i) => low + i * incrementMm);
}

/**
 * Reconstructs one CT series.
 * @returns the volume in HU (-1024 outside the scan field) and statistics of all its voxels
 * @throws ScannerError native.argument (a slice outside the measured range names that range), timeout.aborted
 */
export async function reconstructCtSeries(job: CtSeriesJob, run: KernelOptions = {}): Promise<CtSeries> {
  const { matrix = 512, centreXMm = 0, centreYMm = 0, fovMm, kernel, calibration, slices } = job;
  const sliceZ = slicePositions(slices);
  expectTrace('reconstructCtSeries', job);
  expectSlices('reconstructCtSeries', sliceZ, { ...job, thicknessMm: slices.thicknessMm });
  const pixels = matrix * matrix;
  const grid = { matrix, centreXMm, centreYMm, fovMm, kernel, thicknessMm: slices.thicknessMm, ...calibration };
  const data = new Float32Array(sliceZ.length * pixels);
  for (const slab of slabs(sliceZ)) {
    const piece = await readSlab(job, slab);
    expectRunning(run);
    const onProgress = (fraction: number) => run.onProgress?.((slab.from + fraction * slab.z.length) / sliceZ.length);
    const images = await reconstructCt({ ...grid, ...piece, sliceZ: slab.z }, { ...run, onProgress });
    for (let k = 0; k < slab.z.length; k++) {
      data.set(images.subarray(k * pixels, (k + 1) * pixels), (slab.from + k) * pixels);
      await nextTurn(); // touching fresh memory costs more than copying
    }
  }
  const pixel = fovMm / matrix;
  const corner = -((matrix - 1) / 2) * pixel;
  const volume: Volume = {
    data,
    size: [matrix, matrix, sliceZ.length],
    spacing: [pixel, pixel, slices.incrementMm],
    origin: [centreXMm + corner, centreYMm + corner, sliceZ[0]!],
    unit: 'HU',
  };
  expectRunning(run);
  const { threads, signal } = run;
  return { volume, statistics: await statistics(data, { threads, signal }), thicknessMm: slices.thicknessMm };
}

function expectRunning(run: KernelOptions): void {
  if (run.signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'CT reconstruction' }, run.signal.reason);
}

/** Slices that are reconstructed together. */
interface Slab {
  from: number;
  z: number[];
}

const SLAB_SLICES = 16;

function slabs(sliceZ: number[]): Slab[] {
  const count = Math.ceil(sliceZ.length / SLAB_SLICES);
  return Array.from({ length: count }, (_, i) => {
    const from = i * SLAB_SLICES;
    return { from, z: sliceZ.slice(from, from + SLAB_SLICES) };
  });
}

/** The readings near a slab. */
async function readSlab(job: CtSeriesJob, slab: Slab): Promise<CtTrace & { readings: Uint16Array }> {
  const { angles, sourceZ, rows, rowPitchMm, readings } = job;
  if (typeof readings !== 'function') return { angles, sourceZ, rows, rowPitchMm, readings };
  // a turn more than the collimation reaches: the kernel then sees the same neighbours as with all readings
  const reach = rows * rowPitchMm + job.slices.thicknessMm;
  const low = slab.z[0]! - reach;
  const high = slab.z[slab.z.length - 1]! + reach;
  const near = (z: number) => z >= low && z <= high;
  const first = sourceZ.findIndex(near);
  const last = sourceZ.findLastIndex(near);
  expectArgument('reconstructCtSeries', 'sliceZ', first >= 0, `${slab.z[0]} mm`, 'a slice within the scan');
  const count = last - first + 1;
  const words = await readings(first, count);
  const expected = count * rows * CT_CHANNELS;
  if (words.length !== expected)
    throw new ScannerError('data.truncated', { what: 'CT readings', got: words.length * 2, expected: expected * 2 });
  const [from, to] = [first, last + 1];
  return { angles: angles.subarray(from, to), sourceZ: sourceZ.subarray(from, to), rows, rowPitchMm, readings: words };
}

/** How HU are stored: value = stored x slope + intercept, 12 bits. */
export const HU_STORAGE = { slope: 1, intercept: -1024, low: 0, high: 4095 } as const;

/** HU to stored pixels: clipped to -1024 .. 3071 HU, slope 1, intercept -1024. */
export function hounsfieldToStored(values: Float32Array, run: KernelOptions = {}): Promise<Uint16Array> {
  return quantise(values, HU_STORAGE, run);
}

/** How a topogram is stored: 12 bits, 1/400 of a line integral a step. */
export const TOPOGRAM_STORAGE = { slope: 1 / 400, intercept: 0, low: 0, high: 4095 } as const;

/** Line integrals of a topogram to stored pixels. */
export function topogramToStored(values: Float32Array, run: KernelOptions = {}): Promise<Uint16Array> {
  return quantise(values, TOPOGRAM_STORAGE, run);
}
