/** Where the table stands for a patient plane, and how far a spiral must run beyond the slices it serves. */

import type { Millimetre } from '../../hal/base/units.js';
import { TABLE_ACCELERATION } from '../../hal/contract/table.js';
import type { CtRange, TopogramRange } from './plan.js';

/** Distance from the CT isocentre to the PET centre along the table, mm; nominal. */
export const PET_OFFSET_MM = 800;
/** Table travel at which the laser marks the patient's landmark plane, mm; nominal. */
export const LANDMARK_MM = 800;
/** PET planes of one bed and their pitch (TrueV). */
export const PET_PLANES = 109;
export const PET_PLANE_MM = 2.027;
/** Planes that neighbouring beds share. */
export const BED_OVERLAP_PLANES = 43;

export function tableForCt(z: Millimetre, landmarkMm: Millimetre): Millimetre {
  return landmarkMm - z;
}

export function tableForPet(z: Millimetre, landmarkMm: Millimetre): Millimetre {
  return landmarkMm + PET_OFFSET_MM - z;
}

/** Patient z at the CT isocentre for a table travel. */
export function patientZ(tableMm: Millimetre, landmarkMm: Millimetre): Millimetre {
  return landmarkMm - tableMm;
}

export interface FeedPlan {
  /** Where the table waits before it starts. */
  start: Millimetre;
  windowStart: Millimetre;
  windowEnd: Millimetre;
  stop: Millimetre;
  speed: number;
  /** Beam-on time, s. */
  seconds: number;
}

export function spiralSpeed(range: CtRange): number {
  return (range.pitch * range.rows * range.rowPitchMm) / range.rotationTime;
}

/**
 * The feed of a topogram or spiral. The table travels inward, so the scan runs from `toZ` (head) to `fromZ`.
 * A spiral radiates half a collimation and three quarters of a turn more at each end, so that the end slices have full data.
 */
export function feedPlan(range: TopogramRange | CtRange, landmarkMm: Millimetre): FeedPlan {
  const spiral = range.kind === 'ct';
  const speed = spiral ? spiralSpeed(range) : range.tableSpeed;
  const width = range.rows * range.rowPitchMm;
  const thickest = spiral ? Math.max(...range.recons.map((recon) => recon.thicknessMm)) : 0;
  const margin = spiral ? width / 2 + 0.75 * speed * range.rotationTime + thickest / 2 : 0;
  const windowStart = tableForCt(range.toZ + margin, landmarkMm);
  const windowEnd = tableForCt(range.fromZ - margin, landmarkMm);
  const ramp = (speed * speed) / (2 * TABLE_ACCELERATION) + 5;
  return {
    start: windowStart - ramp,
    windowStart,
    windowEnd,
    stop: windowEnd + ramp,
    speed,
    seconds: (windowEnd - windowStart) / speed,
  };
}

/** Bed centres that cover `fromZ`..`toZ`, feet first, evenly overlapped around the middle of the span. */
export function bedCentres(fromZ: Millimetre, toZ: Millimetre): Millimetre[] {
  const bed = PET_PLANES * PET_PLANE_MM;
  const step = (PET_PLANES - BED_OVERLAP_PLANES) * PET_PLANE_MM;
  const count = Math.max(1, Math.ceil((toZ - fromZ - bed) / step - 1e-9) + 1);
  const middle = (fromZ + toZ) / 2;
  return Array.from({ length: count }, (_, bedIndex) => middle + (bedIndex - (count - 1) / 2) * step);
}
