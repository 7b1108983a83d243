/** The daily check: PET of the uniform cylinder beside its known activity, and CT of the same water. */

import { ScannerError } from '../../hal/base/errors.js';
import type { TruthReport } from '../recon/truth.js';
import type { Volume } from '../recon/volume.js';
import { regionOf } from './region.js';
import { around, type Check, type Curve, type Measured } from './report.js';

export const DAILY = { ct: 'QC CT 5.0 B31f', pet: 'QC PET' } as const;

/** Parts of the known activity, and of the mean. */
const ACTIVITY_PART = 0.05;
const UNIFORM_PART = 0.05;
const WATER_HU = 4;
/** Radius within the cylinder of 200 mm that resolution and rim do not reach, mm. */
const CORE = 80;
const CENTRE = 40;
/** Slices so far from the middle are seen by few rings, mm. */
const AXIAL = 80;
const STEP = 20;

/**
 * @param volumes by Series Description
 * @param truth of the PET series
 * @param rates of the PET scan, counts a second
 * @throws ScannerError data.missing
 */
export function measureDaily(
  volumes: ReadonlyMap<string, Volume>,
  truth: TruthReport,
  rates: { promptsPerSecond: number; randomsPerSecond: number; singlesPerSecond: number },
): Measured {
  const [ct, pet] = [DAILY.ct, DAILY.pet].map((name) => {
    const volume = volumes.get(name);
    if (!volume) throw new ScannerError('data.missing', { what: `series ${name}` });
    return volume;
  }) as [Volume, Volume];
  const centre = [0, 0] as const;
  const middle = { centre, fromZ: -AXIAL, toZ: AXIAL };
  const whole = regionOf(pet, { ...middle, inner: 0, outer: CORE });
  const rings = steps(0, CORE).map((inner): [number, number] => {
    const ring = regionOf(pet, { ...middle, inner, outer: inner + STEP });
    return [inner + STEP / 2, ring.mean / whole.mean];
  });
  const slabs = steps(-AXIAL, AXIAL).map((fromZ): [number, number] => {
    const slab = regionOf(pet, { centre, inner: 0, outer: CORE, fromZ, toZ: fromZ + STEP });
    return [fromZ + STEP / 2, slab.mean / whole.mean];
  });
  const water = regionOf(ct, { ...middle, inner: 0, outer: CENTRE });
  const trues = rates.promptsPerSecond - rates.randomsPerSecond;
  const checks: Check[] = [
    {
      name: 'Measured beside known activity',
      value: 1 + (truth.bias ?? Number.NaN),
      unit: '',
      ...around(1, ACTIVITY_PART),
    },
    { name: 'Uniformity across: farthest ring', value: 100 * farthest(rings), unit: '%', max: 100 * UNIFORM_PART },
    { name: 'Uniformity along: farthest slab', value: 100 * farthest(slabs), unit: '%', max: 100 * UNIFORM_PART },
    { name: 'Noise of voxels', value: (100 * whole.deviation) / whole.mean, unit: '%' },
    { name: 'Water in CT', value: water.mean, unit: 'HU', ...around(0, WATER_HU) },
    { name: 'True coincidences', value: trues / 1000, unit: 'kcps', min: 1 },
    {
      name: 'Randoms among prompts',
      value: (100 * rates.randomsPerSecond) / rates.promptsPerSecond,
      unit: '%',
      min: 0,
    },
    { name: 'Singles', value: rates.singlesPerSecond / 1e6, unit: 'Mcps', min: 0.001 },
  ];
  return { checks, curves: [profile('across', 'radius', rings), profile('along', 'z', slabs)] };
}

function steps(from: number, to: number): number[] {
  return Array.from({ length: Math.round((to - from) / STEP) }, (_, i) => from + i * STEP);
}

function farthest(points: readonly [number, number][]): number {
  return Math.max(...points.map(([, value]) => Math.abs(value - 1)));
}

function profile(way: string, axis: string, points: [number, number][]): Curve {
  return {
    title: `Activity ${way} the cylinder`,
    x: { name: axis, unit: 'mm' },
    y: { name: 'beside the mean', unit: '' },
    lines: [{ name: DAILY.pet, points }],
  };
}
