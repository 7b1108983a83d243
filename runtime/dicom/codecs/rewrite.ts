import { ScannerError } from '../../../hal/base/errors.js';
import { isSignDependent, vrRule } from '../dataset/dictionary.js';
import type { ByteStore } from './bytes.js';
import {
  elementHeader,
  itemHeader,
  type NewElement,
  unitOf,
  writableVr,
  writeElement,
  writeItem,
  writeLong,
} from './elements.js';
import { type Hole, Plan, type Swap, swapped } from './plan.js';
import { DatasetWalker, type Encoding, hexTag, type Token, UNDEFINED, walk } from './walker.js';

/** What a dataset is turned into. What nothing here touches stays as it is, byte for byte where the encoding stays. */
export interface Rewrite {
  from: Encoding;
  to: Encoding;
  /** False leaves an element out, a sequence with all that is in it. */
  keeps?(token: Token): boolean;
  /** Top-level elements, in the place of those with their tags or in the order of tags. */
  set?: readonly NewElement[];
  /** Items put behind those of a top-level sequence, which is made where it is not. */
  append?: ReadonlyMap<number, readonly NewElement[]>;
  /** Writes what stands in the place of Pixel Data, header and all. */
  pixels?(plan: Plan): void;
}

const PIXEL_DATA = 0x7fe00010;
const PIXEL_REPRESENTATION = 0x00280103;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
/** Values up to this are copied when their header changes. */
const SMALL_BYTES = 4096;
const IMPLICIT_LE: Encoding = { implicit: true, bigEndian: false };

/**
 * Plans a dataset in another encoding, or with changes: values of any size stay where they are.
 * Group lengths are left out: they would no longer be true, and are retired (PS3.5 7.2).
 * @throws ScannerError data.dicom, data.truncated, limit.size
 */
export async function rewriteDataset(bytes: ByteStore, rewrite: Rewrite): Promise<Plan> {
  const rewriter = new Rewriter(bytes, rewrite);
  const walker = new DatasetWalker(bytes.size, rewrite.from, {
    wants: (tag, length) => length <= SMALL_BYTES && (rewriter.changesHeaders || tag === PIXEL_REPRESENTATION),
  });
  await walk(bytes, walker, (token) => rewriter.take(token, () => walker.value(token)));
  return rewriter.end();
}

interface OpenLength {
  hole: Hole;
  encoding: Encoding;
}

class Rewriter {
  readonly changesHeaders: boolean;
  readonly #bytes: ByteStore;
  readonly #rewrite: Rewrite;
  readonly #plan = new Plan();
  /** Elements and sequences still to come at the top, in the order of tags. */
  readonly #pending: (NewElement | { tag: number; item: readonly NewElement[] })[];
  readonly #replaced: ReadonlySet<number>;
  /** Of each open sequence and item: where its length goes, or undefined where it has none. */
  readonly #lengths: (OpenLength | undefined)[] = [];
  /** Levels below something that is left out; 0 when nothing is. */
  #skipped = 0;
  /** Levels below an undefined-length UN, whose content is implicit wherever it stands. */
  #unknown = 0;
  #signed = false;

  constructor(bytes: ByteStore, rewrite: Rewrite) {
    this.#bytes = bytes;
    this.#rewrite = rewrite;
    const { from, to, set = [], append = new Map() } = rewrite;
    this.changesHeaders = from.implicit !== to.implicit || from.bigEndian !== to.bigEndian;
    const appended = [...append].map(([tag, item]) => ({ tag, item }));
    this.#pending = [...set, ...appended].sort((a, b) => a.tag - b.tag);
    this.#replaced = new Set(set.map(({ tag }) => tag));
  }

  take(token: Token, value: () => Buffer): void {
    const { kind } = token;
    const opens = kind === 'sequence' || kind === 'item' || kind === 'pixels';
    const closes = kind === 'sequenceEnd' || kind === 'itemEnd' || kind === 'pixelsEnd';
    if (this.#skipped > 0) {
      this.#skipped += opens ? 1 : closes ? -1 : 0;
      return;
    }
    const starts = kind === 'element' || kind === 'sequence' || kind === 'pixels';
    if (starts && !this.#start(token)) {
      this.#skipped = opens ? 1 : 0;
      return;
    }
    if (kind === 'element') this.#element(token, value);
    else if (kind === 'sequence' || kind === 'item') this.#open(token);
    else if (kind === 'sequenceEnd' || kind === 'itemEnd') this.#close(token);
    else this.#encapsulated(token);
  }

  end(): Plan {
    this.#insertBefore(0x1_0000_0000);
    return this.#plan;
  }

  /** Puts in what comes before this element. @returns false when the element itself is not to be kept */
  #start(token: Token): boolean {
    const { tag, depth } = token;
    if (depth === 0) {
      this.#insertBefore(tag);
      if (this.#replaced.has(tag)) return false;
      if (tag === PIXEL_DATA && this.#rewrite.pixels) {
        this.#rewrite.pixels(this.#plan);
        return false;
      }
    }
    if ((tag & 0xffff) === 0) return false;
    return this.#rewrite.keeps?.(token) ?? true;
  }

  #insertBefore(tag: number): void {
    const { to } = this.#rewrite;
    for (let next = this.#pending[0]; next && next.tag <= tag; next = this.#pending[0]) {
      // a sequence that is there gets its item at its end
      if (next.tag === tag && 'item' in next) return;
      this.#pending.shift();
      if ('item' in next) writeElement(this.#plan, { tag: next.tag, vr: 'SQ', value: [next.item] }, to);
      else writeElement(this.#plan, next, to);
    }
  }

  #element(token: Token, value: () => Buffer): void {
    const { tag, length, offset, valueOffset } = token;
    if (tag === PIXEL_REPRESENTATION && length >= 2) {
      const bytes = value();
      this.#signed = (token.encoding.bigEndian ? bytes.readUInt16BE(0) : bytes.readUInt16LE(0)) === 1;
    }
    const { encoding, swap, vr } = this.#target(token);
    if (!this.changesHeaders || this.#unknown > 0) {
      this.#plan.slice(this.#bytes, offset, valueOffset + length - offset);
      return;
    }
    this.#plan.write(elementHeader(tag, vr, length + (length & 1), encoding));
    if (length <= SMALL_BYTES) this.#plan.write(swap === 1 ? value() : swapped(Buffer.from(value()), swap));
    else this.#plan.slice(this.#bytes, valueOffset, length, swap);
    if (length & 1) this.#plan.write(Buffer.from([vrRule(vr)?.pad ?? 0]));
  }

  #target({ tag, vr, length }: Token): { encoding: Encoding; swap: Swap; vr: string } {
    const { from, to } = this.#rewrite;
    if (this.#unknown > 0) return { encoding: IMPLICIT_LE, swap: 1, vr };
    const settled = from.implicit && this.#signed && isSignDependent(hexTag(tag)) ? 'SS' : vr;
    const swap = from.bigEndian === to.bigEndian ? 1 : unitOf(settled);
    return { encoding: to, swap, vr: to.implicit ? settled : writableVr(settled, length) };
  }

  #open(token: Token): void {
    const { kind, tag, length } = token;
    const { encoding } = this.#target(token);
    const vr = token.vr === 'UN' ? 'UN' : 'SQ';
    const header = kind === 'item' ? itemHeader(ITEM, length, encoding) : elementHeader(tag, vr, length, encoding);
    const hole = this.#plan.write(header);
    this.#lengths.push(
      length === UNDEFINED ? undefined : { hole: { ...hole, at: hole.at + header.length - 4 }, encoding },
    );
    if (kind === 'sequence' && (vr === 'UN' || this.#unknown > 0)) this.#unknown++;
  }

  #close(token: Token): void {
    const isSequence = token.kind === 'sequenceEnd';
    const { encoding } = isSequence && this.#unknown === 1 ? { encoding: IMPLICIT_LE } : this.#target(token);
    if (isSequence && token.depth === 0) this.#append(token.tag, encoding);
    const open = this.#lengths.pop();
    if (open) {
      const length = this.#plan.length - open.hole.end;
      if (length >= UNDEFINED) {
        throw new ScannerError('limit.size', {
          what: `sequence ${hexTag(token.tag)}`,
          value: length,
          max: UNDEFINED - 1,
        });
      }
      writeLong(open.hole.chunk, length, open.hole.at, open.encoding.bigEndian);
    } else this.#plan.write(itemHeader(isSequence ? SEQUENCE_END : ITEM_END, 0, encoding));
    if (isSequence && this.#unknown > 0) this.#unknown--;
  }

  #append(tag: number, encoding: Encoding): void {
    const next = this.#pending[0];
    if (next?.tag !== tag || !('item' in next)) return;
    this.#pending.shift();
    writeItem(this.#plan, next.item, encoding);
  }

  /** Encapsulated pixels, which only an explicit little endian dataset has. */
  #encapsulated({ kind, offset, valueOffset, length }: Token): void {
    if (this.changesHeaders) {
      throw new ScannerError('data.dicom', {
        where: 'pixel data',
        message: 'it is encapsulated and cannot be re-encoded',
      });
    }
    const end = kind === 'fragment' ? valueOffset + length : valueOffset;
    this.#plan.slice(this.#bytes, offset, end - offset);
  }
}
