/** Every limit that a plan must keep. Checked before anything moves; the device checks again for itself. */

import { ScannerError } from '../../hal/base/errors.js';
import { CT_DETECTOR } from '../../hal/contract/ctdetector.js';
import { ROTATION_TIMES } from '../../hal/contract/gantry.js';
import { GENERATOR_LIMITS, heatOf } from '../../hal/contract/generator.js';
import { TABLE_LIMITS } from '../../hal/contract/table.js';
import { feedPlan, tableForPet } from './geometry.js';
import type { CtRange, PetRange, ScanPlan, ScanRange, TopogramRange } from './plan.js';
import type { PlanOptions } from './planner.js';

interface Check {
  what: string;
  value: number;
  unit: string;
  min: number;
  max: number;
}

const PITCH_RANGE = [0.3, 1.5] as const;
const BED_SECONDS_RANGE = [1, 7200] as const;

function oneOf(what: string, value: number, unit: string, allowed: readonly number[]): Check {
  const ok = allowed.some((item) => Math.abs(item - value) < 1e-9);
  // a value between the allowed ones is reported against the nearest
  const nearest = allowed.reduce((best, item) => (Math.abs(item - value) < Math.abs(best - value) ? item : best));
  return ok ? { what, value, unit, min: value, max: value } : { what, value, unit, min: nearest, max: nearest };
}

function within(what: string, value: number, unit: string, [min, max]: readonly [number, number]): Check {
  return { what, value, unit, min, max };
}

function beamChecks(range: TopogramRange | CtRange, landmarkMm: number): Check[] {
  const feed = feedPlan(range, landmarkMm);
  const collimation = CT_DETECTOR.collimations.find((c) => c.rows === range.rows && c.rowPitchMm === range.rowPitchMm);
  return [
    oneOf('tube voltage', range.kv, 'kV', GENERATOR_LIMITS.kv),
    within('tube current', range.ma, 'mA', GENERATOR_LIMITS.ma),
    within('tube power', (range.kv * range.ma) / 1000, 'kW', [0, GENERATOR_LIMITS.kilowatt]),
    within('exposure time', feed.seconds, 's', [0.05, GENERATOR_LIMITS.exposureSeconds]),
    within('table speed', feed.speed, 'mm/s', TABLE_LIMITS.horizontalMmPerSecond),
    within('table start', feed.start, 'mm', TABLE_LIMITS.horizontalMm),
    within('table end', feed.stop, 'mm', TABLE_LIMITS.horizontalMm),
    collimation
      ? within('detector rows', range.rows, '', [1, 64])
      : oneOf(
          'collimation',
          range.rows * range.rowPitchMm,
          'mm',
          CT_DETECTOR.collimations.map((c) => c.rows * c.rowPitchMm),
        ),
  ];
}

function ctChecks(range: CtRange, landmarkMm: number): Check[] {
  return [
    ...beamChecks(range, landmarkMm),
    oneOf('rotation time', range.rotationTime, 's', ROTATION_TIMES),
    within('pitch', range.pitch, '', PITCH_RANGE),
    ...range.recons.flatMap((recon) => [
      within('slice thickness', recon.thicknessMm, 'mm', [range.rowPitchMm, 20]),
      within('field of view', recon.fovMm, 'mm', [50, 780]),
    ]),
  ];
}

function petChecks(range: PetRange, landmarkMm: number): Check[] {
  return range.beds.flatMap((bed) => [
    within('table for bed', tableForPet(bed.centreZ, landmarkMm), 'mm', TABLE_LIMITS.horizontalMm),
    within('bed time', bed.seconds, 's', BED_SECONDS_RANGE),
  ]);
}

function checksOf(range: ScanRange, landmarkMm: number): Check[] {
  switch (range.kind) {
    case 'topogram':
      return beamChecks(range, landmarkMm);
    case 'ct':
      return ctChecks(range, landmarkMm);
    case 'pet':
      return petChecks(range, landmarkMm);
  }
}

/** Heat that all exposures of the plan put into the anode, without credit for cooling in between, HU. */
export function plannedHeat(plan: ScanPlan, landmarkMm: number): number {
  return plan.ranges.reduce(
    (heat, range) =>
      range.kind === 'pet' ? heat : heat + heatOf(range.kv, range.ma, feedPlan(range, landmarkMm).seconds),
    0,
  );
}

/** @throws ScannerError limit.range or limit.heat */
export function checkPlan(plan: ScanPlan, options: PlanOptions): void {
  for (const range of plan.ranges) {
    for (const { what, value, unit, min, max } of checksOf(range, options.landmarkMm)) {
      if (value >= min - 1e-9 && value <= max + 1e-9) continue;
      throw new ScannerError('limit.range', { what: `${range.label}: ${what}`, value: round(value), unit, min, max });
    }
  }
  const heat = (options.anodeHeat ?? 0) + plannedHeat(plan, options.landmarkMm);
  if (heat > GENERATOR_LIMITS.anodeHeat) {
    throw new ScannerError('limit.heat', { value: Math.round(heat), max: GENERATOR_LIMITS.anodeHeat });
  }
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
