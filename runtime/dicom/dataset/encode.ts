import dcmjs from 'dcmjs';
import { ScannerError } from '../../../hal/base/errors.js';
import { type Dataset, type Element, isDataset, type Value } from './dataset.js';
import { type VrRule, vrRule } from './dictionary.js';
import { encodeText } from './text.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, isImplicit } from './transfer-syntax.js';

const UNDEFINED_LENGTH = 0xffffffff;
const MAX_DEPTH = 64;
const { DicomMessage, WriteBufferStream } = dcmjs.data;

interface Context {
  implicit: boolean;
  /** Specific Character Set in force, values joined by a backslash. */
  terms: string | undefined;
  depth: number;
}

/**
 * Bytes of a dataset in implicit or explicit VR little endian (every encapsulated syntax is the latter), elements in tag order,
 * sequences with defined length. Text is written in the dataset's own Specific Character Set.
 * @param terms the Specific Character Set in force outside, for a part of an object
 * @throws ScannerError data.text, data.invalid
 */
export function encodeDataset(ds: Dataset, transferSyntax: string, terms?: string): Buffer {
  return Buffer.concat(encodeElements(ds, { implicit: isImplicit(transferSyntax), terms, depth: 0 }));
}

/** The 8 or 12 bytes before a value. */
export function encodeElementHeader(tag: string, vr: string, length: number, implicit: boolean): Buffer {
  const rule = vrRule(vr);
  if (!rule) throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `unknown VR ${vr}` });
  const size = !implicit && rule.long ? 12 : 8;
  const header = Buffer.alloc(size);
  header.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  header.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  if (implicit) {
    header.writeUInt32LE(length, 4);
    return header;
  }
  header.write(vr, 4, 'latin1');
  if (rule.long) header.writeUInt32LE(length, 8);
  else if (length <= 0xffff) header.writeUInt16LE(length, 6);
  else throw tooLong(tag, length);
  return header;
}

function encodeElements(ds: Dataset, outer: Context): Buffer[] {
  if (outer.depth > MAX_DEPTH) throw new ScannerError('data.invalid', { what: 'dataset', message: 'nested too deep' });
  const own = ds['00080005']?.Value.map(String).join('\\');
  const context = own === undefined ? outer : { ...outer, terms: own };
  const out: Buffer[] = [];
  for (const tag of Object.keys(ds).sort()) {
    if (tag.endsWith('0000') && !tag.startsWith('0000')) continue; // group lengths are retired: PS3.5 7.2
    out.push(...encodeElement(tag, ds[tag]!, context));
  }
  return out;
}

function encodeElement(tag: string, element: Element, context: Context): Buffer[] {
  const rule = vrRule(element.vr);
  if (!rule || !/^[0-9A-F]{8}$/.test(tag)) {
    throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `unknown VR ${element.vr}` });
  }
  if (element.bulk && element.Value.length === 0) {
    throw new ScannerError('data.invalid', { what: `element ${tag}`, message: 'its value is still in another file' });
  }
  if (element.vr === 'UN' && element.Value.some(isDataset))
    return encodeElement(tag, { ...element, vr: 'SQ' }, context);
  if (rule.kind === 'number' || rule.kind === 'decimal') return [encodeNumbers(tag, element, context)];
  const value = padded(encodeValue(tag, element, rule, context), rule.pad);
  const length = value.reduce((sum, part) => sum + part.length, 0);
  // a text too long for its 16-bit length field may go as UN: PS3.5 6.2.2 note 4
  const vr = !context.implicit && !rule.long && length > 0xffff ? 'UN' : element.vr;
  return [encodeElementHeader(tag, vr, length, context.implicit), ...value];
}

/** Numbers, decimal and integer strings: dcmjs writes the whole element. */
function encodeNumbers(tag: string, element: Element, context: Context): Buffer {
  const stream = new WriteBufferStream(32 + 16 * element.Value.length, true);
  const syntax = context.implicit ? IMPLICIT_LITTLE_ENDIAN : EXPLICIT_LITTLE_ENDIAN;
  for (const value of element.Value) {
    const good =
      typeof value === 'number' ? Number.isFinite(value) || element.vr[0] === 'F' : typeof value === 'string';
    if (!good)
      throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `${String(value)} as ${element.vr}` });
  }
  const values = vrRule(element.vr)!.kind === 'number' ? element.Value.map(Number) : element.Value;
  if (values.length === 0) return encodeElementHeader(tag, element.vr, 0, context.implicit);
  DicomMessage.writeTagObject(stream, tag, element.vr, values, syntax, { allowInvalidVRLength: true });
  return Buffer.from(stream.getBuffer(), 0, stream.size);
}

function encodeValue(tag: string, element: Element, rule: VrRule, context: Context): Buffer[] {
  switch (rule.kind) {
    case 'sequence':
      return element.Value.flatMap((item) => encodeItem(tag, item, context));
    case 'bytes':
      return element.Value.map((value) => asBytes(tag, value));
    case 'tag':
      return element.Value.map((value) => encodeTag(tag, value));
    case 'big':
      return element.Value.map((value) => encodeBig(value, element.vr));
    case 'text':
    case 'paragraph':
      return [Buffer.from(encodeText(element.Value.map(String).join('\\'), context.terms, element.vr))];
    default:
      return [Buffer.from(encodeText(element.Value.map(String).join('\\'), undefined, element.vr))];
  }
}

function encodeItem(tag: string, item: Value, context: Context): Buffer[] {
  if (!isDataset(item))
    throw new ScannerError('data.invalid', { what: `sequence ${tag}`, message: 'an item is no dataset' });
  const body = encodeElements(item, { ...context, depth: context.depth + 1 });
  const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  const length = body.reduce((sum, part) => sum + part.length, 0);
  if (length >= UNDEFINED_LENGTH) throw tooLong(tag, length);
  header.writeUInt32LE(length, 4);
  return [header, ...body];
}

function encodeTag(tag: string, value: Value): Buffer {
  if (typeof value !== 'string' || !/^[0-9A-Fa-f]{8}$/.test(value)) {
    throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `${String(value)} is no tag` });
  }
  const out = Buffer.alloc(4);
  out.writeUInt16LE(Number.parseInt(value.slice(0, 4), 16), 0);
  out.writeUInt16LE(Number.parseInt(value.slice(4), 16), 2);
  return out;
}

function encodeBig(value: Value, vr: string): Buffer {
  const out = Buffer.alloc(8);
  const number = BigInt(value as bigint | number | string);
  if (vr === 'UV') out.writeBigUInt64LE(number);
  else out.writeBigInt64LE(number);
  return out;
}

function asBytes(tag: string, value: Value): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `bytes expected, got ${typeof value}` });
}

function padded(parts: Buffer[], pad: number): Buffer[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return length % 2 === 0 ? parts : [...parts, Buffer.from([pad])];
}

function tooLong(tag: string, length: number): ScannerError {
  return new ScannerError('limit.size', { what: `value of ${tag}`, value: length, max: UNDEFINED_LENGTH - 1 });
}
