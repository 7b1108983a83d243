/** From a protocol and what the operator changed to a scan plan whose limits are checked. */

import { ScannerError } from '../../hal/base/errors.js';
import { checkPlan } from './check.js';
import type { ProtocolDefinition, RangeDefinition } from './definition.js';
import { bedCentres } from './geometry.js';
import type { PetRange, ScanPlan, ScanRange } from './plan.js';

/** What an operator may change for one examination. */
export interface PlanOptions {
  landmarkMm: number;
  /** Anode heat at the start, HU. */
  anodeHeat?: number;
  /** Seconds a PET bed instead of the protocol's. */
  bedSeconds?: number;
  /** Scanned span of every range in patient mm instead of the protocol's. */
  span?: { fromZ: number; toZ: number };
  /** Tube current of CT ranges, mA. */
  ma?: number;
}

/**
 * @throws ScannerError limit.range, limit.heat naming the range and the limit; operator.usage for a span upside down.
 * Nothing has moved by then.
 */
export function planScan(definition: ProtocolDefinition, options: PlanOptions): ScanPlan {
  for (const range of definition.ranges) checkSpan(range.label, options.span ?? range);
  const ranges = definition.ranges.map((range, index) => planRange(range, `R${index + 1}`, options));
  const plan: ScanPlan = {
    protocol: definition.name,
    title: definition.title,
    dosePhantom: definition.dosePhantom,
    bodyPart: definition.bodyPart,
    ranges,
  };
  checkPlan(plan, options);
  return plan;
}

/** Patient planes that any table position could bring under a detector, mm around the landmark. */
const REACH_MM = 2000;

function checkSpan(label: string, { fromZ, toZ }: { fromZ: number; toZ: number }): void {
  for (const value of [fromZ, toZ]) {
    if (Math.abs(value) <= REACH_MM) continue;
    throw new ScannerError('limit.range', { what: `${label}: span`, value, unit: 'mm', min: -REACH_MM, max: REACH_MM });
  }
  if (toZ > fromZ) return;
  throw new ScannerError('operator.usage', {
    message: `${label}: span ${fromZ} to ${toZ} mm: its end must lie above its start`,
  });
}

function planRange(range: RangeDefinition, id: string, options: PlanOptions): ScanRange {
  const span = options.span ?? { fromZ: range.fromZ, toZ: range.toZ };
  switch (range.kind) {
    case 'topogram':
      return { ...range, ...span, id };
    case 'ct':
      return { ...range, ...span, id, ma: options.ma ?? range.ma };
    case 'pet':
      return planPet(range, span, id, options);
  }
}

function planPet(
  range: Extract<RangeDefinition, { kind: 'pet' }>,
  span: { fromZ: number; toZ: number },
  id: string,
  options: PlanOptions,
): PetRange {
  const seconds = range.frames.length
    ? range.frames.reduce((sum, frame) => sum + frame, 0)
    : (options.bedSeconds ?? range.secondsPerBed);
  const beds = bedCentres(span.fromZ, span.toZ).map((centreZ) => ({ centreZ, seconds }));
  const { kind, label, organ, gating, frames, recons } = range;
  return { kind, id, label, organ, beds, gating, frames, recons };
}
