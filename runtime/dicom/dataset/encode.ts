import dcmjs from 'dcmjs';
import { ScannerError } from '../../../hal/base/errors.js';
import type { Missing } from './charset/encode.js';
import { type Dataset, type Element, isDataset, type Value } from './dataset.js';
import { type VrRule, vrRule } from './dictionary.js';
import {
  encodeElementHeader,
  encodeTag,
  ITEM,
  SEQUENCE_END,
  tagAndLength,
  tooLong,
  UNDEFINED_LENGTH,
} from './element-header.js';
import { encodeText } from './text.js';
import { type Encoding, EXPLICIT_LITTLE_ENDIAN, encodingOf, isDeflated } from './transfer-syntax.js';
import { encodeNumbers, swapped } from './values.js';

const MAX_DEPTH = 64;
const { DicomMessage, WriteBufferStream } = dcmjs.data;

interface Context {
  encoding: Encoding;
  /** Specific Character Set in force, values joined by a backslash. */
  terms: string | undefined;
  missing: Missing;
  depth: number;
}

export interface EncodeOptions {
  /** The Specific Character Set in force outside, for a part of an object. */
  terms?: string | undefined;
  /** What becomes of a character that the declared set does not have; default 'refuse'. */
  missing?: Missing;
}

/**
 * Bytes of a dataset in any syntax that is not deflated, elements in tag order, sequences with defined length. Text is written in
 * the dataset's own Specific Character Set. The bytes of OW and its like are given little endian.
 * @throws ScannerError data.text, data.invalid
 */
export function encodeDataset(ds: Dataset, transferSyntax: string, options: EncodeOptions = {}): Buffer {
  if (isDeflated(transferSyntax))
    throw new ScannerError('data.invalid', { what: 'dataset', message: 'we do not deflate' });
  const { terms, missing = 'refuse' } = options;
  return Buffer.concat(encodeElements(ds, { encoding: encodingOf(transferSyntax), terms, missing, depth: 0 }));
}

function encodeElements(ds: Dataset, outer: Context): Buffer[] {
  if (outer.depth > MAX_DEPTH) throw new ScannerError('data.invalid', { what: 'dataset', message: 'nested too deep' });
  const own = ds['00080005']?.Value.map(String).join('\\');
  const context = own === undefined ? outer : { ...outer, terms: own };
  const out: Buffer[] = [];
  for (const tag of Object.keys(ds).sort()) {
    if (tag.endsWith('0000') && !tag.startsWith('0000')) continue; // group lengths are retired: PS3.5 7.2
    // not spread: a sequence of 100,000 items has more parts than a call takes arguments
    for (const part of encodeElement(tag, ds[tag]!, context)) out.push(part);
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
  if (element.encapsulated) return encodeFragments(tag, element, context);
  const value = padded(encodeValue(tag, element, rule, context), rule.pad);
  const length = value.reduce((sum, part) => sum + part.length, 0);
  // a text too long for its 16-bit length field may go as UN: PS3.5 6.2.2 note 4
  const vr = !context.encoding.implicit && !rule.long && length > 0xffff ? 'UN' : element.vr;
  return [encodeElementHeader(tag, vr, length, context.encoding), ...value];
}

/** Decimal and integer strings: dcmjs cuts numbers down to the characters that the VR allows. */
function encodeDecimals(tag: string, element: Element): Buffer {
  for (const value of element.Value) {
    if (typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string') continue;
    throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `${String(value)} as ${element.vr}` });
  }
  if (element.Value.every((value) => typeof value === 'string')) return decimalText(tag, element);
  const stream = new WriteBufferStream(32 + 16 * element.Value.length, true);
  const options = { allowInvalidVRLength: true };
  DicomMessage.writeTagObject(stream, tag, element.vr, element.Value, EXPLICIT_LITTLE_ENDIAN, options);
  return Buffer.from(stream.getBuffer(), 8, stream.size - 8);
}

/** Strings go as they were read, byte for byte. */
function decimalText(tag: string, element: Element): Buffer {
  const text = element.Value.join('\\');
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.toString('latin1') === text) return bytes;
  throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `${text.slice(0, 40)} as ${element.vr}` });
}

function encodeValue(tag: string, element: Element, rule: VrRule, context: Context): Buffer[] {
  const { encoding, terms, missing } = context;
  switch (rule.kind) {
    case 'sequence':
      return element.Value.flatMap((item) => encodeItem(tag, item, context));
    case 'bytes':
      return element.Value.map((value) => ordered(asBytes(tag, value), rule, encoding));
    case 'tag':
      return element.Value.map((value) => encodeTag(asTag(tag, value), encoding.bigEndian));
    case 'number':
    case 'big':
      return [encodeNumbers(tag, element.vr, element.Value, encoding.bigEndian)];
    case 'decimal':
      return [encodeDecimals(tag, element)];
    case 'text':
    case 'paragraph':
      return [Buffer.from(encodeText(element.Value.map(String).join('\\'), terms, element.vr, missing))];
    default:
      return [Buffer.from(encodeText(element.Value.map(String).join('\\'), undefined, element.vr, missing))];
  }
}

function ordered(bytes: Buffer, { unit }: VrRule, { bigEndian }: Encoding): Buffer {
  return unit && bigEndian ? swapped(bytes, unit) : bytes;
}

function encodeItem(tag: string, item: Value, context: Context): Buffer[] {
  if (!isDataset(item))
    throw new ScannerError('data.invalid', { what: `sequence ${tag}`, message: 'an item is no dataset' });
  const body = encodeElements(item, { ...context, depth: context.depth + 1 });
  const length = body.reduce((sum, part) => sum + part.length, 0);
  if (length >= UNDEFINED_LENGTH) throw tooLong(tag, length);
  return [tagAndLength(ITEM, length, context.encoding.bigEndian), ...body];
}

/** Encapsulated pixel data: PS3.5 A.4. */
function encodeFragments(tag: string, element: Element, { encoding }: Context): Buffer[] {
  const fragments = element.Value.flatMap((value) => {
    const parts = padded([asBytes(tag, value)], 0);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    return [tagAndLength(ITEM, length, encoding.bigEndian), ...parts];
  });
  const header = encodeElementHeader(tag, 'OB', UNDEFINED_LENGTH, encoding);
  return [header, ...fragments, tagAndLength(SEQUENCE_END, 0, encoding.bigEndian)];
}

function asTag(tag: string, value: Value): string {
  if (typeof value === 'string' && /^[0-9A-Fa-f]{8}$/.test(value)) return value;
  throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `${String(value)} is no tag` });
}

function asBytes(tag: string, value: Value): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new ScannerError('data.invalid', { what: `element ${tag}`, message: `bytes expected, got ${typeof value}` });
}

function padded(parts: Buffer[], pad: number): Buffer[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return length % 2 === 0 ? parts : [...parts, Buffer.from([pad])];
}
