import { asScannerError } from '../../../hal/base/errors.js';
import type { Dataset, Element, Value } from './dataset.js';
import { isPrivate, vrOf, vrRule } from './dictionary.js';
import {
  CutShort,
  type ElementHeader,
  fault,
  ITEM,
  ITEM_END,
  readElementHeader,
  SEQUENCE_END,
  UNDEFINED_LENGTH,
} from './element-header.js';
import { inflateWhole } from './inflate.js';
import { correctedTerms, readText, type TextNote } from './text.js';
import { type Encoding, encodingOf, isDeflated } from './transfer-syntax.js';
import { readNumbers, readTags, swapped, trimEnd } from './values.js';

/** Deeper nesting than any object has; more is an attack on the stack. */
const MAX_DEPTH = 32;
/** Elements of one dataset, items counted: bounds the memory that a small input of empty items can take. */
const MAX_ELEMENTS = 1_000_000;
/** Notes on the text of one dataset: a wrong character set shows in every value. */
const MAX_NOTES = 20;
/** What stands in a UN of undefined length: PS3.5 6.2.2 note 1. */
const IMPLICIT: Encoding = { implicit: true, bigEndian: false };

export interface DecodeOptions {
  /** Told of character sets that are misspelled and text that does not fit them, the first twenty of a dataset. */
  onText?: (note: TextNote) => void;
}

interface Context {
  encoding: Encoding;
  terms: string | undefined;
  depth: number;
  /** Added to places in messages: where the bytes stand. */
  origin: number;
  /** Elements and notes still allowed: shared by all levels. */
  budget: { elements: number; notes: number };
  onText: DecodeOptions['onText'];
}

/**
 * Reads a whole dataset (no Part 10 header) of any uncompressed or encapsulated syntax, also big endian (the bytes of OW
 * and its like come little endian) and deflated. Values keep their bytes and text its characters; DS and IS stay strings.
 * Of a tag that comes twice the first is kept; order and odd lengths do not matter.
 * @throws ScannerError data.dicom for anything that is not a well-formed dataset, with where and why;
 *   limit.size for a deflated one of more than 64 MiB
 */
export function decodeDataset(bytes: Uint8Array, transferSyntax: string, options: DecodeOptions = {}): Dataset {
  try {
    const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const buffer = isDeflated(transferSyntax) ? inflateWhole(given) : given;
    return readElements(buffer, 0, buffer.length, contextOf(transferSyntax, options)).ds;
  } catch (error) {
    throw asScannerError(error, 'data.dicom', { where: 'dataset' });
  }
}

/** Reads a dataset one element of its top level after another, for those who do not hold it whole. */
export class ElementReader {
  readonly dataset: Dataset = {};
  readonly encoding: Encoding;
  readonly #context: Context;

  constructor(transferSyntax: string, options: DecodeOptions = {}) {
    this.#context = contextOf(transferSyntax, options);
    this.encoding = this.#context.encoding;
  }

  /** The VR of an element, from the dictionary where it is not written. */
  vrOf({ tag, vr }: ElementHeader): string {
    return vr || vrOf(tag, creatorOf(this.dataset, tag));
  }

  /**
   * Reads the element that `bytes` starts with; they stand at `origin` of the dataset's source.
   * @returns its length
   * @throws ScannerError data.dicom; CutShort when more bytes might make it whole
   */
  read(bytes: Buffer, origin: number): number {
    this.#context.origin = origin;
    const { elements } = this.#context.budget;
    try {
      return addElement(this.dataset, bytes, 0, bytes.length, this.#context);
    } catch (error) {
      this.#context.budget.elements = elements; // the same bytes come again, with more
      throw error;
    }
  }
}

function contextOf(transferSyntax: string, { onText }: DecodeOptions): Context {
  const budget = { elements: MAX_ELEMENTS, notes: MAX_NOTES };
  return { encoding: encodingOf(transferSyntax), terms: undefined, depth: 0, origin: 0, budget, onText };
}

/** Elements from `start` to `end`, or to an item delimiter when the item has no defined length. */
function readElements(buffer: Buffer, start: number, end: number, outer: Context): { ds: Dataset; next: number } {
  if (outer.depth > MAX_DEPTH) throw fault('item', outer.origin + start, `nested deeper than ${MAX_DEPTH}`);
  const context = { ...outer };
  const ds: Dataset = {};
  let offset = start;
  while (offset < end) {
    const header = outer.depth > 0 ? readElementHeader(buffer, offset, end, context.encoding) : undefined;
    if (header?.tag === ITEM_END) return { ds, next: header.valueOffset };
    offset = addElement(ds, buffer, offset, end, context, header);
  }
  return { ds, next: end };
}

/** Reads the element at `offset` into `ds`. @returns where it ends */
function addElement(
  ds: Dataset,
  buffer: Buffer,
  offset: number,
  end: number,
  context: Context,
  known?: ElementHeader,
): number {
  const at = context.origin + offset;
  const header = known ?? readElementHeader(buffer, offset, end, context.encoding);
  if (!header) throw new CutShort(`element at byte ${at}`, `${end - offset} bytes left, no room for an element`);
  const { tag } = header;
  if (tag.startsWith('FFFE')) throw fault(tag, at, 'an item outside a sequence');
  spend(context, tag, at);
  header.vr ||= vrOf(tag, creatorOf(ds, tag));
  const { element, next } = readElement(buffer, header, end, context);
  if (ds[tag]) return next;
  ds[tag] = element;
  if (tag === '00080005') declare(element, context);
  return next;
}

function declare(element: Element, context: Context): void {
  context.terms = element.Value.map(String).join('\\');
  const used = correctedTerms(context.terms);
  if (used !== undefined) note(context, { kind: 'set', tag: '00080005', declared: context.terms, used, lost: 0 });
}

function readElement(
  buffer: Buffer,
  header: ElementHeader,
  end: number,
  context: Context,
): { element: Element; next: number } {
  const { tag, vr, length, valueOffset } = header;
  if (length === UNDEFINED_LENGTH) return readUndefined(buffer, header, end, context);
  const next = valueOffset + length;
  if (next > end) throw cut(header, end, context);
  if (vr === 'SQ') {
    const Value = readItems(buffer, valueOffset, next, false, context).values;
    return { element: { vr, Value }, next };
  }
  if (length === 0) return { element: { vr, Value: [] }, next };
  return { element: { vr, Value: readValue(buffer.subarray(valueOffset, next), tag, vr, context) }, next };
}

/** Undefined length: a sequence, encapsulated pixels, or UN, which is a sequence in implicit VR. */
function readUndefined(
  buffer: Buffer,
  header: ElementHeader,
  end: number,
  context: Context,
): { element: Element; next: number } {
  const { tag, vr, valueOffset } = header;
  if (vr === 'OB' || vr === 'OW') {
    const { values, next } = readFragments(buffer, valueOffset, end, context);
    return { element: { vr: 'OB', Value: values, encapsulated: true }, next };
  }
  if (vr !== 'SQ' && vr !== 'UN') throw fault(tag, context.origin + valueOffset, `undefined length with VR ${vr}`);
  const inner = vr === 'UN' ? { ...context, encoding: IMPLICIT } : context;
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
    const at = context.origin + offset;
    const item = readItemHeader(buffer, offset, end, context);
    if (item.tag === SEQUENCE_END && delimited) return { values, next: item.valueOffset };
    if (item.tag !== ITEM) throw fault(item.tag, at, 'an item was expected');
    spend(context, item.tag, at);
    const open = item.length === UNDEFINED_LENGTH;
    const itemEnd = open ? end : item.valueOffset + item.length;
    if (itemEnd > end) throw cut(item, end, context);
    const { ds, next } = readElements(buffer, item.valueOffset, itemEnd, inner);
    if (!open && next !== itemEnd) throw fault('item', at, 'a delimiter inside an item of defined length');
    values.push(ds);
    offset = next;
  }
  if (delimited) throw new CutShort(`sequence at byte ${context.origin + start}`, 'its delimiter is missing');
  return { values, next: end };
}

function readFragments(
  buffer: Buffer,
  start: number,
  end: number,
  context: Context,
): { values: Uint8Array[]; next: number } {
  const values: Uint8Array[] = [];
  let offset = start;
  while (offset < end) {
    const item = readItemHeader(buffer, offset, end, context);
    if (item.tag === SEQUENCE_END) return { values, next: item.valueOffset };
    if (item.tag !== ITEM) throw fault(item.tag, context.origin + offset, 'a fragment was expected');
    spend(context, item.tag, context.origin + offset);
    const next = item.valueOffset + item.length;
    if (next > end) throw cut(item, end, context);
    values.push(buffer.subarray(item.valueOffset, next));
    offset = next;
  }
  throw new CutShort(`pixel data at byte ${context.origin + start}`, 'its delimiter is missing');
}

function readItemHeader(buffer: Buffer, offset: number, end: number, context: Context): ElementHeader {
  const header = readElementHeader(buffer, offset, end, context.encoding);
  if (header) return header;
  throw new CutShort(`item at byte ${context.origin + offset}`, `${end - offset} bytes left, no room for an item`);
}

function readValue(bytes: Buffer, tag: string, vr: string, context: Context): Value[] {
  const { kind, size = 1, unit } = vrRule(vr)!;
  const { bigEndian } = context.encoding;
  if (bytes.length % size !== 0) {
    throw fault(tag, context.origin, `${bytes.length} bytes do not make whole ${vr} values`);
  }
  switch (kind) {
    case 'bytes':
      return [unit && bigEndian ? swapped(bytes, unit) : bytes];
    case 'number':
    case 'big':
      return readNumbers(bytes, vr, bigEndian);
    case 'tag':
      return readTags(bytes, bigEndian);
    case 'text':
      return characters(bytes, tag, vr, context).split('\\').map(trimEnd);
    case 'paragraph':
      return [characters(bytes, tag, vr, context)];
    case 'ascii-paragraph':
      return [trimEnd(bytes.toString('latin1'))];
    default:
      return trimEnd(bytes.toString('latin1'))
        .split('\\')
        .map((value) => value.trim());
  }
}

function characters(bytes: Buffer, tag: string, vr: string, context: Context): string {
  const { text, mismatch, lost } = readText(bytes, context.terms, vr);
  if (mismatch) note(context, { kind: 'bytes', tag, declared: context.terms ?? '', used: 'ISO_IR 100', lost });
  return trimEnd(text);
}

function note({ budget, onText }: Context, text: TextNote): void {
  if (onText && --budget.notes >= 0) onText(text);
}

function spend({ budget }: Context, tag: string, at: number): void {
  if (--budget.elements < 0) throw fault(tag, at, `more than ${MAX_ELEMENTS} elements`);
}

function creatorOf(ds: Dataset, tag: string): string | undefined {
  if (!isPrivate(tag)) return undefined;
  const creator = ds[`${tag.slice(0, 4)}00${tag.slice(4, 6)}`]?.Value[0];
  return typeof creator === 'string' ? creator : undefined;
}

function cut({ tag, length, valueOffset }: ElementHeader, end: number, { origin }: Context): CutShort {
  const message = `declares ${length} bytes, ${end - valueOffset} are left`;
  return new CutShort(`${tag} at byte ${origin + valueOffset}`, message);
}
