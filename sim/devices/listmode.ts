/** A word to be put into a list-mode stream at a millisecond of the frame. */
export interface Tag {
  ms: number;
  word: number;
}

const TIME_TAG = 0b100;
const TIME_MASK = 0x1fff_ffff;

/**
 * Puts tags at the end of their millisecond: before the first time tag that is later, or at the end of the words.
 * @param words 32-bit list-mode words in time order; @param tags in time order
 */
export function insertTags(words: Uint32Array, tags: readonly Tag[]): Uint32Array {
  if (tags.length === 0) return words;
  const out = new Uint32Array(words.length + tags.length);
  let from = 0;
  let written = 0;
  let next = 0;
  const copyTo = (end: number) => {
    out.set(words.subarray(from, end), written);
    written += end - from;
    from = end;
  };
  for (let i = 0; i < words.length && next < tags.length; i++) {
    const word = words[i]!;
    if (word >>> 29 !== TIME_TAG) continue;
    const ms = word & TIME_MASK;
    while (next < tags.length && tags[next]!.ms < ms) {
      copyTo(i);
      out[written++] = tags[next++]!.word;
    }
  }
  copyTo(words.length);
  for (; next < tags.length; next++) out[written++] = tags[next]!.word;
  return out;
}
