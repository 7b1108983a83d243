/** The methods of statement Table 75 on a cylinder and on a small source: scale, and how sharp each is. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PetReconOptions, reconstructPet, sortListmode } from '../../native/pet.js';
import { type PetMethodName, petMethod } from '../../runtime/protocol/petrecon.js';
import { uniformNormalisation } from '../../runtime/recon/petcalibration.js';
import { perfectScale, simulatePrompts } from './petsource.js';

const test = suite('pet methods');
/** OSEM3D with and without TOF have tests of their own. */
const OTHERS = ['Backprojection', 'Backprojection+TOF', 'OSEM2D', 'PSF+TOF'] as const;
const SHARPNESS = ['Backprojection+TOF', 'OSEM2D', 'OSEM3D+TOF', 'PSF+TOF'] as const;
const VOXEL = 4.07283;
const SLICE = 2.027;

async function images(words: Uint32Array, names: readonly PetMethodName[], change: Partial<PetReconOptions> = {}) {
  const found = new Map<PetMethodName, Float32Array>();
  for (const name of names) {
    const { algorithm, rebinned, tof, psf } = petMethod(name);
    const events = await sortListmode({ words, prompts: words.length, tof });
    const { data } = await reconstructPet({
      algorithm,
      rebinned,
      matrix: 200,
      iterations: 2,
      subsets: 21,
      events,
      tofFwhmPs: 540,
      psfFwhmMm: psf ? 4 : 0,
      filter: { window: 'Gauss', fwhmMm: 5 },
      scale: perfectScale(),
      normalisation: uniformNormalisation(),
      ...change,
    });
    found.set(name, data);
  }
  return found;
}

/** Mean inside [r0, r1) about the axis over the slices [z0, z1). */
function mean(data: Float32Array, r0: number, r1: number, z0: number, z1: number): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < 40_000; i++) {
    const r = Math.hypot((i % 200) - 99.5, Math.floor(i / 200) - 99.5) * VOXEL;
    if (r < r0 || r >= r1) continue;
    for (let z = z0; z < z1; z++) sum += data[z * 40_000 + i]!;
    count += z1 - z0;
  }
  return sum / count;
}

test('the methods read the activity of a cylinder, flat from the axis outward', async () => {
  const source = { radiusMm: 60, halfLengthMm: 130 };
  const perMl = 4000;
  const words = simulatePrompts(source, (perMl * Math.PI * 60 ** 2 * 260) / 1000, 540, 1);
  for (const [name, data] of await images(words, OTHERS, { iterations: 1 })) {
    const values = [mean(data, 0, 45, 20, 89), mean(data, 0, 20, 20, 89), mean(data, 25, 45, 20, 89)].map(
      (value) => value / perMl,
    );
    for (const value of values) assert.ok(Math.abs(value - 1) < 0.05, `${name}: ${values}`);
    const outside = mean(data, 120, 250, 20, 89) / perMl;
    assert.ok(Math.abs(outside) < 0.01, `${name}: ${outside} outside`);
  }
});

interface Spot {
  total: number;
  centre: number[];
  /** Root mean square width in plane and along z, mm. */
  plane: number;
  axial: number;
}

/** Moments of an image within 25 mm of a place. */
function spotOf(data: Float32Array, at: readonly number[]): Spot {
  const sums = [0, 0, 0];
  const squares = [0, 0, 0];
  let total = 0;
  data.forEach((value, i) => {
    const p = [
      ((i % 200) - 99.5) * VOXEL,
      ((Math.floor(i / 200) % 200) - 99.5) * VOXEL,
      (Math.floor(i / 4e4) - 54) * SLICE,
    ];
    if (Math.hypot(p[0]! - at[0]!, p[1]! - at[1]!, p[2]! - at[2]!) > 25) return;
    total += value;
    p.forEach((mm, axis) => {
      sums[axis]! += value * mm;
      squares[axis]! += value * mm * mm;
    });
  });
  const centre = sums.map((sum) => sum / total);
  const variance = squares.map((square, axis) => square / total - centre[axis]! ** 2);
  const plane = Math.sqrt((variance[0]! + variance[1]!) / 2);
  return { total: (total * VOXEL * VOXEL * SLICE) / 1000, centre, plane, axial: Math.sqrt(variance[2]!) };
}

test('a small source off the axis: its place, its decays, and the order of resolution', async () => {
  const at = [70, -50, 12] as const;
  const words = simulatePrompts({ radiusMm: 2, halfLengthMm: 2, x: at[0], y: at[1], z: at[2] }, 300_000, 540, 3);
  const spots = new Map<PetMethodName, Spot>();
  for (const [name, data] of await images(words, SHARPNESS, { iterations: 1, filter: { window: 'none' } })) {
    const spot = spotOf(data, at);
    const off = Math.hypot(...spot.centre.map((mm, axis) => mm - at[axis]!));
    assert.ok(off < 1.5, `${name}: ${spot.centre}`);
    assert.ok(Math.abs(spot.total / 300_000 - 1) < 0.12, `${name}: ${spot.total} decays`);
    spots.set(name, spot);
  }
  const shown = JSON.stringify([...spots]);
  const { plane, axial } = Object.fromEntries(
    (['plane', 'axial'] as const).map((key) => [key, (name: PetMethodName) => spots.get(name)![key]]),
  ) as Record<'plane' | 'axial', (name: PetMethodName) => number>;
  assert.ok(plane('PSF+TOF') < plane('OSEM3D+TOF'), shown);
  assert.ok(axial('OSEM3D+TOF') < axial('OSEM2D') && axial('OSEM3D+TOF') < axial('Backprojection+TOF'), shown);
});

test('direct inversion has values below zero and needs no iterations; threads do not matter', async () => {
  const words = simulatePrompts({ radiusMm: 30, halfLengthMm: 60 }, 200_000, 540, 5);
  for (const name of ['Backprojection', 'Backprojection+TOF'] as const) {
    const { rebinned, tof } = petMethod(name);
    const events = await sortListmode({ words, prompts: words.length, tof });
    const job: PetReconOptions = {
      algorithm: 'backprojection',
      rebinned,
      matrix: 200,
      iterations: 1,
      subsets: 1,
      events,
      tofFwhmPs: 540,
      psfFwhmMm: 0,
      filter: { window: 'Hanning', fwhmMm: 6 },
      scale: perfectScale(),
      normalisation: uniformNormalisation(),
    };
    const one = await reconstructPet(job, { threads: 1 });
    const two = await reconstructPet(job, { threads: 2 });
    assert.ok(one.data.every((value, i) => value === two.data[i]));
    assert.ok(one.data.some((value) => value < 0));
  }
});

test.run();
