import { reconstructCt } from '../../native/ct.js';
import { type Body, disc, ENDLESS, MU_WATER, type Readings, scan, waterCylinder } from '../helpers/ctphantom.js';
import { referenceSlice } from '../helpers/ctreference.js';
import type { Benchmark } from './benchmark.js';

const INSERT: Body = { x: 60, y: 20, radius: 12, mu: MU_WATER, fromZ: -ENDLESS, toZ: ENDLESS };
const MATRIX = 512;
const FOV_MM = 300;
const SLICES = 32;

/** Projections and the peer's slice take longer than what is measured: once for all runs. */
let prepared: { readings: Readings; peer: ReturnType<typeof peerSlice> } | undefined;

function prepare() {
  const plan = { rows: 16, rowPitchMm: 1.2, turns: 4, feedMm: 15.36, startZ: -30 };
  prepared ??= { readings: scan([waterCylinder(110), INSERT], plan), peer: peerSlice() };
  return prepared;
}

/** Slices a second of a low-dose spiral (16 x 1.2 mm, pitch 0.8, 5 mm slices); the peer reconstructs one slice. */
async function slicesPerSecond(): Promise<{ value: number; peer?: number }> {
  const { readings, peer } = prepare();
  const sliceZ = Array.from({ length: SLICES }, (_, i) => -16 + i);
  const image = { muWaterPerMm: MU_WATER, coefficients: [1], thicknessMm: 5, centreXMm: 0, centreYMm: 0 };
  const started = performance.now();
  const data = await reconstructCt({ ...readings, ...image, sliceZ, fovMm: FOV_MM, matrix: MATRIX });
  const value = (SLICES * 1000) / (performance.now() - started);
  agree(data.subarray((SLICES / 2) * MATRIX * MATRIX), peer.image);
  return { value, peer: 1 / peer.seconds };
}

function peerSlice(): { image: Float32Array; seconds: number } {
  const rotation = scan([waterCylinder(110), INSERT], { rows: 1, rowPitchMm: 1.2, turns: 1, feedMm: 0, startZ: 0 });
  const started = performance.now();
  const image = referenceSlice(rotation, 0, MATRIX, FOV_MM, MU_WATER);
  return { image, seconds: (performance.now() - started) / 1000 };
}

/** A figure of a wrong image would be worth nothing. */
function agree(ours: Float32Array, theirs: Float32Array): void {
  const pixel = FOV_MM / MATRIX;
  for (const [x, y] of [
    [0, 0],
    [60, 20],
    [-80, 0],
  ] as const) {
    const at = [x / pixel + 255.5, y / pixel + 255.5, 6 / pixel] as const;
    const difference = disc(ours, MATRIX, ...at).mean - disc(theirs, MATRIX, ...at).mean;
    if (Math.abs(difference) > 4) throw new Error(`${difference} HU from the reference at ${x}, ${y}`);
  }
}

export const benchmarks: Benchmark[] = [
  { name: 'ct-fbp-512', unit: 'slices/s', peer: 'plain single-thread fan-beam FBP', run: slicesPerSecond },
];
