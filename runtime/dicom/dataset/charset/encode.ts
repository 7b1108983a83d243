import iconv from 'iconv-lite';
import type { ShiftState } from './decode.js';
import type { CodeElement } from './elements.js';
import type { CharacterSet } from './terms.js';

/** What to do with a character that the set does not have. */
export type Missing = 'refuse' | 'replace';

interface WriteState extends ShiftState {
  /** Invoked last; undefined while nothing was since the initial sets. */
  latest: CodeElement | undefined;
}

const QUESTION_MARK = 0x3f;

/**
 * Bytes of a text. Sets are invoked by escape sequences where the declaration allows several, and the initial ones stand
 * again before every delimiter and control and at the end: PS3.5 6.1.2.5.3.
 * @returns undefined when a character is missing and `missing` is 'refuse'
 */
export function encodeCharacters(
  text: string,
  set: CharacterSet,
  delimiters: ReadonlySet<number>,
  missing: Missing,
): Buffer | undefined {
  if (set.alone !== undefined) return encodeAlone(text, set.alone, missing);
  const state: WriteState = { g0: set.g0, g1: set.g1, latest: undefined };
  const out: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x20 || code === 0x7f || delimiters.has(code)) {
      restore(state, set, out);
      out.push(code);
    } else if (!write(character, state, set, delimiters, out)) {
      if (missing === 'refuse') return undefined;
      restore(state, set, out);
      out.push(QUESTION_MARK);
    }
  }
  restore(state, set, out);
  return Buffer.from(out);
}

function write(
  character: string,
  state: WriteState,
  set: CharacterSet,
  delimiters: ReadonlySet<number>,
  out: number[],
): boolean {
  // what is invoked comes first: the fewest escape sequences
  for (const element of [state.g0, state.g1, ...set.elements]) {
    const code = element?.codes.get(character);
    if (!element || code === undefined) continue;
    // the yen sign shares its code with the backslash, and there the backslash delimits
    if (!element.double && element.set === 'G0' && delimiters.has(code)) continue;
    if (needsEscape(element, state, set)) {
      out.push(...element.escape);
      if (element.set === 'G0') state.g0 = element;
      else state.g1 = element;
      state.latest = element;
    }
    out.push(...bytesOf(element, code));
    return true;
  }
  return false;
}

/**
 * Many readers decode what follows an escape sequence with that one set, though G0 and G1 are invoked apart. For them an
 * escape sequence is repeated where the other side's came last; letters after a set in G1 need none.
 */
function needsEscape(element: CodeElement, { g0, latest }: WriteState, set: CharacterSet): boolean {
  if (!latest) return element !== set.g0 && element !== set.g1;
  if (latest === element) return false;
  return !(latest.set === 'G1' && element === set.g0 && g0 === set.g0);
}

function bytesOf(element: CodeElement, code: number): number[] {
  const high = element.set === 'G1' ? 0x80 : 0;
  return element.double ? [(code >> 8) | high, (code & 0xff) | high] : [code | high];
}

/** Back to the initial sets. Where G1 is empty at first nothing can be invoked: readers empty it at the delimiter. */
function restore(state: WriteState, set: CharacterSet, out: number[]): void {
  if (state.g0 !== set.g0) out.push(...set.g0.escape);
  if (set.g1 && state.g1 !== set.g1) out.push(...set.g1.escape);
  state.g0 = set.g0;
  state.g1 = set.g1;
  state.latest = undefined;
}

function encodeAlone(text: string, encoding: string, missing: Missing): Buffer | undefined {
  const whole = text.replace(/\p{Surrogate}/gu, '?'); // half a character
  const bytes = iconv.encode(whole, encoding);
  if (missing === 'replace') return bytes; // the library writes ? for what it does not have
  return whole === text && (encoding === 'utf8' || iconv.decode(bytes, encoding) === text) ? bytes : undefined;
}
