import { ScannerError } from '../../../hal/base/errors.js';
import { decodeAnyway, decodeBytes } from './charset/decode.js';
import { encodeCharacters, type Missing } from './charset/encode.js';
import { type CharacterSet, characterSetOf } from './charset/terms.js';
import { vrRule } from './dictionary.js';

/** Text of an element, and how it was come by. */
export interface ReadText {
  text: string;
  /** The bytes did not fit the declared set and were taken as ISO_IR 100. */
  mismatch: boolean;
  /** Characters that ISO_IR 100 does not have either: they became `?`. */
  lost: number;
}

/** Something about a dataset's text that its writer should know. */
export interface TextNote {
  /** `set`: Specific Character Set is misspelled or unknown; `bytes`: a value does not fit it. */
  kind: 'set' | 'bytes';
  tag: string;
  /** Specific Character Set as it came. */
  declared: string;
  /** What it was taken for; empty for the default repertoire. */
  used: string;
  /** Characters that became `?`. */
  lost: number;
}

const BACKSLASH = 0x5c;
const NAME_DELIMITERS: ReadonlySet<number> = new Set([BACKSLASH, 0x5e, 0x3d]);
const VALUE_DELIMITERS: ReadonlySet<number> = new Set([BACKSLASH]);
const NO_DELIMITERS: ReadonlySet<number> = new Set();

/**
 * Reads the text of an element, all its values. Bytes that do not fit the declared set are taken as ISO_IR 100 and what
 * that cannot hold becomes `?`: statement chapter 7.
 * @param terms Specific Character Set (0008,0005), its values joined by a backslash; undefined for the default repertoire
 */
export function readText(bytes: Uint8Array, terms: string | undefined, vr: string): ReadText {
  const set = characterSetOf(terms);
  if (set.g0.registration === '6' && isAscii(bytes)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    return { text, mismatch: false, lost: 0 };
  }
  const decoded = decodeBytes(bytes, set, delimitersOf(vr));
  if (decoded) return { text: decoded.text, mismatch: decoded.strays, lost: 0 };
  return { ...decodeAnyway(bytes), mismatch: true };
}

/** What a misspelled or unknown Specific Character Set is taken for; undefined when there is nothing to say of it. */
export function correctedTerms(terms: string): string | undefined {
  const set = characterSetOf(terms);
  return set.declaredWell ? undefined : set.terms;
}

/**
 * Bytes of a text, all values of an element, in the sets that `terms` declares.
 * @param missing what to do with a character that they do not have: refuse the text, or write `?`
 * @throws ScannerError data.text
 */
export function encodeText(
  value: string,
  terms: string | undefined,
  vr: string,
  missing: Missing = 'refuse',
): Uint8Array {
  const set = characterSetOf(terms);
  const bytes = asciiOf(value, set) ?? encodeCharacters(value, set, delimitersOf(vr), missing);
  if (!bytes) throw new ScannerError('data.text', { text: value, set: terms || 'ISO_IR 6' });
  return bytes;
}

/**
 * The first of the given sets which can write every text: what an authored object declares.
 * @param choices each a Specific Character Set, its values joined by a backslash
 */
export function chooseCharacterSet(values: readonly string[], choices: readonly string[]): string | undefined {
  return choices.find((terms) => {
    const set = characterSetOf(terms);
    const writes = (value: string, delimiters: ReadonlySet<number>) =>
      encodeCharacters(value, set, delimiters, 'refuse') !== undefined;
    return values.every(
      (value) => asciiOf(value, set) || (writes(value, NAME_DELIMITERS) && writes(value, NO_DELIMITERS)),
    );
  });
}

/** The values of Specific Character Set as PS3.3 spells them: for a declaration that came from outside. */
export function definedTerms(declared: readonly string[]): string {
  return characterSetOf(declared.join('\\')).terms;
}

function delimitersOf(vr: string): ReadonlySet<number> {
  if (vr === 'PN') return NAME_DELIMITERS;
  return vrRule(vr)?.kind === 'paragraph' ? NO_DELIMITERS : VALUE_DELIMITERS;
}

/** The bytes of a text that needs no set but the default repertoire, where `set` starts with it: most do. */
function asciiOf(value: string, set: CharacterSet): Buffer | undefined {
  const latin = Buffer.from(value, 'latin1');
  const plain = set.g0.registration === '6' && isAscii(latin) && latin.toString('latin1') === value;
  return plain ? latin : undefined;
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7e || byte === 0x1b) return false;
  }
  return true;
}
