/** A seed of its own for each part of a simulation: 32-bit mixing (splitmix) of a base seed and some numbers. */
export function mixSeed(seed: number, ...parts: readonly number[]): number {
  let state = seed >>> 0;
  for (const part of parts) {
    state = (state ^ (part >>> 0)) + 0x9e3779b9;
    state = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    state = Math.imul(state ^ (state >>> 15), 0x735a2d97);
    state = (state ^ (state >>> 15)) >>> 0;
  }
  return state >>> 0;
}
