import { vrRule } from '../dataset/dictionary.js';
import { type Plan, type Swap, swapped } from './plan.js';
import { type Encoding, UNDEFINED } from './walker.js';

/** An element to write: its value little endian and of even length, or the items of a sequence. */
export interface NewElement {
  tag: number;
  vr: string;
  value: Buffer | readonly (readonly NewElement[])[];
}

/** PS3.5 7.3: what each VR's values are made of. OB, UN and text have no byte order. */
const UNITS: Readonly<Record<string, Swap>> = {
  AT: 2,
  FD: 8,
  FL: 4,
  OD: 8,
  OF: 4,
  OL: 4,
  OV: 8,
  OW: 2,
  SL: 4,
  SS: 2,
  SV: 8,
  UL: 4,
  US: 2,
  UV: 8,
};
const MAX_SHORT = 0xffff;

export function unitOf(vr: string): Swap {
  return UNITS[vr] ?? 1;
}

export function textElement(tag: number, vr: string, text: string): NewElement {
  const bytes = Buffer.from(text, 'latin1');
  const pad = Buffer.from(vr === 'UI' ? '\0' : ' ');
  return { tag, vr, value: bytes.length & 1 ? Buffer.concat([bytes, pad]) : bytes };
}

export function shortElement(tag: number, value: number): NewElement {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return { tag, vr: 'US', value: bytes };
}

/** The VR under which a value can be written: what is too long for a 16-bit length becomes UN (PS3.5 6.2.2). */
export function writableVr(vr: string, length: number): string {
  return length > MAX_SHORT && length !== UNDEFINED && !vrRule(vr)?.long ? 'UN' : vr;
}

/** An element's tag, VR and length; the length is in the last bytes. */
export function elementHeader(tag: number, vr: string, length: number, { implicit, bigEndian }: Encoding): Buffer {
  const isLong = !implicit && (vrRule(vr)?.long ?? true);
  const header = Buffer.alloc(isLong ? 12 : 8);
  writeTag(header, tag, bigEndian);
  if (!implicit) header.write(vr, 4, 'latin1');
  if (implicit || isLong) writeLong(header, length, header.length - 4, bigEndian);
  else if (bigEndian) header.writeUInt16BE(length, 6);
  else header.writeUInt16LE(length, 6);
  return header;
}

/** An item's or a delimiter's tag and length. */
export function itemHeader(tag: number, length: number, { bigEndian }: Encoding): Buffer {
  const header = Buffer.alloc(8);
  writeTag(header, tag, bigEndian);
  writeLong(header, length, 4, bigEndian);
  return header;
}

/** Writes an element; sequences get undefined lengths. */
export function writeElement(plan: Plan, { tag, vr, value }: NewElement, encoding: Encoding): void {
  if (Buffer.isBuffer(value)) {
    plan.write(elementHeader(tag, vr, value.length, encoding));
    plan.write(encoding.bigEndian ? swapped(Buffer.from(value), unitOf(vr)) : value);
    return;
  }
  plan.write(elementHeader(tag, vr, UNDEFINED, encoding));
  for (const item of value) writeItem(plan, item, encoding);
  plan.write(itemHeader(0xfffee0dd, 0, encoding));
}

export function writeItem(plan: Plan, elements: readonly NewElement[], encoding: Encoding): void {
  plan.write(itemHeader(0xfffee000, UNDEFINED, encoding));
  for (const element of elements) writeElement(plan, element, encoding);
  plan.write(itemHeader(0xfffee00d, 0, encoding));
}

export function writeLong(target: Buffer, value: number, at: number, bigEndian: boolean): void {
  if (bigEndian) target.writeUInt32BE(value, at);
  else target.writeUInt32LE(value, at);
}

function writeTag(target: Buffer, tag: number, bigEndian: boolean): void {
  if (bigEndian) target.writeUInt32BE(tag, 0);
  else {
    target.writeUInt16LE(tag >>> 16, 0);
    target.writeUInt16LE(tag & 0xffff, 2);
  }
}
