/**
 * Consistent Overhead Byte Stuffing (Cheshire and Baker 1999): takes every 0x00 out of a packet so that 0x00 can stand
 * between packets. Overhead is one byte for each 254 and one more.
 */

/** Most bytes an encoded packet of `length` bytes can take, the delimiter not counted. */
export function cobsBound(length: number): number {
  return length + Math.ceil(length / 254) + 1;
}

// below this many bytes a plain loop beats a call into native copy
const SHORT = 24;

/**
 * Writes the encoded packet into `target` from `at`, without delimiter.
 * @returns the index behind the last byte written.
 */
export function cobsEncode(source: Buffer, target: Buffer, at = 0): number {
  const length = source.length;
  let from = 0;
  let zero = source.indexOf(0);
  for (;;) {
    if (zero < 0) zero = length;
    while (zero - from >= 254) {
      target[at++] = 0xff;
      source.copy(target, at, from, from + 254);
      at += 254;
      from += 254;
      if (from === length) return at;
    }
    const run = zero - from;
    target[at++] = run + 1;
    if (run < SHORT) for (let i = from; i < zero; i++) target[at++] = source[i]!;
    else {
      source.copy(target, at, from, zero);
      at += run;
    }
    if (zero === length) return at;
    from = zero + 1;
    zero = nextZero(source, from, length);
  }
}

function nextZero(source: Buffer, from: number, length: number): number {
  const near = Math.min(length, from + SHORT);
  for (let i = from; i < near; i++) if (source[i] === 0) return i;
  return near === length ? length : source.indexOf(0, near);
}

/**
 * Decodes one packet (no delimiter in it) into `target`, which must hold `source.length` bytes.
 * @returns the number of bytes decoded, or -1 when the packet is malformed.
 */
export function cobsDecode(source: Buffer, target: Buffer): number {
  const length = source.length;
  let from = 0;
  let at = 0;
  while (from < length) {
    const code = source[from++]!;
    const end = from + code - 1;
    if (code === 0 || end > length) return -1;
    if (code <= SHORT) while (from < end) target[at++] = source[from++]!;
    else {
      source.copy(target, at, from, end);
      at += code - 1;
      from = end;
    }
    if (code < 0xff && from < length) target[at++] = 0;
  }
  return length === 0 ? -1 : at;
}
