/** Seeded numbers for the simulation outside the kernels. */

function scramble(x: number): number {
  let t = (x + 0x6d2b79f5) >>> 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return (t ^ (t >>> 14)) >>> 0;
}

/** The number in [0, 1) that belongs to (seed, index): any index can be asked for on its own. */
export function uniformAt(seed: number, index: number): number {
  return scramble(scramble(seed >>> 0) ^ scramble(Math.imul(index | 0, 0x9e3779b1) >>> 0)) / 4294967296;
}
