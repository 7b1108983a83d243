/** Image series of the archive as volumes again. */

import { readFile } from 'node:fs/promises';
import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, number, numbers, text } from '../dicom/dataset/dataset.js';
import { type FileHeader, readHeader } from '../dicom/dataset/header.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../dicom/dataset/transfer-syntax.js';
import type { Volume } from './volume.js';

const PIXEL_DATA = '7FE00010';
const AXIAL = '1\\0\\0\\0\\1\\0';
const MODALITIES = ['CT', 'PT'];
const UNCOMPRESSED = [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN];
/** Slices out of step by more are no volume, mm. */
const STEP_TOLERANCE = 0.05;

interface Slice {
  dataset: Dataset;
  values: Float32Array;
  z: number;
}

/**
 * The volumes of a CT or PET series, frame after frame: axial slices of one size at one distance.
 * @throws ScannerError data.invalid for anything else, data.dicom, data.missing
 */
export async function storedVolumes(files: readonly string[]): Promise<Volume[]> {
  const slices = await Promise.all(files.map(readSlice));
  const count = number(slices[0]?.dataset ?? {}, 'NumberOfSlices') ?? slices.length;
  const frames = new Map<number, Slice[]>();
  for (const slice of slices) {
    const frame = Math.floor(((number(slice.dataset, 'ImageIndex') ?? 1) - 1) / count);
    frames.set(frame, [...(frames.get(frame) ?? []), slice]);
  }
  return [...frames].sort(([a], [b]) => a - b).map(([, one]) => volumeOf(one));
}

async function readSlice(file: string): Promise<Slice> {
  const header = await readHeader(file);
  const { dataset, transferSyntax } = header;
  const position = numbers(dataset, 'ImagePositionPatient');
  const modality = text(dataset, 'Modality') ?? 'none';
  if (!MODALITIES.includes(modality)) throw wrong(file, `modality ${modality}, expected ${MODALITIES.join(' or ')}`);
  if (!UNCOMPRESSED.includes(transferSyntax))
    throw wrong(file, `transfer syntax ${transferSyntax}, expected uncompressed`);
  if (numbers(dataset, 'ImageOrientationPatient').join('\\') !== AXIAL || position.length !== 3) {
    throw wrong(file, `orientation other than ${AXIAL}`);
  }
  return { dataset, values: await valuesOf(file, header), z: position[2]! };
}

async function valuesOf(file: string, { dataset }: FileHeader): Promise<Float32Array> {
  const [rows, columns, bits] = ['Rows', 'Columns', 'BitsAllocated'].map((keyword) => number(dataset, keyword) ?? 0);
  const element = dataset[PIXEL_DATA];
  const expected = 2 * rows! * columns!;
  const bulk = element?.bulk;
  const bytes = bulk
    ? (await readFile(file)).subarray(bulk.offset, bulk.offset + (bulk.length ?? 0))
    : element?.Value[0];
  if (bits !== 16 || !(bytes instanceof Uint8Array) || bytes.length < expected || expected === 0) {
    throw wrong(file, `no ${rows} x ${columns} pixels of 16 bits`);
  }
  const [slope, intercept] = [number(dataset, 'RescaleSlope') ?? 1, number(dataset, 'RescaleIntercept') ?? 0];
  const view = new DataView(bytes.buffer, bytes.byteOffset, expected);
  const signed = number(dataset, 'PixelRepresentation') === 1;
  const stored = signed ? (i: number) => view.getInt16(2 * i, true) : (i: number) => view.getUint16(2 * i, true);
  return Float32Array.from({ length: expected / 2 }, (_, i) => stored(i) * slope + intercept);
}

function volumeOf(slices: readonly Slice[]): Volume {
  const sorted = [...slices].sort((a, b) => a.z - b.z);
  const { dataset, z } = sorted[0]!;
  const [dy, dx] = numbers(dataset, 'PixelSpacing') as [number, number];
  const [x, y] = numbers(dataset, 'ImagePositionPatient') as [number, number];
  const columns = number(dataset, 'Columns')!;
  const area = sorted[0]!.values.length;
  const step =
    sorted.length > 1 ? (sorted.at(-1)!.z - z) / (sorted.length - 1) : (number(dataset, 'SliceThickness') ?? 1);
  const data = new Float32Array(area * sorted.length);
  for (const [k, slice] of sorted.entries()) {
    const outOfStep = Math.abs(slice.z - z - k * step) > STEP_TOLERANCE;
    if (slice.values.length !== area || outOfStep)
      throw wrong(`slice at z ${slice.z} mm`, 'not one grid with the others');
    data.set(slice.values, k * area);
  }
  const unit = unitOf(dataset);
  return { data, size: [columns, area / columns, sorted.length], spacing: [dx, dy, step], origin: [x, y, z], unit };
}

function unitOf(dataset: Dataset): Volume['unit'] {
  if (text(dataset, 'Modality') === 'CT') return 'HU';
  return text(dataset, 'Units') === 'BQML' ? 'BQML' : 'PROPCPS';
}

function wrong(what: string, message: string): ScannerError {
  return new ScannerError('data.invalid', { what, message });
}
