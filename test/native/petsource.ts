/** An independent little Monte Carlo of the rings for the tests: its own geometry in plain TypeScript, perfect detectors. */

export interface Source {
  /** Cylinder along z. */
  radiusMm: number;
  halfLengthMm: number;
  x?: number;
  y?: number;
  z?: number;
  /** 1/mm inside a cylinder of the same axis with `bodyRadiusMm`. */
  mu?: number;
  bodyRadiusMm?: number;
}

/** Small seeded generator (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const RADIUS = 427.6;
const SEGMENT_STARTS = [0, 109, 206, 303, 378, 453, 506, 559, 590];

/** Prompt address of two crystals and the time A - B in ps, by search through views: slow path of the definition. */
export function promptWord(r1: number, c1: number, r2: number, c2: number, dt: number): number {
  let [ringA, ringB, time] = [r1, r2, dt];
  let t = (((c1 - c2 + 336) % 672) + 672) % 672;
  if (t >= 336) t -= 672;
  let view = (((c1 - Math.floor(t / 2)) % 672) + 672) % 672;
  if (view >= 336) {
    view -= 336;
    t = -t;
    [ringA, ringB, time] = [r2, r1, -dt];
  }
  const difference = ringB - ringA;
  const order = Math.floor((Math.abs(difference) + 5) / 11);
  const tof = 6 + Math.round(time / 312);
  if (t < -200 || t > 199 || Math.abs(difference) > 49 || tof < 0 || tof > 12) return -1;
  const segment = order === 0 ? 0 : 2 * order - (difference < 0 ? 1 : 0);
  const smallest = order === 0 ? 0 : 11 * order - 5;
  const plane = SEGMENT_STARTS[segment]! + ringA + ringB - smallest;
  return 0x4000_0000 + t + 200 + 400 * ((view >> 1) + 168 * (plane + 621 * tof));
}

/**
 * Prompts of `decays` annihilations, every real crystal detects all that reaches it.
 * @param tofFwhmPs timing blur
 */
export function simulatePrompts(source: Source, decays: number, tofFwhmPs: number, seed: number): Uint32Array {
  const random = seeded(seed);
  const words: number[] = [];
  const { radiusMm, halfLengthMm, x = 0, y = 0, z = 0, mu = 0, bodyRadiusMm = radiusMm } = source;
  const cosMax = 0.3; // steeper photons miss the rings from anywhere within 200 mm of the axis
  for (let n = Math.round(decays * cosMax); n > 0; n--) {
    const rho = radiusMm * Math.sqrt(random());
    const turn = 2 * Math.PI * random();
    const [px, py] = [rho * Math.cos(turn), rho * Math.sin(turn)];
    const pz = z + halfLengthMm * (2 * random() - 1);
    const cosTheta = cosMax * (2 * random() - 1);
    const sinTheta = Math.sqrt(1 - cosTheta * cosTheta);
    const phi = 2 * Math.PI * random();
    const [ux, uy] = [Math.cos(phi), Math.sin(phi)];
    const chord = (2 * Math.sqrt(Math.max(0, bodyRadiusMm ** 2 - (px * uy - py * ux) ** 2))) / sinTheta;
    if (mu > 0 && random() > Math.exp(-mu * chord)) continue;
    const word = detect(px + x, py + y, pz, ux, uy, cosTheta / sinTheta, tofFwhmPs, random);
    if (word >= 0) words.push(word);
  }
  return Uint32Array.from(words);
}

function detect(
  px: number,
  py: number,
  pz: number,
  ux: number,
  uy: number,
  slope: number,
  tofFwhmPs: number,
  random: () => number,
): number {
  const along = px * ux + py * uy;
  const half = Math.sqrt(RADIUS ** 2 - px * px - py * py + along * along);
  const [s1, s2] = [-along + half, -along - half];
  const ring = (s: number) => Math.round((pz + s * slope) / 4.054 + 27);
  const crystal = (s: number) =>
    (Math.round((Math.atan2(px + s * ux, -(py + s * uy)) * 672) / (2 * Math.PI)) + 672) % 672;
  const [r1, r2, c1, c2] = [ring(s1), ring(s2), crystal(s1), crystal(s2)];
  if (Math.min(r1, r2) < 0 || Math.max(r1, r2) > 54) return -1;
  if ([r1, r2, c1, c2].some((n) => n % 14 === 13)) return -1;
  const blur = (tofFwhmPs / 2.3548) * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const time = ((Math.abs(s1) - Math.abs(s2)) * Math.sqrt(1 + slope * slope)) / 0.299792458;
  return promptWord(r1, c1, r2, c2, time + blur);
}

/** Image units of the kernel to Bq/ml for perfect crystals and a number of decays a ml (not a rate). */
export function perfectScale(): number {
  const face = ((2 * Math.PI * RADIUS) / 672) * 4.054;
  return 1 / ((face * face * 1e-3) / (8 * Math.PI * RADIUS ** 2));
}
