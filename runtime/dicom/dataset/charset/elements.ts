import iconv from 'iconv-lite';
import { readTable } from '../../../../hal/base/table.js';

/** How a code element of ISO 2022 stands in the table. Codes and escape sequences are hexadecimal. */
interface ElementRow {
  name: string;
  set: 'G0' | 'G1';
  /** Without the ESC before it. */
  escape: string;
  /** The code table among those of iconv-lite. */
  encoding: string;
  /** Byte before each code there. */
  prefix?: string;
  /** Two bytes a character. */
  double?: boolean;
  /** Last byte that belongs to it, where the library's table has more. */
  last?: string;
  /** Codes that the library reads otherwise than the standard (it follows Windows). */
  other?: Record<string, string>;
  /** Codes that the library knows and the standard does not: read, never written. */
  foreign?: string[];
}

interface CharacterSetTable {
  elements: Record<string, ElementRow>;
  /** Sets that stand alone, and their encoding. */
  alone: Record<string, string>;
  /** What people write instead of a defined term, in capitals without spaces and dashes. */
  spellings: Record<string, string>;
}

/** A set of characters that is invoked into G0 (bytes 21 to 7E) or G1 (A0 to FF): PS3.5 6.1.2.5. */
export interface CodeElement {
  readonly registration: string;
  readonly set: 'G0' | 'G1';
  readonly escape: Buffer;
  readonly double: boolean;
  /** Characters by code, 7 bits a byte. */
  readonly characters: ReadonlyMap<number, string>;
  /** Codes by character, as they are written. */
  readonly codes: ReadonlyMap<string, number>;
}

export const CHARACTER_SETS: Readonly<CharacterSetTable> = readTable(
  import.meta.url,
  '../../tables/character-sets.json',
);

const made = new Map<string, CodeElement>();

/** All escape sequences that are known, for writers which do not declare what they use. */
export const REGISTRATIONS: readonly string[] = Object.keys(CHARACTER_SETS.elements);

/** The code element of an ISO registration number in the table, its codes learnt when first asked for. */
export function elementOf(registration: string): CodeElement {
  let element = made.get(registration);
  if (!element) made.set(registration, (element = makeElement(registration)));
  return element;
}

/** The escape sequence of a registration, without learning its codes. */
export function escapeOf(registration: string): Buffer {
  return Buffer.from(`1B${CHARACTER_SETS.elements[registration]!.escape}`, 'hex');
}

function makeElement(registration: string): CodeElement {
  const row = CHARACTER_SETS.elements[registration]!;
  const other = new Map(Object.entries(row.other ?? {}).map(([code, text]) => [Number.parseInt(code, 16), text]));
  const foreign = (row.foreign ?? []).map((range) => range.split('-').map((code) => Number.parseInt(code, 16)));
  const characters = new Map<number, string>();
  const codes = new Map<string, number>();
  for (const [code, text] of libraryCharacters(row)) {
    const character = other.get(code) ?? text;
    characters.set(code, character);
    if (!foreign.some(([first = 0, last = 0]) => code >= first && code <= last)) codes.set(character, code);
  }
  const { set, double = false } = row;
  return { registration, set, escape: escapeOf(registration), double, characters, codes };
}

/** Every code of the library's table with its character. */
function libraryCharacters(row: ElementRow): [number, string][] {
  const all = row.double ? doubleCodes() : singleCodes(row);
  const prefix = Buffer.from(row.prefix ?? '', 'hex');
  const high = row.double || row.set === 'G1' ? 0x80 : 0;
  const bytes = all.flatMap((code) => {
    const pair = row.double ? [(code >> 8) | high, (code & 0xff) | high] : [code | high];
    return [...prefix, ...pair, 0x0a]; // a line each: a code without a character must not take its neighbour along
  });
  const lines = iconv.decode(Buffer.from(bytes), row.encoding).split('\n');
  return all.flatMap((code, i): [number, string][] => {
    const text = lines[i]!;
    return text.length === 1 && text !== '\uFFFD' ? [[code, text]] : [];
  });
}

/** The 94 or 96 codes of a set of single bytes. */
function singleCodes({ set, last = 'FF' }: ElementRow): number[] {
  const [from, to] = set === 'G0' ? [0x20, 0x7e] : [0x20, Number.parseInt(last, 16) & 0x7f];
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function doubleCodes(): number[] {
  return Array.from({ length: 94 * 94 }, (_, i) => ((0x21 + Math.floor(i / 94)) << 8) | (0x21 + (i % 94)));
}
