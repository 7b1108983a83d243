/** Simulated scanner to image: list mode of the physics through the whole PET reconstruction. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { makeMuMap } from '../../runtime/recon/mumap.js';
import { type PetBed, type PetJob, reconstructPetSeries } from '../../runtime/recon/pet.js';
import { combineBeds, SLICE_SENSITIVITY } from '../../runtime/recon/petbeds.js';
import { loadPetCalibration } from '../../runtime/recon/petcalibration.js';
import { petGrid } from '../../runtime/recon/petgrid.js';
import { frameTiming } from '../../runtime/recon/pettiming.js';
import type { Volume } from '../../runtime/recon/volume.js';
import { flattenPhantom } from '../../sim/physics/flatten.js';
import { nuclide } from '../../sim/physics/nuclides.js';
import { crystalEfficiencies, SCANNER, scanPet } from '../../sim/physics/pet.js';
import { loadPhantom } from '../../sim/physics/phantom.js';

const test = suite('pet series');
const BED_STEP = 66 * 2.027;

/** CT of a water cylinder in air: 2 mm pixels, 5 mm slices. */
function cylinderCt(radiusMm: number, fromZ: number, toZ: number): Volume {
  const [n, spacing] = [256, 2];
  const slices = Math.round((toZ - fromZ) / 5) + 1;
  const slice = Float32Array.from({ length: n * n }, (_, i) => {
    const r = Math.hypot((i % n) - (n - 1) / 2, Math.floor(i / n) - (n - 1) / 2) * spacing;
    return r < radiusMm ? 0 : -1000;
  });
  const data = new Float32Array(n * n * slices);
  for (let z = 0; z < slices; z++) data.set(slice, z * n * n);
  const corner = (-(n - 1) / 2) * spacing;
  return { data, size: [n, n, slices], spacing: [spacing, spacing, 5], origin: [corner, corner, fromZ], unit: 'HU' };
}

/** Mean in the cylinder about the axis, patient z from..to. */
function meanAt(v: Volume, radiusMm: number, fromZ: number, toZ: number): number {
  const [nx, ny, nz] = v.size;
  let sum = 0;
  let count = 0;
  for (let z = 0; z < nz; z++) {
    const at = v.origin[2] + z * v.spacing[2];
    if (at < fromZ || at > toZ) continue;
    for (let i = 0; i < nx * ny; i++) {
      const x = v.origin[0] + (i % nx) * v.spacing[0];
      const y = v.origin[1] + Math.floor(i / nx) * v.spacing[1];
      if (Math.hypot(x, y) >= radiusMm) continue;
      sum += v.data[z * nx * ny + i]!;
      count++;
    }
  }
  return sum / count;
}

/** The uniform cylinder with short-lived activity, each bed scanned after the other. */
async function scanBeds(centres: number[], seconds: number): Promise<PetBed[]> {
  const phantom = flattenPhantom(loadPhantom('uniform-cylinder'), { activityScale: 0.6 });
  const beds: PetBed[] = [];
  for (const [index, petCentreZMm] of centres.entries()) {
    const referenceSeconds = -600 * index; // ten minutes between beds
    const scan = {
      phantom,
      petCentreZMm,
      nuclide: 'C-11',
      startSeconds: 0,
      durationSeconds: seconds,
      referenceSeconds,
    };
    const { words } = await scanPet({ ...scan, seed: 5 + index });
    beds.push({ words, centreZ: petCentreZMm, startedAt: index * 600_000, seconds });
  }
  return beds;
}

function jobOf(beds: PetBed[], ct: Volume | undefined): PetJob {
  const { halfLifeSeconds, positronBranching } = nuclide('C-11');
  return {
    method: {
      label: 'PET',
      method: 'OSEM3D+TOF',
      iterations: 2,
      subsets: 21,
      matrix: 200,
      filter: { window: 'Gauss', fwhmMm: 5 },
    },
    beds,
    ct: ct && { volume: ct, kv: 120 },
    halfLifeSeconds,
    positronFraction: positronBranching,
    seriesStart: 0,
    calibration: loadPetCalibration(),
  };
}

test('a uniform cylinder reads its activity at the series start, over two beds and their overlap', async () => {
  const centres = [-BED_STEP / 2, BED_STEP / 2];
  const beds = await scanBeds(centres, 12);
  const progress: number[] = [];
  const series = await reconstructPetSeries(jobOf(beds, cylinderCt(100, -200, 200)), {
    onProgress: (fraction) => progress.push(fraction),
  });
  const expected = 5000 * 0.6;
  const { volume } = series;
  assert.equal(volume.size, [200, 200, 109 + 66]);
  assert.ok(Math.abs(volume.origin[2] + 87 * 2.027) < 1e-6);
  for (const [from, to] of [
    [-100, 100],
    [-110, -60],
    [-25, 25],
    [60, 110],
  ] as const) {
    const ratio = meanAt(volume, 75, from, to) / expected;
    assert.ok(Math.abs(ratio - 1) < 0.05, `z ${from} to ${to}: ${ratio}`);
  }
  const centreToEdge = meanAt(volume, 30, -80, 80) / meanAt(volume, 80, -80, 80);
  assert.ok(Math.abs(centreToEdge - 1) < 0.03, `centre to mean ${centreToEdge}`);
  assert.equal([series.bedOfSlice[0], series.bedOfSlice.at(-1)], [0, 1]);
  assert.is(series.reconstructionMethod, 'OSEM3D+TOF 2i21s');
  assert.is(series.convolutionKernel, 'XYZ Gauss5.00');
  assert.ok(series.beds[1]!.decayFactor > 1.35 && series.beds[1]!.decayFactor < 1.45, 'ten minutes of C-11');
  const s = series.beds[0]!.statistics;
  assert.ok(s.randoms > 0.005 * s.prompts && s.trues === s.prompts - s.randoms && s.corruptWords === 0);
  assert.ok(Math.abs(s.promptsPerSecond * 12 - s.prompts) < 1);
  assert.ok(progress.at(-1) === 1 && progress.every((p, i) => p >= (progress[i - 1] ?? 0)));
});

test('errors name what is wrong; cancelling stops a series', async () => {
  const code = async (job: PetJob, signal?: AbortSignal) => {
    try {
      await reconstructPetSeries(job, { signal });
    } catch (error) {
      assert.instance(error, ScannerError);
      return (error as ScannerError).code;
    }
    return 'none';
  };
  const empty: PetBed = { words: new Uint32Array(0), centreZ: 0, startedAt: 0, seconds: 10 };
  assert.is(await code(jobOf([empty], undefined)), 'data.missing');
  assert.is(await code(jobOf([], undefined)), 'data.missing');
  const beds = await scanBeds([0], 0.5);
  assert.is(await code(jobOf(beds, cylinderCt(100, 400, 500))), 'data.invalid');
  assert.is(await code(jobOf(beds, undefined), AbortSignal.timeout(300)), 'timeout.aborted');
});

test('the mu map has water where the CT has it, air beyond, and says how much it misses', async () => {
  const { volume, outsideFraction } = await makeMuMap(cylinderCt(100, -300, 0), 120, 0);
  assert.is(volume.unit, '1/mm');
  assert.ok(Math.abs(meanAt(volume, 80, -100, -20) - 0.0096) < 1e-5);
  assert.ok(meanAt(volume, 80, 30, 110) === 0);
  const x150 = volume.data[54 * 40_000 + 99 * 200 + 99 + 37]!;
  assert.ok(x150 < 1e-6, `${x150} at 150 mm`);
  assert.ok(
    Math.abs(meanAt(volume, 130, -100, -20) / 0.0096 - (100 / 130) ** 2) < 0.01,
    'the edge is neither lost nor moved',
  );
  assert.ok(outsideFraction > 0.45 && outsideFraction < 0.85, `${outsideFraction}`);
});

test('bone is converted by tube voltage: dense material has less at 511 keV than its HU suggest', async () => {
  const bone: Volume = { ...cylinderCt(100, -150, 150) };
  bone.data = bone.data.map((hu) => (hu === 0 ? 1000 : hu));
  const at = async (kv: number) => meanAt((await makeMuMap(bone, kv, 0)).volume, 70, -50, 50);
  const values = [await at(80), await at(120), await at(140)];
  const expected = [0.01354, 0.01491, 0.01536];
  for (const [i, value] of values.entries()) assert.ok(Math.abs(value - expected[i]!) < 5e-5, `${values}`);
  try {
    await at(97);
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'operator.unknown');
  }
});

test('beds combine by sensitivity, at whole and at broken slice distances', async () => {
  const bed = (centreZ: number, value: number): Volume => {
    const grid = petGrid(200, centreZ);
    return { ...grid, unit: 'BQML', data: new Float32Array(109 * 40_000).fill(value) };
  };
  const { volume, bedOfSlice } = await combineBeds([bed(0, 10), bed(BED_STEP, 20)]);
  const slice = (v: Volume, z: number) => v.data[z * 40_000 + 777]!;
  assert.equal([slice(volume, 0), slice(volume, 65), slice(volume, 174)], [10, 10, 20]);
  // middle of the overlap: both weigh the same
  assert.ok(Math.abs(slice(volume, 87) - 15) < 1e-4 && bedOfSlice[80] === 0 && bedOfSlice[95] === 1);
  const [a, b] = [SLICE_SENSITIVITY[70]!, SLICE_SENSITIVITY[4]!];
  assert.ok(Math.abs(slice(volume, 70) - (10 * a + 20 * b) / (a + b)) < 1e-4);
  const broken = await combineBeds([bed(0, 10), bed(BED_STEP + 0.7, 20)]);
  assert.ok(broken.volume.data.every((value) => value > 9.999 && value < 20.001));
});

/** Means over groups of 2 crystals x 11 rings: what the mashed data can tell apart. */
function groupMeans(at: (ring: number, crystal: number) => number): number[] {
  const means: number[] = [];
  for (let crystal = 0; crystal < 672; crystal += 2) {
    for (let ring = 0; ring < 55; ring += 11) {
      const all = Array.from({ length: 22 }, (_, k) => at(ring + (k % 11), crystal + Math.floor(k / 11)));
      const real = all.filter((efficiency) => efficiency > 0);
      if (real.length > 15) means.push(real.reduce((a, b) => a + b) / real.length);
    }
  }
  return means;
}

test('the calibration file belongs to the scanner that is simulated', () => {
  const { crystals, geometric, axial } = loadPetCalibration().normalisation;
  const truth = crystalEfficiencies(SCANNER);
  const found = groupMeans((ring, crystal) => crystals[crystal * 55 + ring]!);
  const real = groupMeans((ring, crystal) => truth[ring * 672 + crystal]!);
  assert.is(found.length, real.length);
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  const [meanFound, meanReal] = [mean(found), mean(real)];
  const product = (a: number[], b: number[], ma: number, mb: number) => mean(a.map((x, i) => (x - ma) * (b[i]! - mb)));
  const correlation =
    product(found, real, meanFound, meanReal) /
    Math.sqrt(product(found, found, meanFound, meanFound) * product(real, real, meanReal, meanReal));
  assert.ok(correlation > 0.6, `correlation ${correlation}: run scripts/calibrate-pet.ts again`);
  assert.ok(crystals.every((e, i) => (e === 0) === ((i % 55) % 14 === 13 || Math.floor(i / 55) % 14 === 13)));
  assert.ok(geometric.every((g) => g > 0.8 && g < 1.2) && axial.every((a) => a > 0.5 && a < 1.5));
});

test('frame times follow the standard', () => {
  const { frameReferenceTimeMs, decayFactor } = frameTiming(300_000, 120, 0, 6586.2);
  const lambda = Math.LN2 / 6586.2;
  const x = lambda * 120;
  assert.ok(Math.abs(frameReferenceTimeMs - 1000 * (300 + Math.log(x / (1 - Math.exp(-x))) / lambda)) < 1e-3);
  assert.ok(Math.abs(decayFactor - (Math.exp(lambda * 300) * x) / (1 - Math.exp(-x))) < 1e-9);
  // a frame much shorter than the half life is at its middle
  assert.ok(Math.abs(frameTiming(0, 1, 0, 1e9).frameReferenceTimeMs - 500) < 1e-3);
});

test.run();
