import { convertBytes } from 'dicom-character-set';
import { ScannerError } from '../../../hal/base/errors.js';
import { readTable } from '../../../hal/base/table.js';

interface CharacterSet {
  /** Label of the encoding for TextDecoder. */
  label: string;
  /** Last byte that is a character of its own. */
  max?: number;
  /** JIS X 0201: 5C is the yen sign, 7E the overline. */
  romaji?: boolean;
  multibyte?: boolean;
}

type Encoder = (text: string) => Uint8Array | undefined;

const SETS: Readonly<Record<string, CharacterSet>> = readTable(import.meta.url, '../tables/character-sets.json');
const encoders = new Map<string, Encoder>();

/**
 * Text of an element as a string. Bytes that the set cannot explain decode as Latin-1, so nothing is lost.
 * @param terms Specific Character Set (0008,0005), its values joined by a backslash; undefined for the default repertoire
 */
export function decodeText(bytes: Uint8Array, terms: string | undefined, vr: string): string {
  if (isAscii(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  if (!terms) return Buffer.from(bytes).toString('latin1');
  try {
    return convertBytes(terms, bytes, { vr });
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/**
 * Bytes of a text in the first character set of `terms`.
 * @throws ScannerError data.text when a character has no code in it, or the set is not known
 */
export function encodeText(value: string, terms: string | undefined): Uint8Array {
  const latin = Buffer.from(value, 'latin1');
  if (isAscii(latin) && latin.toString('latin1') === value) return latin;
  const term = terms?.split('\\')[0]?.trim().replace('ISO 2022 IR', 'ISO_IR') || 'ISO_IR 6';
  const bytes = encoderOf(term)(value);
  if (!bytes) throw new ScannerError('data.text', { text: value, set: terms ?? 'ISO_IR 6' });
  return bytes;
}

/** The narrowest of the given sets which can write every text: what an authored object declares. */
export function chooseCharacterSet(values: readonly string[], terms: readonly string[]): string | undefined {
  return terms.find((term) => values.every((value) => encoderOf(term)(value) !== undefined));
}

function encoderOf(term: string): Encoder {
  let encoder = encoders.get(term);
  if (!encoder) encoders.set(term, (encoder = makeEncoder(term)));
  return encoder;
}

function makeEncoder(term: string): Encoder {
  const set = SETS[term];
  if (!set) return () => undefined;
  if (set.label === 'utf-8') return (text) => Buffer.from(text, 'utf8');
  return tableEncoder(set.multibyte ? doubleByteCodes(set.label) : singleByteCodes(set));
}

/** Codes by character, learnt by decoding every byte: the decoder's table turned round. */
function singleByteCodes(set: CharacterSet): Map<string, number[]> {
  const codes = new Map<string, number[]>();
  // WHATWG reads iso-8859-1 as windows-1252; 80 to 9F are controls in DICOM and stay unused
  const decoder = new TextDecoder(set.label);
  for (let byte = 0; byte <= (set.max ?? 255); byte++) {
    if (byte >= 0x80 && byte < 0xa0) continue;
    const character = set.romaji && byte === 0x5c ? '¥' : set.romaji && byte === 0x7e ? '‾' : decode(decoder, [byte]);
    if (character.length === 1 && character !== '\uFFFD') codes.set(character, [byte]);
  }
  if (set.romaji) codes.set('\\', [0x5c]); // the delimiter of values keeps its code
  return codes;
}

function doubleByteCodes(label: string): Map<string, number[]> {
  const codes = new Map<string, number[]>();
  const decoder = new TextDecoder(label);
  for (let lead = 0; lead < 0x80; lead++) codes.set(String.fromCharCode(lead), [lead]);
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const character = decode(decoder, [lead, trail]);
      if (character.length === 1 && character !== '\uFFFD') codes.set(character, [lead, trail]);
    }
  }
  return codes;
}

function decode(decoder: InstanceType<typeof TextDecoder>, codes: number[]): string {
  return decoder.decode(Uint8Array.from(codes));
}

function tableEncoder(codes: Map<string, number[]>): Encoder {
  return (text) => {
    const out: number[] = [];
    for (const character of text) {
      const code = codes.get(character);
      if (!code) return undefined;
      out.push(...code);
    }
    return Uint8Array.from(out);
  };
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7e || byte === 0x1b) return false;
  }
  return true;
}
