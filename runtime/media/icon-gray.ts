/** One channel out of an image's pixels, and the shade that each value has. */

import type { PixelFormat } from '../dicom/codecs/format.js';
import { type Dataset, element, number, numbers } from '../dicom/dataset/dataset.js';

export interface Gray {
  rows: number;
  columns: number;
  /** Stored values, or brightness of colour, [row][column]. */
  values: ArrayLike<number>;
  /** 0 (black) to 255 of a mean of values. */
  shade(value: number): number;
}

type Shade = Gray['shade'];

const FULL: Shade = (value) => clamp(value);

/**
 * @param bytes one frame, little endian
 * @returns undefined for a palette that cannot be read
 */
export function grayOf(bytes: Uint8Array, format: PixelFormat, ds: Dataset): Gray | undefined {
  const { rows, columns, samplesPerPixel, photometricInterpretation } = format;
  const stored = storedValues(bytes, format);
  if (samplesPerPixel === 3) {
    const shade: Shade = format.bitsStored > 8 ? (value) => clamp(value / 2 ** (format.bitsStored - 8)) : FULL;
    return { rows, columns, values: brightness(stored, format), shade };
  }
  if (photometricInterpretation === 'PALETTE COLOR') {
    const palette = paletteBrightness(ds);
    if (!palette) return undefined;
    const last = palette.length - 1;
    const values = Float32Array.from(stored, (value) => palette[Math.min(last, Math.max(0, value))]!);
    return { rows, columns, values, shade: FULL };
  }
  const window = windowOf(ds, stored);
  const shade: Shade = photometricInterpretation === 'MONOCHROME1' ? (value) => 255 - window(value) : window;
  return { rows, columns, values: stored, shade };
}

/** Values with what stands above Bits Stored taken away. */
function storedValues(bytes: Uint8Array, { bitsAllocated, bitsStored, signed }: PixelFormat): Int32Array {
  const count = Math.floor(bytes.length / (bitsAllocated / 8));
  const values = new Int32Array(count);
  const spare = 32 - bitsStored;
  const wide = bitsAllocated === 16;
  const view = wide && bytes.byteOffset % 2 === 0 ? new Uint16Array(bytes.buffer, bytes.byteOffset, count) : undefined;
  for (let i = 0; i < count; i++) {
    const raw = view ? view[i]! : wide ? bytes[2 * i]! | (bytes[2 * i + 1]! << 8) : bytes[i]!;
    values[i] = signed ? (raw << spare) >> spare : (raw << spare) >>> spare;
  }
  return values;
}

/** Luminance of RGB (ITU-R BT.601), the first channel of YCbCr. */
function brightness(
  stored: Int32Array,
  { rows, columns, planar, photometricInterpretation }: PixelFormat,
): Float32Array {
  const count = rows * columns;
  const [step, plane] = planar ? [1, count] : [3, 1];
  const isRgb = photometricInterpretation === 'RGB';
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const first = stored[i * step]!;
    out[i] = isRgb ? 0.299 * first + 0.587 * stored[i * step + plane]! + 0.114 * stored[i * step + 2 * plane]! : first;
  }
  return out;
}

/** The image's own window (PS3.3 C.11.2.1.2), else all its values from the least to the greatest. */
function windowOf(ds: Dataset, stored: Int32Array): Shade {
  const [slope, intercept] = [number(ds, 'RescaleSlope') || 1, number(ds, 'RescaleIntercept') ?? 0];
  const [center, width] = [number(ds, 'WindowCenter'), number(ds, 'WindowWidth')];
  if (center !== undefined && width !== undefined && width >= 1) {
    if (width === 1) return (value) => (value * slope + intercept <= center - 0.5 ? 0 : 255);
    return (value) => clamp(((value * slope + intercept - (center - 0.5)) / (width - 1) + 0.5) * 255);
  }
  const padding = number(ds, 'PixelPaddingValue');
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of stored) {
    if (value === padding) continue;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  if (!(greatest > least)) return () => 0;
  return (value) => clamp(((value - least) / (greatest - least)) * 255);
}

/** Brightness of each entry of a palette: PS3.3 C.7.6.3.1.5. Segmented ones are not read. */
function paletteBrightness(ds: Dataset): Float32Array | undefined {
  const channels = ['Red', 'Green', 'Blue'].map((colour) => {
    const [count, , bits] = numbers(ds, `${colour}PaletteColorLookupTableDescriptor`);
    const data = element(ds, `${colour}PaletteColorLookupTableData`)?.Value[0];
    if (!(data instanceof Uint8Array)) return undefined;
    const entries = count === 0 ? 65536 : (count ?? 0);
    const isWide = bits === 16 && data.length >= 2 * entries;
    if (!isWide && data.length < entries) return undefined;
    return Array.from({ length: entries }, (_, i) => (isWide ? data[2 * i + 1]! : data[i]!));
  });
  const [red, green, blue] = channels;
  if (!red || !green || !blue || red.length === 0) return undefined;
  return Float32Array.from(red, (value, i) => 0.299 * value + 0.587 * (green[i] ?? 0) + 0.114 * (blue[i] ?? 0));
}

function clamp(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.round(value);
}
