/** What other makers' programs made of our images: NIfTI of dcm2niix, MetaImage of plastimatch. */

import { readFileSync } from 'node:fs';
import type { Grid } from './imagefiles.js';

export interface Nifti {
  size: [number, number, number];
  data: Float64Array;
  /** Rows of the affine: RAS mm of a voxel index. */
  affine: [number, number, number, number][];
}

/** An uncompressed NIfTI-1 file of 16-bit or 32-bit samples. */
export function readNifti(path: string): Nifti {
  const file = readFileSync(path);
  if (file.readInt32LE(0) !== 348 || file.toString('latin1', 344, 347) !== 'n+1')
    throw new Error(`${path} is no NIfTI`);
  const size = [42, 44, 46].map((at) => file.readInt16LE(at)) as [number, number, number];
  const count = size[0] * size[1] * size[2];
  const slope = file.readFloatLE(112) || 1;
  const intercept = file.readFloatLE(116);
  const read: Record<number, (i: number) => number> = {
    4: (i) => file.readInt16LE(offset + 2 * i),
    16: (i) => file.readFloatLE(offset + 4 * i),
    512: (i) => file.readUInt16LE(offset + 2 * i),
  };
  const offset = file.readFloatLE(108);
  const sample = read[file.readInt16LE(70)];
  if (!sample) throw new Error(`NIfTI datatype ${file.readInt16LE(70)}`);
  if (file.readInt16LE(254) <= 0) throw new Error(`${path} has no sform`);
  const affine = [280, 296, 312].map((at) =>
    [0, 4, 8, 12].map((step) => file.readFloatLE(at + step)),
  ) as Nifti['affine'];
  return { size, data: Float64Array.from({ length: count }, (_, i) => sample(i) * slope + intercept), affine };
}

/** Centre of the voxels above a level, LPS mm: NIfTI's axes point to the right, front and head. */
export function niftiCentre({ size, data, affine }: Nifti, level: number): [number, number, number] {
  const sums = [0, 0, 0];
  let count = 0;
  for (const [at, value] of data.entries()) {
    if (value < level) continue;
    const index = [at % size[0], Math.floor(at / size[0]) % size[1], Math.floor(at / (size[0] * size[1])), 1];
    for (const [axis, row] of affine.entries()) sums[axis]! += row.reduce((sum, a, i) => sum + a * index[i]!, 0);
    count++;
  }
  const [r, a, s] = sums.map((sum) => sum / count) as [number, number, number];
  return [-r, -a, s];
}

/** A MetaImage file (`.mha`) of floats: LPS, as DICOM. */
export function readMha(path: string): Grid {
  const file = readFileSync(path);
  const mark = 'ElementDataFile = LOCAL\n';
  const end = file.indexOf(mark) + mark.length;
  const fields = Object.fromEntries(
    file
      .toString('latin1', 0, end)
      .split('\n')
      .map((line) => line.split(' = ') as [string, string]),
  );
  const three = (key: string) => (fields[key] ?? '').trim().split(' ').map(Number) as [number, number, number];
  if (fields.ElementType?.trim() !== 'MET_FLOAT') throw new Error(`${path} holds ${fields.ElementType}`);
  if (three('TransformMatrix').join() !== '1,0,0,0,1,0,0,0,1') throw new Error(`${path} is rotated`);
  const bytes = new Uint8Array(file.subarray(end));
  return {
    data: new Float32Array(bytes.buffer, 0, bytes.byteLength >> 2),
    size: three('DimSize'),
    spacing: three('ElementSpacing'),
    origin: three('Offset'),
  };
}
