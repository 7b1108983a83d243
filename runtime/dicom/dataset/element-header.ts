import { ScannerError } from '../../../hal/base/errors.js';
import { vrRule } from './dictionary.js';
import type { Encoding } from './transfer-syntax.js';

export const UNDEFINED_LENGTH = 0xffffffff;
export const ITEM = 'FFFEE000';
export const ITEM_END = 'FFFEE00D';
export const SEQUENCE_END = 'FFFEE0DD';

/** What stands before a value. */
export interface ElementHeader {
  tag: string;
  /** Empty in implicit VR and for items. */
  vr: string;
  /** As declared. */
  length: number;
  valueOffset: number;
}

/** The bytes end where the dataset does not: more of them might make sense. */
export class CutShort extends ScannerError {
  constructor(where: string, message: string) {
    super('data.dicom', { where, message });
  }
}

/**
 * Reads one element's or item's tag, VR and length at `offset`; undefined when `end` cuts it.
 * @throws ScannerError data.dicom where no VR stands
 */
export function readElementHeader(
  buffer: Buffer,
  offset: number,
  end: number,
  encoding: Encoding,
): ElementHeader | undefined {
  if (offset + 8 > end) return undefined;
  const tag = readTag(buffer, offset, encoding.bigEndian);
  if (encoding.implicit || tag.startsWith('FFFE')) {
    return { tag, vr: '', length: readLong(buffer, offset + 4, encoding.bigEndian), valueOffset: offset + 8 };
  }
  const vr = buffer.toString('latin1', offset + 4, offset + 6);
  const rule = vrRule(vr);
  if (!rule) throw fault(tag, offset, `no VR at this place: ${JSON.stringify(vr)}`);
  if (!rule.long) {
    const length = encoding.bigEndian ? buffer.readUInt16BE(offset + 6) : buffer.readUInt16LE(offset + 6);
    return { tag, vr, length, valueOffset: offset + 8 };
  }
  if (offset + 12 > end) return undefined;
  return { tag, vr, length: readLong(buffer, offset + 8, encoding.bigEndian), valueOffset: offset + 12 };
}

/** The 8 or 12 bytes before a value. @throws ScannerError data.invalid for an unknown VR, limit.size */
export function encodeElementHeader(tag: string, vr: string, length: number, encoding: Encoding): Buffer {
  const rule = vrRule(vr);
  if (!rule) throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `unknown VR ${vr}` });
  if (length > UNDEFINED_LENGTH) throw tooLong(tag, length);
  const { implicit, bigEndian } = encoding;
  if (implicit) return tagAndLength(tag, length, bigEndian);
  const header = Buffer.concat([tagAndLength(tag, 0, bigEndian), Buffer.alloc(rule.long ? 4 : 0)]);
  header.write(vr, 4, 'latin1');
  if (rule.long) writeLong(header, length, 8, bigEndian);
  else if (length > 0xffff) throw tooLong(tag, length);
  else if (bigEndian) header.writeUInt16BE(length, 6);
  else header.writeUInt16LE(length, 6);
  return header;
}

/** The header of an item, a delimiter or an element in implicit VR. */
export function tagAndLength(tag: string, length: number, bigEndian: boolean): Buffer {
  const header = Buffer.alloc(8);
  encodeTag(tag, bigEndian).copy(header);
  writeLong(header, length, 4, bigEndian);
  return header;
}

/** @param tag 'GGGGEEEE' */
export function encodeTag(tag: string, bigEndian: boolean): Buffer {
  const bytes = Buffer.from(tag, 'hex');
  return bigEndian ? bytes : bytes.swap16();
}

export function readTag(buffer: Buffer, offset: number, bigEndian: boolean): string {
  const group = bigEndian ? buffer.readUInt16BE(offset) : buffer.readUInt16LE(offset);
  const element = bigEndian ? buffer.readUInt16BE(offset + 2) : buffer.readUInt16LE(offset + 2);
  return (group * 0x10000 + element).toString(16).toUpperCase().padStart(8, '0');
}

export function fault(tag: string, offset: number, message: string): ScannerError {
  return new ScannerError('data.dicom', { where: `${tag} at byte ${offset}`, message });
}

export function tooLong(tag: string, length: number): ScannerError {
  return new ScannerError('limit.size', { what: `value of ${tag}`, value: length, max: UNDEFINED_LENGTH - 1 });
}

function readLong(buffer: Buffer, offset: number, bigEndian: boolean): number {
  return bigEndian ? buffer.readUInt32BE(offset) : buffer.readUInt32LE(offset);
}

function writeLong(buffer: Buffer, value: number, offset: number, bigEndian: boolean): void {
  if (bigEndian) buffer.writeUInt32BE(value, offset);
  else buffer.writeUInt32LE(value, offset);
}
