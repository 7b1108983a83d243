/** CT of the water phantom: Hounsfield units of water and air at each tube voltage, uniformity, and noise with dose. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Volume } from '../recon/volume.js';
import { type Region, regionOf } from './region.js';
import { around, type Check, type Curve, type Measured } from './report.js';

/** Series of the protocol, by their description. */
export const WATER_SERIES: readonly { description: string; kv: number; ma: number }[] = [
  { description: '80 kV', kv: 80, ma: 160 },
  { description: '100 kV', kv: 100, ma: 160 },
  { description: '120 kV', kv: 120, ma: 160 },
  { description: '140 kV', kv: 140, ma: 160 },
  { description: '120 kV quarter dose', kv: 120, ma: 40 },
];

/** Water is 0 HU by definition; what is taken as good. */
const WATER_HU = 2;
const EDGE_HU = 4;
const AIR_HU = 10;
/** Quantum noise falls as the square root of the dose: a quarter of it gives twice the noise, within this part. */
const NOISE_PART = 0.05;
/** Radii within the cylinder of 200 mm, and around it, mm. */
const CENTRE = 40;
const EDGE = [75, 92] as const;
const AIR = [125, 170] as const;
const PROFILE_STEP = 5;

/** @param volumes by Series Description @throws ScannerError data.missing */
export function measureWater(volumes: ReadonlyMap<string, Volume>): Measured {
  const measured = WATER_SERIES.map((series) => {
    const volume = volumes.get(series.description);
    if (!volume) throw new ScannerError('data.missing', { what: `series ${series.description}` });
    const at = (inner: number, outer: number) => regionOf(volume, { ...slab(volume), inner, outer });
    return { ...series, volume, centre: at(0, CENTRE), edge: at(...EDGE), air: at(...AIR) };
  });
  const noiseOf = (description: string) => measured.find((one) => one.description === description)!.centre.deviation;
  const ratio = noiseOf('120 kV quarter dose') / noiseOf('120 kV');
  return {
    checks: [
      ...measured.flatMap(checksOf),
      {
        name: 'Noise at a quarter of the dose beside noise at the whole',
        value: ratio,
        unit: '',
        ...around(2, 2 * NOISE_PART),
      },
    ],
    curves: [profiles(measured), noiseCurve(measured)],
  };
}

interface WaterSeries {
  description: string;
  kv: number;
  ma: number;
  volume: Volume;
  centre: Region;
  edge: Region;
  air: Region;
}

/** All slices, around the middle of the field of view. */
function slab({ size, spacing, origin }: Volume) {
  const reach = Math.abs(spacing[2]) / 2;
  return { centre: [0, 0] as const, fromZ: origin[2] - reach, toZ: origin[2] + size[2] * spacing[2] + reach };
}

function checksOf({ description, centre, edge, air }: WaterSeries): Check[] {
  return [
    { name: `Water, ${description}`, value: centre.mean, unit: 'HU', ...around(0, WATER_HU) },
    { name: `Edge beside middle, ${description}`, value: edge.mean - centre.mean, unit: 'HU', ...around(0, EDGE_HU) },
    { name: `Air, ${description}`, value: air.mean, unit: 'HU', ...around(-1000, AIR_HU) },
    // images without noise are not of a detector
    { name: `Noise, ${description}`, value: centre.deviation, unit: 'HU', min: 1 },
  ];
}

function profiles(measured: readonly WaterSeries[]): Curve {
  const radii = Array.from({ length: Math.floor(EDGE[1] / PROFILE_STEP) }, (_, i) => i * PROFILE_STEP);
  return {
    title: 'Water from the middle to the edge',
    x: { name: 'radius', unit: 'mm' },
    y: { name: 'CT number', unit: 'HU' },
    lines: measured.map(({ description, volume }) => ({
      name: description,
      points: radii.map((inner) => {
        const ring = regionOf(volume, { ...slab(volume), inner, outer: inner + PROFILE_STEP });
        return [inner + PROFILE_STEP / 2, ring.mean];
      }),
    })),
  };
}

function noiseCurve(measured: readonly WaterSeries[]): Curve {
  return {
    title: 'Noise in the middle',
    x: { name: 'tube voltage', unit: 'kV' },
    y: { name: 'standard deviation', unit: 'HU' },
    lines: [...new Set(measured.map(({ ma }) => ma))].map((ma) => ({
      name: `${ma} mA`,
      points: measured.filter((one) => one.ma === ma).map(({ kv, centre }) => [kv, centre.deviation]),
    })),
  };
}
