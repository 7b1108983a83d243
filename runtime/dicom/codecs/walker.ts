import { ScannerError } from '../../../hal/base/errors.js';
import { vrOf, vrRule } from '../dataset/dictionary.js';
import { TRANSFER_SYNTAXES } from '../dataset/transfer-syntax.js';
import type { ByteStore } from './bytes.js';
import { isCreatorElement, privateVr } from './private.js';

/** How a dataset's elements are written. */
export interface Encoding {
  implicit: boolean;
  bigEndian: boolean;
}

/** @throws ScannerError data.dicom for deflated and unknown syntaxes */
export function encodingOf(transferSyntax: string): Encoding {
  const syntax = TRANSFER_SYNTAXES[transferSyntax];
  if (!syntax || syntax.deflated) {
    throw new ScannerError('data.dicom', { where: 'transfer syntax', message: `${transferSyntax} is not walked` });
  }
  return { implicit: !syntax.explicit, bigEndian: syntax.bigEndian ?? false };
}

/** One step through a dataset's structure, in the order of its bytes. */
export interface Token {
  kind: 'element' | 'sequence' | 'sequenceEnd' | 'item' | 'itemEnd' | 'pixels' | 'fragment' | 'pixelsEnd';
  /** GGGGEEEE as a number; for ends, of what they end. */
  tag: number;
  vr: string;
  /** As declared; `UNDEFINED` where none is. 0 for ends. */
  length: number;
  /** Where its first byte stands; an end without a delimiter takes no bytes. */
  offset: number;
  /** Where its value starts, or, for ends, what follows. */
  valueOffset: number;
  /** Sequences around it. */
  depth: number;
  /** How it is written: what stands in an undefined-length UN is implicit little endian (PS3.5 6.2.2). */
  encoding: Encoding;
  /** For a private element: who reserves its block, if anyone; for the reservation, whose it is. */
  creator: string | undefined;
}

export const UNDEFINED = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const IMPLICIT_LE: Encoding = { implicit: true, bigEndian: false };
/** Deeper nesting than any object has; more is an attack. */
const MAX_DEPTH = 64;
/** Tokens of one dataset: bounds time and what visitors keep. */
const MAX_TOKENS = 4_000_000;
const MAX_CREATOR_BYTES = 64;

interface Level {
  kind: 'elements' | 'items' | 'fragments';
  tag: number;
  vr: string;
  /** Undefined where a delimiter ends it. */
  end: number | undefined;
  depth: number;
  encoding: Encoding;
  creators: Map<number, string> | undefined;
}

export interface WalkerOptions {
  /** True for values that must be in the window when their element is given; creators always are. */
  wants?(tag: number, length: number, depth: number): boolean;
}

/**
 * Walks a dataset without recursion and without its values: the bytes come in windows, from memory or from a file.
 * `next` gives a token, or 'more' when it needs `wanted` bytes from `position`, or 'end'.
 * @throws ScannerError data.dicom where the structure is broken
 */
export class DatasetWalker {
  position = 0;
  wanted = 0;
  readonly #size: number;
  readonly #options: WalkerOptions;
  readonly #levels: Level[];
  #window: Buffer = Buffer.alloc(0);
  #start = 0;
  #tokens = 0;

  constructor(size: number, encoding: Encoding, options: WalkerOptions = {}) {
    this.#size = size;
    this.#options = options;
    this.#levels = [{ kind: 'elements', tag: 0, vr: '', end: size, depth: 0, encoding, creators: undefined }];
  }

  /** Gives it the dataset's bytes from `start`. */
  feed(window: Buffer, start: number): void {
    this.#window = window;
    this.#start = start;
  }

  /** The bytes of an element's value that the walker was asked to have. */
  value(token: Token): Buffer {
    const at = token.valueOffset - this.#start;
    return this.#window.subarray(at, at + token.length);
  }

  next(): Token | 'more' | 'end' {
    const level = this.#levels.at(-1)!;
    if (level.end !== undefined && this.position >= level.end) {
      if (this.position > level.end) throw fault(level.tag, this.position, 'what it holds is longer than it declares');
      return this.#levels.length === 1 ? 'end' : this.#close(level, 0);
    }
    if (++this.#tokens > MAX_TOKENS) throw fault(level.tag, this.position, `more than ${MAX_TOKENS} elements`);
    return level.kind === 'elements' ? this.#element(level) : this.#item(level);
  }

  #element(level: Level): Token | 'more' {
    if (!this.#has(8)) return 'more';
    const at = this.position - this.#start;
    const { encoding } = level;
    const tag = this.#tag(at, encoding);
    if (tag === ITEM_END && level.end === undefined && this.#levels.length > 1) return this.#close(level, 8);
    if (tag >>> 16 === 0xfffe) throw fault(tag, this.position, 'an item outside a sequence');
    const header = encoding.implicit ? this.#implicit(at, tag, level) : this.#explicit(at, tag, encoding);
    if (!header) return 'more';
    const { vr, length, bytes } = header;
    const valueOffset = this.position + bytes;
    const isOpen = length === UNDEFINED;
    if (!isOpen && valueOffset + length > (level.end ?? this.#size)) {
      throw fault(tag, this.position, `declares ${length} bytes, ${(level.end ?? this.#size) - valueOffset} are left`);
    }
    const creator = this.#creatorOf(level, tag);
    const token: Token = {
      kind: 'element',
      tag,
      vr,
      length,
      offset: this.position,
      valueOffset,
      depth: level.depth,
      encoding,
      creator,
    };
    if (vr === 'SQ' || isOpen) return this.#open(token, level);
    const isCreator = isPrivateTag(tag) && isCreatorElement(tag) && length <= MAX_CREATOR_BYTES;
    if (isCreator || this.#options.wants?.(tag, length, level.depth)) {
      if (!this.#has(bytes + length)) return 'more';
      if (isCreator) token.creator = this.#reserve(level, tag, this.value(token));
    }
    this.position = valueOffset + length;
    return token;
  }

  #open(token: Token, level: Level): Token {
    const { vr, length, tag, valueOffset } = token;
    if (level.depth >= MAX_DEPTH) throw fault(tag, token.offset, `nested deeper than ${MAX_DEPTH}`);
    const isPixels = vr === 'OB' || vr === 'OW';
    if (!isPixels && vr !== 'SQ' && vr !== 'UN') throw fault(tag, token.offset, `undefined length with VR ${vr}`);
    this.#levels.push({
      kind: isPixels ? 'fragments' : 'items',
      tag,
      vr,
      end: length === UNDEFINED ? undefined : valueOffset + length,
      depth: level.depth,
      encoding: vr === 'UN' ? IMPLICIT_LE : level.encoding,
      creators: undefined,
    });
    this.position = valueOffset;
    token.kind = isPixels ? 'pixels' : 'sequence';
    return token;
  }

  #item(level: Level): Token | 'more' {
    if (!this.#has(8)) return 'more';
    const at = this.position - this.#start;
    const { encoding, depth, vr } = level;
    const tag = this.#tag(at, encoding);
    const length = encoding.bigEndian ? this.#window.readUInt32BE(at + 4) : this.#window.readUInt32LE(at + 4);
    if (tag === SEQUENCE_END && level.end === undefined) return this.#close(level, 8);
    if (tag !== ITEM) throw fault(level.tag, this.position, 'an item was expected');
    const valueOffset = this.position + 8;
    const limit = level.end ?? this.#size;
    if (length !== UNDEFINED && valueOffset + length > limit) {
      throw fault(level.tag, this.position, `its item declares ${length} bytes, ${limit - valueOffset} are left`);
    }
    const base = { tag: level.tag, vr, length, offset: this.position, valueOffset, encoding, creator: undefined };
    if (level.kind === 'fragments') {
      if (length === UNDEFINED) throw fault(level.tag, this.position, 'a fragment of undefined length');
      this.position = valueOffset + length;
      return { kind: 'fragment', depth, ...base };
    }
    const end = length === UNDEFINED ? undefined : valueOffset + length;
    this.#levels.push({
      kind: 'elements',
      tag: level.tag,
      vr,
      end,
      depth: depth + 1,
      encoding,
      creators: undefined,
    });
    this.position = valueOffset;
    return { kind: 'item', depth: depth + 1, ...base };
  }

  #close(level: Level, delimiterBytes: number): Token {
    this.#levels.pop();
    const offset = this.position;
    this.position += delimiterBytes;
    const kind = level.kind === 'elements' ? 'itemEnd' : level.kind === 'items' ? 'sequenceEnd' : 'pixelsEnd';
    const { tag, vr, depth, encoding } = level;
    return { kind, tag, vr, length: 0, offset, valueOffset: this.position, depth, encoding, creator: undefined };
  }

  #explicit(at: number, tag: number, encoding: Encoding) {
    const vr = this.#window.toString('latin1', at + 4, at + 6);
    const rule = vrRule(vr);
    if (!rule) throw fault(tag, this.position, `no VR at this place: ${JSON.stringify(vr)}`);
    if (!rule.long) {
      const length = encoding.bigEndian ? this.#window.readUInt16BE(at + 6) : this.#window.readUInt16LE(at + 6);
      return { vr, length, bytes: 8 };
    }
    if (!this.#has(12)) return undefined;
    const length = encoding.bigEndian ? this.#window.readUInt32BE(at + 8) : this.#window.readUInt32LE(at + 8);
    return { vr, length, bytes: 12 };
  }

  #implicit(at: number, tag: number, level: Level) {
    const creator = this.#creatorOf(level, tag);
    return { vr: implicitVr(tag, creator), length: this.#window.readUInt32LE(at + 4), bytes: 8 };
  }

  #tag(at: number, { bigEndian }: Encoding): number {
    const group = bigEndian ? this.#window.readUInt16BE(at) : this.#window.readUInt16LE(at);
    const element = bigEndian ? this.#window.readUInt16BE(at + 2) : this.#window.readUInt16LE(at + 2);
    return ((group << 16) | element) >>> 0;
  }

  #creatorOf(level: Level, tag: number): string | undefined {
    return isPrivateTag(tag) ? level.creators?.get(tag >>> 8) : undefined;
  }

  #reserve(level: Level, tag: number, value: Buffer): string {
    const creator = value.toString('latin1').trim().replace(/\0+$/, '');
    level.creators ??= new Map();
    level.creators.set((((tag >>> 16) << 8) | (tag & 0xff)) >>> 0, creator);
    return creator;
  }

  /** True when `count` bytes from the position are in the window; else `wanted` says how many must come. */
  #has(count: number): boolean {
    if (this.position + count > this.#size) {
      throw fault(this.#levels.at(-1)!.tag, this.position, `it ends within an element, after ${this.#size} bytes`);
    }
    const at = this.position - this.#start;
    if (at >= 0 && at + count <= this.#window.length) return true;
    this.wanted = count;
    return false;
  }
}

/**
 * Walks a whole dataset.
 * @throws ScannerError data.dicom, data.truncated when the store holds less than it says
 */
export async function walk(bytes: ByteStore, walker: DatasetWalker, visit: (token: Token) => void): Promise<void> {
  for (;;) {
    const token = walker.next();
    if (token === 'end') return;
    if (token !== 'more') {
      visit(token);
      continue;
    }
    const window = await bytes.window(walker.position, walker.wanted);
    if (window.length < walker.wanted) {
      const got = walker.position + window.length;
      throw new ScannerError('data.truncated', { what: 'dataset', got, expected: bytes.size });
    }
    walker.feed(window, walker.position);
  }
}

export function isPrivateTag(tag: number): boolean {
  return (tag & 0x10000) !== 0;
}

export function hexTag(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, '0');
}

function implicitVr(tag: number, creator: string | undefined): string {
  return (creator && privateVr(creator, tag)) || vrOf(hexTag(tag), creator);
}

function fault(tag: number, offset: number, message: string): ScannerError {
  return new ScannerError('data.dicom', { where: `${hexTag(tag)} at byte ${offset} of the dataset`, message });
}
