/** `?` is treated as `*`, and several of them are one: statement, 3.4.3.1.3. */
export function asPattern(text: string): string {
  return text.replace(/[*?]+/g, '*');
}

/** True when `*` in the pattern can stand for any characters so that it becomes the text. Takes time in proportion to both lengths at most. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let from = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      from = t;
    } else if (pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
