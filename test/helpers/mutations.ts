import type { Random } from './random.js';

/** Numbers that lie, as lengths: none, one too many, signed and unsigned extremes. */
const LIES = [0, 1, 2, 5, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0xfffffffe, 0xffffffff];

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const MUTATIONS: Record<string, Mutation> = {
  flipBits: (bytes, random) => {
    const out = Buffer.from(bytes);
    for (let n = 1 + random.below(6); n > 0 && out.length > 0; n--)
      out[random.below(out.length)]! ^= 1 << random.below(8);
    return out;
  },
  truncate: (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  cutOut: (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(16))]);
  },
  splice: (bytes, random, other) =>
    Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1))]),
  insert: (bytes, random) => {
    const at = random.below(bytes.length + 1);
    const noise = Buffer.from(Array.from({ length: 1 + random.below(12) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
  lieLittle: (bytes, random) => lie(bytes, random, (out, value, at) => out.writeUInt32LE(value, at)),
  lieBig: (bytes, random) => lie(bytes, random, (out, value, at) => out.writeUInt32BE(value, at)),
  double: (bytes) => Buffer.concat([bytes, bytes]),
};
const ALL = Object.values(MUTATIONS);

/** A message changed in one of eight ways: bits, cuts, splices with another, insertions, lengths that lie, repetition. */
export function mutate(bytes: Buffer, random: Random, other: Buffer): Buffer {
  return random.pick(ALL)(bytes, random, other);
}

function lie(bytes: Buffer, random: Random, write: (out: Buffer, value: number, at: number) => void): Buffer {
  if (bytes.length < 4) return bytes;
  const out = Buffer.from(bytes);
  // lengths stand on even offsets, near the head of what they measure more often than not
  const reach = random.below(2) === 0 ? Math.min(16, out.length - 3) : out.length - 3;
  write(out, random.pick(LIES), random.below(reach) & ~1);
  return out;
}
