/**
 * Water calibration of the CT: exposes water slabs of known thickness at each tube voltage and fits the polynomial that turns a
 * measured -ln(I / air) into the line integral of water, which removes beam hardening. Writes runtime/recon/calibration/ct-water.json.
 *
 *   npx tsx scripts/calibrate-ct.ts
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CT_GEOMETRY } from '../native/physics.js';
import { exposeCt } from '../sim/physics/ct.js';
import { flattenPhantom } from '../sim/physics/flatten.js';
import { parsePhantom } from '../sim/physics/phantom.js';
import { TUBE } from '../sim/physics/spectra.js';

const OUT = new URL('../runtime/recon/calibration/ct-water.json', import.meta.url);
const THICKNESSES_MM = [2, 5, 10, 20, 30, 45, 60, 80, 100, 125, 150, 175, 200, 230, 260, 300, 340, 380, 420, 460, 500];
const READINGS = 64;
const MAS_PER_READING = 2000; // far above clinical, so that thick slabs still show many quanta
const DEGREE = 5;
/** The thickness at which the calibrated water value equals what a narrow beam measures. */
const REFERENCE_MM = 200;

interface Sample {
  measured: number;
  thicknessMm: number;
}

/** Mean log attenuation in the 32 middle channels behind a slab, and the mean thickness that their rays cross. */
async function measureSlab(kVp: number, thicknessMm: number): Promise<Sample> {
  const slab = { kind: 'box', label: 'slab', material: 'water', centreMm: [0, 0, 0], sizeMm: [400, thicknessMm, 200] };
  const phantom = parsePhantom({ name: 'slab', description: '', source: '', shapes: [slab] }, 'calibration slab');
  const words = await exposeCt({
    phantom: flattenPhantom(phantom),
    kVp,
    angles: new Float64Array(READINGS),
    sourceZ: new Float64Array(READINGS),
    mAsPerReading: new Float64Array(READINGS).fill(MAS_PER_READING),
    rows: 1,
    rowPitchMm: 1.2,
    seed: 20 * kVp + thicknessMm,
  });
  const { channels, channelAngle, channelOffset } = CT_GEOMETRY;
  let measured = 0;
  let obliquity = 0;
  for (let c = channels / 2 - 16; c < channels / 2 + 16; c++) {
    obliquity += 1 / Math.cos((c - (channels - 1) / 2 + channelOffset) * channelAngle) / 32;
    for (let r = 0; r < READINGS; r++) measured += (words[r * channels + c]! - 1024) / 4096 / (32 * READINGS);
  }
  return { measured, thicknessMm: thicknessMm * obliquity };
}

/** Solves a symmetric system by Gauss elimination with pivoting. */
function solve(matrix: number[][], right: number[]): number[] {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let k = 0; k < n; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? i + k : best), k);
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let k = n - 1; k >= 0; k--) {
    let rest = rows[k]![n]!;
    for (let j = k + 1; j < n; j++) rest -= rows[k]![j]! * x[j]!;
    x[k] = rest / rows[k]![k]!;
  }
  return x;
}

/** Least squares of sum a_k p^k = mu t without a constant term; thin slabs weigh more, as their share of an image does. */
function fit(samples: readonly Sample[], muWaterPerMm: number): number[] {
  const scale = Math.max(...samples.map((s) => s.measured));
  const matrix = Array.from({ length: DEGREE }, () => new Array<number>(DEGREE).fill(0));
  const right = new Array<number>(DEGREE).fill(0);
  for (const { measured, thicknessMm } of samples) {
    const weight = 1 / (0.05 + measured) ** 2;
    for (let i = 0; i < DEGREE; i++) {
      const a = (measured / scale) ** (i + 1);
      right[i]! += weight * a * muWaterPerMm * thicknessMm;
      for (let j = 0; j < DEGREE; j++) matrix[i]![j]! += weight * a * (measured / scale) ** (j + 1);
    }
  }
  return solve(matrix, right).map((a, i) => a / scale ** (i + 1));
}

const table: Record<string, { muWaterPerMm: number; coefficients: number[] }> = {};
for (const kVp of TUBE.kVp) {
  const samples: Sample[] = [];
  for (const thickness of THICKNESSES_MM) samples.push(await measureSlab(kVp, thickness));
  const reference = samples[THICKNESSES_MM.indexOf(REFERENCE_MM)]!;
  const muWaterPerMm = reference.measured / reference.thicknessMm;
  const coefficients = fit(samples, muWaterPerMm);
  const residual = samples.map((s) => {
    const corrected = coefficients.reduce((sum, a, k) => sum + a * s.measured ** (k + 1), 0);
    return Math.abs(corrected / (muWaterPerMm * s.thicknessMm) - 1);
  });
  table[kVp] = { muWaterPerMm, coefficients };
  console.error(
    `${kVp} kV: mu ${muWaterPerMm.toFixed(6)} /mm, largest error ${(100 * Math.max(...residual)).toFixed(3)} %`,
  );
}
mkdirSync(new URL('.', OUT), { recursive: true });
writeFileSync(OUT, `${JSON.stringify(table, null, 2)}\n`);
console.error(`wrote ${fileURLToPath(OUT)}`);
