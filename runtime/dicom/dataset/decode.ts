import dcmjs from 'dcmjs';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { Dataset, Element, Value } from './dataset.js';
import { isPrivate, vrOf, vrRule } from './dictionary.js';
import { decodeText } from './text.js';
import { EXPLICIT_LITTLE_ENDIAN, isImplicit, needReadable } from './transfer-syntax.js';

export const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 'FFFEE000';
const ITEM_END = 'FFFEE00D';
const SEQUENCE_END = 'FFFEE0DD';
/** Deeper nesting than any object has; more is an attack on the stack. */
const MAX_DEPTH = 32;
/** Elements of one dataset, items counted: bounds the memory that a small input of empty items can take. */
const MAX_ELEMENTS = 1_000_000;
const { ReadBufferStream, ValueRepresentation } = dcmjs.data;

interface Context {
  implicit: boolean;
  terms: string | undefined;
  depth: number;
  /** Elements still allowed: shared by all levels. */
  budget: { left: number };
}

interface Header {
  tag: string;
  vr: string;
  length: number;
  valueOffset: number;
}

/**
 * Reads a whole dataset (no Part 10 header). Values keep their bytes and text their characters; DS and IS stay strings.
 * @throws ScannerError data.dicom for anything that is not a well-formed dataset, with where and why
 */
export function decodeDataset(bytes: Uint8Array, transferSyntax: string): Dataset {
  needReadable(transferSyntax);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const context = { implicit: isImplicit(transferSyntax), terms: undefined, depth: 0, budget: { left: MAX_ELEMENTS } };
  try {
    return readElements(buffer, 0, buffer.length, context).ds;
  } catch (error) {
    throw asScannerError(error, 'data.dicom', { where: 'dataset' });
  }
}

/** Reads one element's tag, VR and length at `offset`; undefined when `end` cuts it. */
export function readElementHeader(buffer: Buffer, offset: number, end: number, implicit: boolean): Header | undefined {
  if (offset + 8 > end) return undefined;
  const tag = readTag(buffer, offset);
  if (tag.startsWith('FFFE') || implicit) {
    return { tag, vr: 'UN', length: buffer.readUInt32LE(offset + 4), valueOffset: offset + 8 };
  }
  const vr = buffer.toString('latin1', offset + 4, offset + 6);
  const rule = vrRule(vr);
  if (!rule) throw fault(tag, offset, `no VR at this place: ${JSON.stringify(vr)}`);
  if (!rule.long) return { tag, vr, length: buffer.readUInt16LE(offset + 6), valueOffset: offset + 8 };
  if (offset + 12 > end) return undefined;
  return { tag, vr, length: buffer.readUInt32LE(offset + 8), valueOffset: offset + 12 };
}

/** Elements from `offset` to `end`, or to an item delimiter when the item has no defined length. */
function readElements(buffer: Buffer, start: number, end: number, outer: Context): { ds: Dataset; next: number } {
  if (outer.depth > MAX_DEPTH) throw fault('item', start, `nested deeper than ${MAX_DEPTH}`);
  const context = { ...outer };
  const ds: Dataset = {};
  let offset = start;
  while (offset < end) {
    const header = readElementHeader(buffer, offset, end, context.implicit);
    if (!header) throw fault('element', offset, `${end - offset} bytes left, no room for an element`);
    if (header.tag === ITEM_END) return { ds, next: header.valueOffset };
    if (header.tag.startsWith('FFFE')) throw fault(header.tag, offset, 'an item outside a sequence');
    if (--context.budget.left < 0) throw fault(header.tag, offset, `more than ${MAX_ELEMENTS} elements`);
    if (context.implicit) header.vr = vrOf(header.tag, creatorOf(ds, header.tag));
    const { element, next } = readElement(buffer, header, end, context);
    ds[header.tag] = element;
    if (header.tag === '00080005') context.terms = element.Value.map(String).join('\\');
    offset = next;
  }
  return { ds, next: end };
}

function readElement(
  buffer: Buffer,
  header: Header,
  end: number,
  context: Context,
): { element: Element; next: number } {
  const { tag, vr, length, valueOffset } = header;
  if (length === UNDEFINED_LENGTH) return readUndefined(buffer, header, end, context);
  const next = valueOffset + length;
  if (next > end) throw fault(tag, valueOffset, `declares ${length} bytes, ${end - valueOffset} are left`);
  if (vr === 'SQ') {
    const Value = readItems(buffer, valueOffset, next, false, context).values;
    return { element: { vr, Value }, next };
  }
  return { element: { vr, Value: readValue(buffer, header, context) }, next };
}

/** Undefined length: a sequence, encapsulated pixels, or UN, which is a sequence in implicit VR (PS3.5 6.2.2 note 1). */
function readUndefined(
  buffer: Buffer,
  header: Header,
  end: number,
  context: Context,
): { element: Element; next: number } {
  const { tag, vr, valueOffset } = header;
  if (vr === 'OB' || vr === 'OW') {
    const { values, next } = readFragments(buffer, valueOffset, end);
    return { element: { vr: 'OB', Value: values }, next };
  }
  if (vr !== 'SQ' && vr !== 'UN') throw fault(tag, valueOffset, `undefined length with VR ${vr}`);
  const inner = vr === 'UN' ? { ...context, implicit: true } : context;
  const { values, next } = readItems(buffer, valueOffset, end, true, inner);
  return { element: { vr: 'SQ', Value: values }, next };
}

function readItems(
  buffer: Buffer,
  start: number,
  end: number,
  delimited: boolean,
  context: Context,
): { values: Dataset[]; next: number } {
  const values: Dataset[] = [];
  const inner = { ...context, depth: context.depth + 1 };
  let offset = start;
  while (offset < end) {
    const item = readItemHeader(buffer, offset, end);
    if (item.tag === SEQUENCE_END && delimited) return { values, next: item.valueOffset };
    if (item.tag !== ITEM) throw fault(item.tag, offset, 'an item was expected');
    if (--context.budget.left < 0) throw fault(item.tag, offset, `more than ${MAX_ELEMENTS} elements`);
    const open = item.length === UNDEFINED_LENGTH;
    const itemEnd = open ? end : item.valueOffset + item.length;
    if (itemEnd > end) throw fault('item', offset, `declares ${item.length} bytes, ${end - item.valueOffset} are left`);
    const { ds, next } = readElements(buffer, item.valueOffset, itemEnd, inner);
    if (!open && next !== itemEnd) throw fault('item', offset, 'a delimiter inside an item of defined length');
    values.push(ds);
    offset = next;
  }
  if (delimited) throw fault('sequence', start, 'its delimiter is missing');
  return { values, next: end };
}

function readFragments(buffer: Buffer, start: number, end: number): { values: Uint8Array[]; next: number } {
  const values: Uint8Array[] = [];
  let offset = start;
  while (offset < end) {
    const item = readItemHeader(buffer, offset, end);
    if (item.tag === SEQUENCE_END) return { values, next: item.valueOffset };
    const next = item.valueOffset + item.length;
    if (item.tag !== ITEM || next > end) throw fault('fragment', offset, `bad fragment of ${item.length} bytes`);
    values.push(buffer.subarray(item.valueOffset, next));
    offset = next;
  }
  throw fault('pixel data', start, 'its delimiter is missing');
}

function readItemHeader(buffer: Buffer, offset: number, end: number): Header {
  if (offset + 8 > end) throw fault('item', offset, `${end - offset} bytes left, no room for an item`);
  return { tag: readTag(buffer, offset), vr: '', length: buffer.readUInt32LE(offset + 4), valueOffset: offset + 8 };
}

function readValue(buffer: Buffer, header: Header, context: Context): Value[] {
  const { tag, vr, length, valueOffset } = header;
  if (length === 0) return [];
  const rule = vrRule(vr)!;
  const bytes = buffer.subarray(valueOffset, valueOffset + length);
  const size = rule.size ?? 1;
  if (length % size !== 0) throw fault(tag, valueOffset, `${length} bytes do not make whole ${vr} values`);
  switch (rule.kind) {
    case 'bytes':
      return [bytes];
    case 'number':
      return readNumbers(bytes, vr, size);
    case 'big':
      return Array.from({ length: length / 8 }, (_, i) =>
        vr === 'UV' ? bytes.readBigUInt64LE(i * 8) : bytes.readBigInt64LE(i * 8),
      );
    case 'tag':
      return Array.from({ length: length / 4 }, (_, i) => readTag(bytes, i * 4));
    case 'text':
      return trimEnd(decodeText(bytes, context.terms, vr))
        .split('\\')
        .map(trimEnd);
    case 'paragraph':
      return [trimEnd(decodeText(bytes, context.terms, vr))];
    case 'ascii-paragraph':
      return [trimEnd(bytes.toString('latin1'))];
    default:
      return trimEnd(bytes.toString('latin1'))
        .split('\\')
        .map((value) => value.trim());
  }
}

/** Binary numbers, one value at a time through dcmjs. */
function readNumbers(bytes: Buffer, vr: string, size: number): number[] {
  const stream = new ReadBufferStream(bytes, true);
  const codec = ValueRepresentation.createByTypeString(vr);
  return Array.from({ length: bytes.length / size }, () =>
    Number(codec.read(stream, size, EXPLICIT_LITTLE_ENDIAN, {}).value),
  );
}

function creatorOf(ds: Dataset, tag: string): string | undefined {
  if (!isPrivate(tag)) return undefined;
  const creator = ds[`${tag.slice(0, 4)}00${tag.slice(4, 6)}`]?.Value[0];
  return typeof creator === 'string' ? creator : undefined;
}

function readTag(buffer: Buffer, offset: number): string {
  const group = buffer.readUInt16LE(offset);
  const element = buffer.readUInt16LE(offset + 2);
  return (group * 0x10000 + element).toString(16).toUpperCase().padStart(8, '0');
}

/** Without padding at the end: a space, or the NUL that some peers pad with. */
function trimEnd(value: string): string {
  let end = value.length;
  while (end > 0 && (value.charCodeAt(end - 1) === 0 || value.charCodeAt(end - 1) === 0x20)) end--;
  return value.slice(0, end);
}

function fault(tag: string, offset: number, message: string): ScannerError {
  return new ScannerError('data.dicom', { where: `${tag} at byte ${offset}`, message });
}
