import { ScannerError } from '../../../hal/base/errors.js';
import { type Dataset, number, text } from '../dataset/dataset.js';

/** How the pixels of one image lie in memory: PS3.3 C.7.6.3. */
export interface PixelFormat {
  rows: number;
  columns: number;
  samplesPerPixel: number;
  bitsAllocated: number;
  bitsStored: number;
  signed: boolean;
  /** Colour by plane instead of by pixel: Planar Configuration 1. */
  planar: boolean;
  photometricInterpretation: string;
  frames: number;
}

/** Largest frame that is decoded, bytes: a mammogram takes 50 MB. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;
const MAX_FRAMES = 1_000_000;

/** @throws ScannerError data.invalid, limit.size for pixels that no codec of ours takes */
export function pixelFormat(ds: Dataset): PixelFormat {
  const format = {
    rows: needWhole(ds, 'Rows', 1, 65535),
    columns: needWhole(ds, 'Columns', 1, 65535),
    samplesPerPixel: needWhole(ds, 'SamplesPerPixel', 1, 3, 1),
    bitsAllocated: needWhole(ds, 'BitsAllocated', 8, 16),
    bitsStored: needWhole(ds, 'BitsStored', 1, 16),
    signed: needWhole(ds, 'PixelRepresentation', 0, 1, 0) === 1,
    planar: needWhole(ds, 'PlanarConfiguration', 0, 1, 0) === 1,
    photometricInterpretation: text(ds, 'PhotometricInterpretation') ?? 'MONOCHROME2',
    frames: needWhole(ds, 'NumberOfFrames', 1, MAX_FRAMES, 1),
  };
  if (format.bitsAllocated % 8 !== 0) throw wrong('BitsAllocated', String(format.bitsAllocated), '8 or 16');
  if (format.bitsStored > format.bitsAllocated) throw wrong('BitsStored', String(format.bitsStored), 'Bits Allocated');
  if (format.samplesPerPixel === 2) throw wrong('SamplesPerPixel', '2', '1 or 3');
  const bytes = frameBytes(format);
  if (bytes > MAX_FRAME_BYTES)
    throw new ScannerError('limit.size', { what: 'frame', value: bytes, max: MAX_FRAME_BYTES });
  return format;
}

/** Bytes of one uncompressed frame. */
export function frameBytes({ rows, columns, samplesPerPixel, bitsAllocated }: PixelFormat): number {
  return rows * columns * samplesPerPixel * (bitsAllocated / 8);
}

function needWhole(ds: Dataset, keyword: string, min: number, max: number, absent?: number): number {
  const value = number(ds, keyword) ?? absent;
  if (value !== undefined && Number.isInteger(value) && value >= min && value <= max) return value;
  throw wrong(keyword, String(value), `a whole number from ${min} to ${max}`);
}

function wrong(what: string, got: string, expected: string): ScannerError {
  return new ScannerError('data.invalid', { what, message: `${got} is not ${expected}` });
}
