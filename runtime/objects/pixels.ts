import { decimal } from './decimal.js';

/** Stored pixels of one image, and what their elements say of them. */
export interface StoredPixels {
  bytes: Uint8Array;
  smallest: number;
  largest: number;
  signed: boolean;
  /** As written: the numbers that turn stored values back are exactly these. */
  slope: string;
  intercept: string;
}

/** HU in 12 bits: slope 1, intercept -1024, clipped to -1024 .. 3071. */
export function ctPixels(values: Float32Array): StoredPixels {
  return { ...quantise(values, 1, -1024, 0, 4095), signed: false, slope: '1', intercept: '-1024' };
}

/** A topogram in 12 bits: 400 steps a unit of line integral, above an intercept of -1024. */
export function topogramPixels(values: Float32Array): StoredPixels {
  return { ...quantise(values, 1 / 400, 0, 0, 4095), signed: false, slope: '1', intercept: '-1024' };
}

/**
 * One PET slice with the slope that makes the most of 15 bits, or the one given; signed when a value is below 0.
 * The slope is rounded to what a DS holds before values are divided by it.
 */
export function petPixels(values: Float32Array, given?: string): StoredPixels {
  const { low, high } = extremesOf(values);
  const slope = given ?? petSlope({ low, high });
  const floor = low < 0 ? -32768 : 0;
  return { ...quantise(values, Number(slope), 0, floor, 32767), signed: low < 0, slope, intercept: '0' };
}

/** The slope that brings the farthest value from 0 to the end of 15 bits. */
export function petSlope({ low, high }: { low: number; high: number }): string {
  const peak = Math.max(high, -low);
  // rounded up a little, so that the peak does not clip
  return peak > 0 ? decimal(Number(((peak / 32767) * (1 + 1e-7)).toPrecision(8))) : '1';
}

/** Least and greatest value, and 0 among them. */
export function extremesOf(values: Float32Array): { low: number; high: number } {
  let low = 0;
  let high = 0;
  // by index: an iterator over millions of values would hold up the event loop
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** stored = round((value - intercept) / slope), clipped. Little endian. */
function quantise(values: Float32Array, slope: number, intercept: number, low: number, high: number) {
  const stored = new Int16Array(values.length);
  let smallest = high;
  let largest = low;
  for (let i = 0; i < values.length; i++) {
    const raw = Math.floor((values[i]! - intercept) / slope + 0.5);
    const value = raw > low ? Math.min(raw, high) : low; // NaN becomes low
    stored[i] = value;
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  }
  return { bytes: new Uint8Array(stored.buffer), smallest, largest };
}
