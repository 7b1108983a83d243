/** Datasets as other writers leave them, byte by byte: legal and not quite legal, and all of it to be kept. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { SECONDARY_CAPTURE } from './pixels.js';

export interface OddEncoding {
  implicit?: boolean;
  bigEndian?: boolean;
}

const UNDEFINED = 0xffffffff;
const LONG: ReadonlySet<string> = new Set(['OB', 'OW', 'SQ', 'UN', 'UT', 'UC']);

/** Writes elements of one encoding, with nothing of the product's own code. */
class OddWriter {
  constructor(private readonly encoding: OddEncoding) {}

  element(group: number, element: number, vr: string, value: Buffer | string, length?: number): Buffer {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
    const declared = length ?? bytes.length;
    const tag = Buffer.concat([this.#number(group, 2), this.#number(element, 2)]);
    if (this.encoding.implicit) return Buffer.concat([tag, this.#number(declared, 4), bytes]);
    const reserved = LONG.has(vr) ? [Buffer.alloc(2), this.#number(declared, 4)] : [this.#number(declared, 2)];
    return Buffer.concat([tag, Buffer.from(vr), ...reserved, bytes]);
  }

  sequence(group: number, element: number, items: readonly Buffer[], isOpen: boolean, vr = 'SQ'): Buffer {
    const body = isOpen ? this.closed(items) : Buffer.concat(items);
    return this.element(group, element, vr, body, isOpen ? UNDEFINED : undefined);
  }

  item(elements: readonly Buffer[], isOpen: boolean): Buffer {
    const body = Buffer.concat(elements);
    if (!isOpen) return Buffer.concat([this.#delimiter(0xe000, body.length), body]);
    return Buffer.concat([this.#delimiter(0xe000, UNDEFINED), body, this.#delimiter(0xe00d, 0)]);
  }

  /** Items with their delimiter, as they stand in a value of undefined length. */
  closed(items: readonly Buffer[]): Buffer {
    return Buffer.concat([...items, this.#delimiter(0xe0dd, 0)]);
  }

  short(value: number): Buffer {
    return this.#number(value, 2);
  }

  long(value: number): Buffer {
    return this.#number(value, 4);
  }

  #delimiter(element: number, length: number): Buffer {
    return Buffer.concat([this.#number(0xfffe, 2), this.#number(element, 2), this.#number(length, 4)]);
  }

  #number(value: number, bytes: 2 | 4): Buffer {
    const out = Buffer.alloc(bytes);
    if (this.encoding.bigEndian) out.writeUIntBE(value, 0, bytes);
    else out.writeUIntLE(value, 0, bytes);
    return out;
  }
}

export interface OddUids {
  sopInstanceUid: string;
  seriesInstanceUid: string;
  studyInstanceUid: string;
}

/** What is left out. */
export interface OddParts {
  /** All private elements within sequences. */
  nestedPrivate?: boolean;
  /** Those at the top. */
  topPrivate?: boolean;
  groupLengths?: boolean;
}

/** Encapsulated pixels: an empty offset table, fragments of any content, a delimiter. */
export const FRAGMENTS: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from('no real frame, '),
  Buffer.from('in two parts'),
];

/**
 * A secondary capture with wrong group lengths, sequences and items of both kinds of length, empty ones, padding of every kind,
 * odd lengths, private elements at the top and deep that nobody registered, UN of undefined length, trailing padding.
 * @param fragments of encapsulated pixels; native ones when absent
 */
export function oddDataset(
  encoding: OddEncoding,
  uids: OddUids,
  fragments?: readonly Buffer[],
  without: OddParts = {},
): Buffer {
  const to = new OddWriter(encoding);
  const within = new OddWriter({ implicit: true }); // UN of undefined length: PS3.5 6.2.2 note 2
  const nested = [
    to.element(0x0008, 0x1150, 'UI', `${SECONDARY_CAPTURE}\0`),
    to.element(0x0008, 0x1155, 'UI', '1.2.3.4\0'),
    ...(without.nestedPrivate
      ? []
      : [to.element(0x0011, 0x0010, 'LO', 'NOBODY '), to.element(0x0011, 0x1001, 'LO', 'nested')]),
  ];
  const inUnknown = without.nestedPrivate ? [] : [within.element(0x0009, 0x1001, 'LO', 'x ')];
  const empty = to.item([], false);
  const code = [to.element(0x0008, 0x0100, 'SH', 'C '), to.sequence(0x0040, 0xa168, [empty], false)];
  const ownElements = [
    to.element(0x0009, 0x0010, 'LO', 'NOBODY AT ALL '),
    to.element(0x0009, 0x1001, 'UN', Buffer.of(1, 2, 3, 4)),
    to.element(0x0009, 0x1002, 'DS', ' 1.50 '),
    ...(encoding.implicit
      ? []
      : [to.element(0x0009, 0x1003, 'UN', within.closed([within.item(inUnknown, true)]), UNDEFINED)]),
  ];
  const parts = [
    ...(without.groupLengths ? [] : [to.element(0x0008, 0x0000, 'UL', to.long(7))]),
    to.element(0x0008, 0x0005, 'CS', 'ISO_IR 100'),
    to.element(0x0008, 0x0016, 'UI', `${SECONDARY_CAPTURE}\0`),
    to.element(0x0008, 0x0018, 'UI', even(uids.sopInstanceUid)),
    to.element(0x0008, 0x0050, 'SH', 'A1\0\0'),
    to.element(0x0008, 0x0060, 'CS', 'OT'),
    to.element(0x0008, 0x0090, 'PN', ''),
    to.sequence(0x0008, 0x1032, [to.item(code, true), empty, to.item(code, false)], true),
    to.sequence(0x0008, 0x1110, [], false),
    to.sequence(0x0008, 0x1140, [to.item(nested, false), to.item(nested, true)], false),
    ...(without.topPrivate ? [] : ownElements),
    to.element(0x0010, 0x0010, 'PN', 'M\xfcller^J\xf6rg^^   '),
    to.element(0x0010, 0x0020, 'LO', ' P9 '),
    to.element(0x0010, 0x1030, 'DS', '70.000'), // a writer that rewrites numbers shows
    to.element(0x0010, 0x2000, 'LO', 'odd'),
    to.element(0x0010, 0x4000, 'LT', 'and odd'), // twice, as no PDV may have an odd length
    to.element(0x0020, 0x000d, 'UI', even(uids.studyInstanceUid)),
    to.element(0x0020, 0x000e, 'UI', even(uids.seriesInstanceUid)),
    to.element(0x0020, 0x0013, 'IS', '+01 '),
    to.element(0x0028, 0x0002, 'US', to.short(1)),
    to.element(0x0028, 0x0004, 'CS', 'MONOCHROME2 '),
    to.element(0x0028, 0x0010, 'US', to.short(3)),
    to.element(0x0028, 0x0011, 'US', to.short(3)),
    to.element(0x0028, 0x0100, 'US', to.short(16)),
    to.element(0x0028, 0x0101, 'US', to.short(12)),
    to.element(0x0028, 0x0102, 'US', to.short(11)),
    to.element(0x0028, 0x0103, 'US', to.short(0)),
    ...(without.groupLengths ? [] : [to.element(0x7fe0, 0x0000, 'UL', to.long(1))]),
    fragments
      ? to.sequence(
          0x7fe0,
          0x0010,
          fragments.map((part) => to.item([padded(part)], false)),
          true,
          'OB',
        )
      : to.element(0x7fe0, 0x0010, 'OW', Buffer.alloc(18, 5)),
    to.element(0xfffc, 0xfffc, 'OB', Buffer.alloc(6)),
  ];
  return Buffer.concat(parts);
}

/** A Part 10 file of that. */
export function oddFile(folder: string, transferSyntax: string, uids: OddUids, dataset: Buffer): string {
  const path = join(folder, `${uids.sopInstanceUid}.dcm`);
  const meta = encodeFileMeta({ sopClassUid: SECONDARY_CAPTURE, sopInstanceUid: uids.sopInstanceUid, transferSyntax });
  writeFileSync(path, Buffer.concat([meta, dataset]));
  return path;
}

function even(uid: string): string {
  return uid.length % 2 === 1 ? `${uid}\0` : uid;
}

function padded(bytes: Buffer): Buffer {
  return bytes.length % 2 === 1 ? Buffer.concat([bytes, Buffer.alloc(1)]) : bytes;
}
