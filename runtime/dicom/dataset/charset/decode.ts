import iconv from 'iconv-lite';
import { type CodeElement, elementOf, escapeOf, REGISTRATIONS } from './elements.js';
import type { CharacterSet } from './terms.js';

const ESC = 0x1b;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ESCAPES = REGISTRATIONS.map((registration) => ({ registration, sequence: escapeOf(registration) }));

/** Which sets are invoked while a value is read or written. */
export interface ShiftState {
  g0: CodeElement;
  g1: CodeElement | undefined;
}

export interface DecodedBytes {
  text: string;
  /** High bytes came while no set stood in G1: they were read as Latin-1 where they stand. */
  strays: boolean;
}

/**
 * Characters of bytes, or undefined when a byte has none in the set: what then is the caller's choice.
 * Escape sequences of sets that were not declared are followed too: they can mean nothing else.
 * @param delimiters printable bytes that return to the initial sets; controls always do (PS3.5 6.1.2.5.3)
 */
export function decodeBytes(
  bytes: Uint8Array,
  set: CharacterSet,
  delimiters: ReadonlySet<number>,
): DecodedBytes | undefined {
  if (set.alone !== undefined) {
    const text = decodeAlone(bytes, set.alone);
    return text === undefined ? undefined : { text, strays: false };
  }
  const state: ShiftState = { g0: set.g0, g1: set.g1 };
  let text = '';
  let strays = false;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    if (byte === ESC) {
      const length = invoke(bytes, at, state);
      if (length === 0) return undefined;
      at += length;
      continue;
    }
    const element = byte < 0x80 ? state.g0 : state.g1;
    const control = byte < 0x20 || byte === 0x7f;
    if (control || (delimiters.has(byte) && !(element?.double && isLow(bytes[at + 1])))) {
      state.g0 = set.g0;
      state.g1 = set.g1;
      text += String.fromCharCode(byte);
      at++;
      continue;
    }
    strays ||= !element;
    const character = characterAt(bytes, at, element ?? elementOf('100'));
    if (character === undefined) return undefined;
    text += character;
    at += element?.double && byte !== 0x20 ? 2 : 1;
  }
  return { text, strays };
}

/** True for a byte that may end a pair in G0; where none does, a delimiter is one though nobody went back to letters. */
function isLow(byte: number | undefined): boolean {
  return byte !== undefined && byte > 0x20 && byte < 0x7f;
}

function characterAt(bytes: Uint8Array, at: number, element: CodeElement): string | undefined {
  const byte = bytes[at]!;
  if (byte === 0x20) return ' '; // is a space in every set
  if (byte >= 0x80 && byte < 0xa0) return undefined; // the controls of C1 are not used
  if (!element.double) return element.characters.get(byte & 0x7f);
  const second = bytes[at + 1];
  // both bytes of a pair come from the same side
  if (second === undefined || (second ^ byte) >= 0x80) return undefined;
  return element.characters.get(((byte & 0x7f) << 8) | (second & 0x7f));
}

/** Follows the escape sequence at `at`. @returns its length, 0 when it is none that we know */
function invoke(bytes: Uint8Array, at: number, state: ShiftState): number {
  const found = ESCAPES.find(({ sequence }) => sequence.every((byte, i) => bytes[at + i] === byte));
  if (!found) return 0;
  const element = elementOf(found.registration);
  if (element.set === 'G0') state.g0 = element;
  else state.g1 = element;
  return found.sequence.length;
}

function decodeAlone(bytes: Uint8Array, encoding: string): string | undefined {
  if (encoding === 'utf8') {
    try {
      return utf8.decode(bytes);
    } catch {
      return undefined;
    }
  }
  const text = iconv.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), encoding, {
    stripBOM: false,
  });
  // a replacement character in the text is a fault, unless it was written
  if (!text.includes('\uFFFD')) return text;
  return iconv.encode(text, encoding).equals(bytes) ? text : undefined;
}

/** Latin-1 as the last resort: `?` for what it cannot hold, the controls of C1 and the lone escape. */
export function decodeAnyway(bytes: Uint8Array): { text: string; lost: number } {
  let text = '';
  let lost = 0;
  for (const byte of bytes) {
    const good = byte !== ESC && byte !== 0x7f && (byte < 0x80 || byte >= 0xa0);
    if (!good) lost++;
    text += good ? String.fromCharCode(byte) : '?';
  }
  return { text, lost };
}
