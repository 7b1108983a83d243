import type { Kilovolt, Milliampere, Millimetre, Second } from '../../hal/base/units.js';
import type { Organ } from './organ.js';
import type { PetReconPlan } from './petrecon.js';

export type { PetReconPlan };

interface RangeBase {
  id: string;
  label: string;
  /** What it looks at. */
  organ?: Organ;
}

/** Scout: standing tube, moving table. z in patient mm; the table moves from `fromZ` to `toZ`. */
export interface TopogramRange extends RangeBase {
  kind: 'topogram';
  kv: Kilovolt;
  ma: Milliampere;
  /** 0 = anterior-posterior (tube above), 90 = lateral. */
  tubeAngle: number;
  fromZ: Millimetre;
  toZ: Millimetre;
  tableSpeed: number;
  rows: number;
  rowPitchMm: Millimetre;
  readingsPerSecond: number;
}

export interface CtReconPlan {
  label: string;
  kernel: string;
  thicknessMm: Millimetre;
  incrementMm: Millimetre;
  fovMm: Millimetre;
  matrix: 512;
  window: { center: number; width: number };
}

/** Spiral CT. `fromZ`..`toZ` is what can be reconstructed at full thickness. */
export interface CtRange extends RangeBase {
  kind: 'ct';
  kv: Kilovolt;
  ma: Milliampere;
  rotationTime: Second;
  rows: number;
  rowPitchMm: Millimetre;
  pitch: number;
  fromZ: Millimetre;
  toZ: Millimetre;
  recons: CtReconPlan[];
}

/** PET beds, from `beds[0]` on; `centreZ` is the patient z at the PET centre. */
export interface PetRange extends RangeBase {
  kind: 'pet';
  beds: { centreZ: Millimetre; seconds: Second }[];
  gating: 'none' | 'ecg' | 'respiration';
  /** Frame lengths of a dynamic scan, s; empty when static. Their sum is the bed's time. */
  frames: Second[];
  recons: PetReconPlan[];
}

/** Ranges that one plan may have. */
export const MAX_RANGES = 20;

export type ScanRange = TopogramRange | CtRange | PetRange;

/** Ranges in order, limits already checked. */
export interface ScanPlan {
  protocol: string;
  title: string;
  dosePhantom: 'HEAD' | 'BODY';
  /** Term of Body Part Examined for all ranges. */
  bodyPart?: string;
  ranges: ScanRange[];
}
