/** Volumes from DICOM files, their pixels read here, and figures of them. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { number, numbers, text } from '../../runtime/dicom/dataset/dataset.js';
import { type FileHeader, readHeader } from '../../runtime/dicom/dataset/header.js';
import type { Volume } from '../../runtime/recon/volume.js';

export type Grid = Omit<Volume, 'unit'>;
type Point = readonly [number, number, number];

export interface Slice {
  header: FileHeader;
  /** Stored x slope + intercept. */
  values: Float64Array;
  z: number;
}

async function readSlice(path: string): Promise<Slice> {
  const header = await readHeader(path);
  const { dataset } = header;
  const { bulk, Value } = dataset['7FE00010']!;
  const file = readFileSync(path);
  const pixels = bulk ? file.subarray(bulk.offset, bulk.offset + bulk.length!) : Buffer.from(Value[0] as Uint8Array);
  const signed = number(dataset, 'PixelRepresentation') === 1;
  const slope = number(dataset, 'RescaleSlope')!;
  const intercept = number(dataset, 'RescaleIntercept')!;
  const values = Float64Array.from({ length: pixels.length / 2 }, (_, i) => {
    const stored = signed ? pixels.readInt16LE(2 * i) : pixels.readUInt16LE(2 * i);
    return stored * slope + intercept;
  });
  return { header, values, z: numbers(dataset, 'ImagePositionPatient')[2]! };
}

/** All slices of a series' folder, from feet to head. */
export async function readSlices(folder: string): Promise<Slice[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.dcm'));
  const slices = await Promise.all(files.map((file) => readSlice(join(folder, file))));
  return slices.sort((a, b) => a.z - b.z);
}

/** The volume of axial slices that rows of +x and columns of +y fill; fails on any other orientation. */
export async function readVolume(folder: string): Promise<Grid & { slices: Slice[] }> {
  const slices = await readSlices(folder);
  const { dataset } = slices[0]!.header;
  const orientation = numbers(dataset, 'ImageOrientationPatient').join();
  if (orientation !== '1,0,0,0,1,0') throw new Error(`orientation ${orientation}`);
  const [dy, dx] = numbers(dataset, 'PixelSpacing') as [number, number];
  const [x, y, z] = numbers(dataset, 'ImagePositionPatient') as [number, number, number];
  const area = slices[0]!.values.length;
  const data = new Float32Array(area * slices.length);
  for (const [k, slice] of slices.entries()) data.set(slice.values, k * area);
  const step = slices.length > 1 ? (slices.at(-1)!.z - z) / (slices.length - 1) : 1;
  const uneven = slices.find((slice, k) => Math.abs(slice.z - z - k * step) > 0.01);
  if (uneven) throw new Error(`slice at ${uneven.z} mm is out of step ${step} mm`);
  const columns = Number(text(dataset, 'Columns'));
  return { data, size: [columns, area / columns, slices.length], spacing: [dx, dy, step], origin: [x, y, z], slices };
}

/** Calls `visit` with every voxel in a box around a point, in mm from it. */
function around(volume: Grid, centre: Point, half: Point, visit: (value: number, offset: Point) => void): void {
  const range = (axis: 0 | 1 | 2) => {
    const first = Math.ceil((centre[axis] - half[axis] - volume.origin[axis]) / volume.spacing[axis] - 1e-6);
    const last = Math.floor((centre[axis] + half[axis] - volume.origin[axis]) / volume.spacing[axis] + 1e-6);
    return [Math.max(0, first), Math.min(volume.size[axis] - 1, last)] as const;
  };
  const [xs, ys, zs] = [range(0), range(1), range(2)];
  const mm = (axis: 0 | 1 | 2, i: number) => volume.origin[axis] + i * volume.spacing[axis] - centre[axis];
  for (let k = zs[0]; k <= zs[1]; k++) {
    for (let j = ys[0]; j <= ys[1]; j++) {
      for (let i = xs[0]; i <= xs[1]; i++) {
        const value = volume.data[i + volume.size[0] * (j + volume.size[1] * k)]!;
        visit(value, [mm(0, i), mm(1, j), mm(2, k)]);
      }
    }
  }
}

export interface Region {
  mean: number;
  /** Standard deviation of the voxels. */
  deviation: number;
  count: number;
}

/** Mean and spread of the voxels around `centre` whose offset `inside` accepts. */
export function region(volume: Grid, centre: Point, half: Point, inside: (offset: Point) => boolean): Region {
  let sum = 0;
  let squares = 0;
  let count = 0;
  around(volume, centre, half, (value, offset) => {
    if (!inside(offset)) return;
    sum += value;
    squares += value * value;
    count++;
  });
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)), count };
}

/** An upright cylinder of voxels. */
export function disc(volume: Grid, centre: Point, radiusMm: number, halfMm: number): Region {
  return region(volume, centre, [radiusMm, radiusMm, halfMm], ([x, y]) => Math.hypot(x, y) <= radiusMm);
}

/** A ring of voxels around an upright axis. */
export function ring(volume: Grid, centre: Point, inner: number, outer: number, halfMm: number): Region {
  return region(volume, centre, [outer, outer, halfMm], ([x, y]) => {
    const r = Math.hypot(x, y);
    return r >= inner && r <= outer;
  });
}

/** Centre of what stands out of `background` around a place: voxels beyond half of the largest difference, by that difference. */
export function centroid(volume: Grid, near: Point, halfMm: number, background: number): [number, number, number] {
  const half: Point = [halfMm, halfMm, halfMm];
  let peak = 0;
  around(volume, near, half, (value) => {
    if (Math.abs(value - background) > Math.abs(peak)) peak = value - background;
  });
  const sums = [0, 0, 0, 0];
  around(volume, near, half, (value, offset) => {
    const weight = (value - background) / peak;
    if (weight < 0.5) return;
    for (const axis of [0, 1, 2] as const) sums[axis]! += weight * offset[axis];
    sums[3]! += weight;
  });
  return [0, 1, 2].map((axis) => near[axis]! + sums[axis]! / sums[3]!) as [number, number, number];
}
