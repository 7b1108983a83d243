/** Typed values on the wire: little endian, checked against type and range in both directions. */

import { ScannerError } from '../base/errors.js';

export const WIRE_TYPES = ['u8', 'u16', 'u32', 'u64', 'i32', 'f32', 'f64', 'bool', 'enum', 'string', 'f32[]'] as const;
export type WireType = (typeof WIRE_TYPES)[number];

/** u64 is a bigint, an enum its name, everything else what it looks like. */
export type WireValue = number | bigint | boolean | string | Float32Array;
export type WireRecord = Readonly<Record<string, WireValue>>;

/** What the dictionary says of one value. Range and unit are of the number itself. */
export interface ValueSpec {
  readonly name: string;
  readonly type: WireType;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  /** Names of an `enum`, in the order of their numbers from 0. */
  readonly values?: readonly string[];
  readonly text?: string;
}

/** Longest string, bytes of UTF-8, and longest array, elements. */
export const STRING_LIMIT = 255;
export const ARRAY_LIMIT = 4096;

const INTEGER_RANGE: Readonly<Partial<Record<WireType, readonly [number, number]>>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
};

/** Writes values one behind the other into a buffer that grows. */
export class ValueWriter {
  #buffer = Buffer.allocUnsafe(64);
  #length = 0;
  readonly #checked: boolean;

  /** @param checked false: floats go out as they are, which a broken sensor's do; integers are still bounded by their type. */
  constructor(checked = true) {
    this.#checked = checked;
  }

  /** @throws ScannerError protocol.object when the value is not of the type or outside the range. */
  write(spec: ValueSpec, value: WireValue): this {
    const reason = problem(spec, value, this.#checked);
    if (reason) throw new ScannerError('protocol.object', { object: spec.name, message: reason });
    this.#put(spec, value);
    return this;
  }

  writeAll(specs: readonly ValueSpec[], record: WireRecord): this {
    for (const spec of specs) {
      const value = record[spec.name];
      if (value === undefined) throw new ScannerError('protocol.object', { object: spec.name, message: 'is missing' });
      this.write(spec, value);
    }
    return this;
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#room(2);
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }

  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }

  #put(spec: ValueSpec, value: WireValue): void {
    if (spec.type === 'string') this.#putBytes(Buffer.from(value as string, 'utf8'));
    else if (spec.type === 'f32[]') this.#putFloats(value as Float32Array);
    else if (spec.type === 'enum') this.u8(spec.values!.indexOf(value as string));
    else {
      const at = this.#room(SIZE[spec.type]);
      PUT[spec.type](this.#buffer, at, value);
    }
  }

  #putBytes(text: Buffer): void {
    this.u16(text.length);
    const at = this.#room(text.length);
    text.copy(this.#buffer, at);
  }

  #putFloats(values: Float32Array): void {
    this.u16(values.length);
    const at = this.#room(4 * values.length);
    for (const [i, value] of values.entries()) this.#buffer.writeFloatLE(value, at + 4 * i);
  }
}

/** Reads values one behind the other; what is too short, not finite, out of range or no member is refused. */
export class ValueReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#buffer.length - this.#at;
  }

  /** @throws ScannerError protocol.object */
  read(spec: ValueSpec): WireValue {
    const value = this.#get(spec);
    const reason = problem(spec, value, true);
    if (reason) throw new ScannerError('protocol.object', { object: spec.name, message: reason });
    return value;
  }

  readAll(specs: readonly ValueSpec[]): Record<string, WireValue> {
    const record: Record<string, WireValue> = {};
    for (const spec of specs) record[spec.name] = this.read(spec);
    return record;
  }

  u8(what = 'byte'): number {
    return this.#buffer.readUInt8(this.#take(1, what));
  }

  u16(what = 'number'): number {
    return this.#buffer.readUInt16LE(this.#take(2, what));
  }

  u32(what = 'number'): number {
    return this.#buffer.readUInt32LE(this.#take(4, what));
  }

  /** Nothing may follow. @throws ScannerError protocol.object */
  end(what: string): void {
    if (this.remaining > 0) {
      throw new ScannerError('protocol.object', { object: what, message: `${this.remaining} bytes too many` });
    }
  }

  #take(size: number, what: string): number {
    const at = this.#at;
    if (at + size > this.#buffer.length) {
      throw new ScannerError('protocol.object', {
        object: what,
        message: `needs ${size} bytes, ${this.remaining} left`,
      });
    }
    this.#at += size;
    return at;
  }

  #get(spec: ValueSpec): WireValue {
    switch (spec.type) {
      case 'string': {
        const size = this.u16(spec.name);
        const at = this.#take(size, spec.name);
        return this.#buffer.toString('utf8', at, at + size);
      }
      case 'f32[]': {
        const count = this.u16(spec.name);
        const at = this.#take(4 * count, spec.name);
        return Float32Array.from({ length: count }, (_, i) => this.#buffer.readFloatLE(at + 4 * i));
      }
      case 'enum': {
        const number = this.u8(spec.name);
        return spec.values?.[number] ?? `#${number}`;
      }
      default: {
        const at = this.#take(SIZE[spec.type], spec.name);
        return GET[spec.type](this.#buffer, at);
      }
    }
  }
}

type Plain = Exclude<WireType, 'string' | 'f32[]' | 'enum'>;

const SIZE: Readonly<Record<Plain, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, i32: 4, f32: 4, f64: 8, bool: 1 };

const PUT: Readonly<Record<Plain, (buffer: Buffer, at: number, value: WireValue) => void>> = {
  u8: (b, at, v) => b.writeUInt8(v as number, at),
  u16: (b, at, v) => b.writeUInt16LE(v as number, at),
  u32: (b, at, v) => b.writeUInt32LE(v as number, at),
  u64: (b, at, v) => b.writeBigUInt64LE(v as bigint, at),
  i32: (b, at, v) => b.writeInt32LE(v as number, at),
  f32: (b, at, v) => b.writeFloatLE(v as number, at),
  f64: (b, at, v) => b.writeDoubleLE(v as number, at),
  bool: (b, at, v) => b.writeUInt8(v ? 1 : 0, at),
};

const GET: Readonly<Record<Plain, (buffer: Buffer, at: number) => WireValue>> = {
  u8: (b, at) => b.readUInt8(at),
  u16: (b, at) => b.readUInt16LE(at),
  u32: (b, at) => b.readUInt32LE(at),
  u64: (b, at) => b.readBigUInt64LE(at),
  i32: (b, at) => b.readInt32LE(at),
  f32: (b, at) => b.readFloatLE(at),
  f64: (b, at) => b.readDoubleLE(at),
  // 2..255 is no boolean: handed on as a number so that the check refuses it
  bool: (b, at) => (b[at]! > 1 ? b[at]! : b[at] === 1),
};

/** Why the value is not of the spec, or undefined when it is. */
export function problem(spec: ValueSpec, value: unknown, checked = true): string | undefined {
  switch (spec.type) {
    case 'bool':
      return typeof value === 'boolean' ? undefined : `is ${String(value)}, expected true or false`;
    case 'enum':
      return spec.values!.includes(value as string)
        ? undefined
        : `is ${String(value)}, expected one of ${spec.values!.join(', ')}`;
    case 'string':
      return typeof value === 'string' && Buffer.byteLength(value) <= STRING_LIMIT
        ? undefined
        : `is no string of at most ${STRING_LIMIT} bytes`;
    case 'f32[]':
      return arrayProblem(value, checked);
    case 'u64':
      return typeof value === 'bigint' && value >= 0n && value < 1n << 64n
        ? undefined
        : `is ${String(value)}, expected 0 to 2^64-1`;
    default:
      return numberProblem(spec, value, checked);
  }
}

function arrayProblem(value: unknown, checked: boolean): string | undefined {
  if (!(value instanceof Float32Array) || value.length > ARRAY_LIMIT) return `is no array of at most ${ARRAY_LIMIT}`;
  return checked && !value.every(Number.isFinite) ? 'holds a number that is not finite' : undefined;
}

function numberProblem(spec: ValueSpec, value: unknown, checked: boolean): string | undefined {
  if (typeof value !== 'number') return `is ${String(value)}, expected a number`;
  const range = INTEGER_RANGE[spec.type];
  if (range && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
    return `is ${value}, expected an integer from ${range[0]} to ${range[1]}`;
  }
  if (!checked) return undefined;
  if (!Number.isFinite(value)) return `is ${value}, expected a finite number`;
  const { min = -Infinity, max = Infinity, unit = '' } = spec;
  return value < min || value > max ? `is ${value} ${unit}, expected ${min} to ${max} ${unit}`.trim() : undefined;
}
