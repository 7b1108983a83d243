import { expectArgument, type KernelOptions, runKernel } from './addon.js';

export interface Quantisation {
  /** value = stored x slope + intercept */
  slope: number;
  intercept: number;
  /** Stored values are clipped to low .. high, which must fit 16 bits, unsigned or signed. */
  low: number;
  high: number;
}

/**
 * Values to stored integers, rounded to the nearest; NaN becomes `low`.
 * @returns 16-bit words: unsigned, or two's complement when `low` is below 0 (view them as Int16Array)
 * @throws ScannerError native.argument
 */
export async function quantise(values: Float32Array, how: Quantisation, run: KernelOptions = {}): Promise<Uint16Array> {
  const { slope, intercept, low, high } = how;
  expectValues('quantise', values);
  expectArgument('quantise', 'slope', Number.isFinite(slope) && slope > 0, slope, 'above 0');
  expectArgument('quantise', 'intercept', Number.isFinite(intercept), intercept, 'a finite number');
  const fits = low >= 0 ? high <= 65535 : low >= -32768 && high <= 32767;
  const whole = Number.isInteger(low) && Number.isInteger(high) && low < high;
  expectArgument('quantise', 'low and high', fits && whole, `${low}, ${high}`, 'a range of 16-bit integers');
  const out = new Uint16Array(values.length);
  await runKernel('quantise', { values, slope, intercept, low, high, out }, run);
  return out;
}

export interface Statistics {
  min: number;
  max: number;
  mean: number;
  sd: number;
}

/** @throws ScannerError native.argument when there is no value */
export async function statistics(values: Float32Array, run: KernelOptions = {}): Promise<Statistics> {
  expectValues('statistics', values);
  expectArgument('statistics', 'values', values.length > 0, 0, 'at least one value');
  const out = new Float64Array(4);
  await runKernel('statistics', { values, out }, run);
  const [min, max, mean, sd] = out as unknown as [number, number, number, number];
  return { min, max, mean, sd };
}

type Triple = readonly [number, number, number];

export interface PlaneGrid {
  /** Centre of the first pixel, patient mm. */
  origin: Triple;
  /** From column to column, and from row to row, mm. */
  columnStep: Triple;
  rowStep: Triple;
  width: number;
  height: number;
}

export interface SampledVolume {
  /** [z][y][x] */
  data: Float32Array;
  size: Triple;
  /** mm */
  spacing: Triple;
  /** Centre of voxel (0, 0, 0), patient mm. */
  origin: Triple;
}

/**
 * Trilinear samples of a volume on a plane.
 * @param outside value of points more than half a voxel beyond the outermost voxel centres
 * @returns Float32 [row][column]
 * @throws ScannerError native.argument
 */
export async function samplePlane(
  volume: SampledVolume,
  plane: PlaneGrid,
  outside: number,
  run: KernelOptions = {},
): Promise<Float32Array> {
  const kernel = 'samplePlane';
  const { data, size, spacing } = volume;
  expectValues(kernel, data);
  const sizeOk = size.length === 3 && size.every((n) => Number.isInteger(n) && n > 0);
  expectArgument(kernel, 'size', sizeOk && size[0] * size[1] * size[2] === data.length, size, `${data.length} voxels`);
  expectArgument(kernel, 'spacing', spacing.length === 3 && spacing.every((s) => s > 0), spacing, 'above 0');
  const { columnStep, rowStep } = plane;
  const triples = { 'volume origin': volume.origin, 'plane origin': plane.origin, columnStep, rowStep };
  for (const [what, triple] of Object.entries(triples))
    expectArgument(kernel, what, triple.length === 3 && triple.every(Number.isFinite), triple, 'three finite numbers');
  const { width, height } = plane;
  const gridOk = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  expectArgument(kernel, 'width x height', gridOk && width * height <= 1e8, `${width} x ${height}`, 'up to 1e8 pixels');
  const out = new Float32Array(width * height);
  const job = {
    data,
    size: Float64Array.from(size),
    spacing: Float64Array.from(spacing),
    origin: Float64Array.from(volume.origin),
    planeOrigin: Float64Array.from(plane.origin),
    columnStep: Float64Array.from(plane.columnStep),
    rowStep: Float64Array.from(plane.rowStep),
    width,
    height,
    outside,
    out,
  };
  await runKernel(kernel, job, run);
  return out;
}

/**
 * Values to grey bytes: 0 at and below `low`, 255 at and above `high`.
 * @throws ScannerError native.argument
 */
export async function windowBytes(
  values: Float32Array,
  low: number,
  high: number,
  run: KernelOptions = {},
): Promise<Uint8Array> {
  expectValues('window', values);
  expectArgument('window', 'low and high', Number.isFinite(low) && low < high, `${low}, ${high}`, 'low below high');
  const out = new Uint8Array(values.length);
  await runKernel('window', { values, low, high, out }, run);
  return out;
}

function expectValues(kernel: string, values: Float32Array): void {
  expectArgument(kernel, 'values', values instanceof Float32Array, typeof values, 'Float32Array');
}
