import { ScannerError } from '../../../hal/base/errors.js';
import type { Value } from './dataset.js';
import { vrRule } from './dictionary.js';
import { readTag } from './element-header.js';

/** Binary numbers as they stand: PS3.5 6.2 and 7.3. */
interface NumberCodec {
  get(view: DataView, at: number, little: boolean): number | bigint;
  set(view: DataView, at: number, value: number | bigint, little: boolean): void;
  /** Of whole numbers. */
  range?: readonly [number | bigint, number | bigint];
}

const NUMBERS: Readonly<Record<string, NumberCodec>> = {
  FD: {
    get: (view, at, little) => view.getFloat64(at, little),
    set: (view, at, value, little) => view.setFloat64(at, Number(value), little),
  },
  FL: {
    get: (view, at, little) => view.getFloat32(at, little),
    set: (view, at, value, little) => view.setFloat32(at, Number(value), little),
  },
  SL: {
    get: (view, at, little) => view.getInt32(at, little),
    set: (view, at, value, little) => view.setInt32(at, Number(value), little),
    range: [-0x80000000, 0x7fffffff],
  },
  SS: {
    get: (view, at, little) => view.getInt16(at, little),
    set: (view, at, value, little) => view.setInt16(at, Number(value), little),
    range: [-0x8000, 0x7fff],
  },
  SV: {
    get: (view, at, little) => view.getBigInt64(at, little),
    set: (view, at, value, little) => view.setBigInt64(at, BigInt(value), little),
    range: [-(2n ** 63n), 2n ** 63n - 1n],
  },
  UL: {
    get: (view, at, little) => view.getUint32(at, little),
    set: (view, at, value, little) => view.setUint32(at, Number(value), little),
    range: [0, 0xffffffff],
  },
  US: {
    get: (view, at, little) => view.getUint16(at, little),
    set: (view, at, value, little) => view.setUint16(at, Number(value), little),
    range: [0, 0xffff],
  },
  UV: {
    get: (view, at, little) => view.getBigUint64(at, little),
    set: (view, at, value, little) => view.setBigUint64(at, BigInt(value), little),
    range: [0n, 2n ** 64n - 1n],
  },
};

/** Numbers of a binary VR, `bytes` being whole values of it. */
export function readNumbers(bytes: Buffer, vr: string, bigEndian: boolean): (number | bigint)[] {
  const size = vrRule(vr)!.size!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { get } = NUMBERS[vr]!;
  return Array.from({ length: bytes.length / size }, (_, i) => get(view, i * size, !bigEndian));
}

/** @throws ScannerError data.invalid for what is no number or lies outside the VR's range */
export function encodeNumbers(tag: string, vr: string, values: readonly Value[], bigEndian: boolean): Buffer {
  const size = vrRule(vr)!.size!;
  const { set, range } = NUMBERS[vr]!;
  const out = Buffer.alloc(values.length * size);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  for (const [i, value] of values.entries()) {
    const number = asNumber(value, size === 8 && range !== undefined);
    const good = number !== undefined && (!range || (number >= range[0] && number <= range[1]));
    if (!good) throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `${String(value)} as ${vr}` });
    set(view, i * size, number, !bigEndian);
  }
  return out;
}

function asNumber(value: Value, big: boolean): number | bigint | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') return undefined;
  try {
    return big ? BigInt(value) : Number(value);
  } catch {
    return undefined; // text or a fraction as a whole number
  }
}

export function readTags(bytes: Buffer, bigEndian: boolean): string[] {
  return Array.from({ length: bytes.length / 4 }, (_, i) => readTag(bytes, i * 4, bigEndian));
}

/** A copy with the bytes of each word of `unit` turned round; bytes that make no whole word stay. */
export function swapped(bytes: Buffer, unit: 2 | 4 | 8): Buffer {
  const copy = Buffer.from(bytes);
  const whole = copy.subarray(0, copy.length - (copy.length % unit));
  if (unit === 2) whole.swap16();
  else if (unit === 4) whole.swap32();
  else whole.swap64();
  return copy;
}

/** Without padding at the end: a space, or the NUL that some peers pad with. */
export function trimEnd(value: string): string {
  let end = value.length;
  while (end > 0 && (value.charCodeAt(end - 1) === 0 || value.charCodeAt(end - 1) === 0x20)) end--;
  return value.slice(0, end);
}
