import { expectArgument } from './addon.js';

/** Detector channels of a row. */
export const CT_CHANNELS = 736;
/** Largest fan angle, rad: 367.75 channels of 1.2858 mm at 1085.6 mm. */
const HALF_FAN = (367.75 * 1.2858) / 1085.6;

/** Where the gantry and the table were, reading by reading. */
export interface CtTrace {
  /** rad; 0 is above the patient, growing toward patient left; may wrap at a turn. */
  angles: Float64Array;
  /** Plane of the source, patient mm; constant or moving one way. */
  sourceZ: Float64Array;
  rows: number;
  /** At the isocentre. */
  rowPitchMm: number;
}

/** @throws ScannerError native.argument */
export function expectTrace(kernel: string, trace: CtTrace): void {
  const { angles, sourceZ, rows, rowPitchMm } = trace;
  expectArgument(kernel, 'rows', Number.isInteger(rows) && rows >= 1 && rows <= 256, rows, '1 to 256');
  expectArgument(kernel, 'rowPitchMm', rowPitchMm > 0 && rowPitchMm <= 20, rowPitchMm, 'above 0, up to 20');
  const anglesOk = angles instanceof Float64Array && angles.length >= 2 && angles.every(Number.isFinite);
  expectArgument(kernel, 'angles', anglesOk, firstBad(angles), 'Float64Array of at least 2 finite angles');
  const zOk = sourceZ instanceof Float64Array && sourceZ.length === angles.length && sourceZ.every(Number.isFinite);
  expectArgument(kernel, 'sourceZ', zOk, firstBad(sourceZ), `Float64Array of ${angles.length} finite positions`);
  const turn = turningBack(sourceZ);
  expectArgument(kernel, 'sourceZ', turn < 0, `turning back at reading ${turn}`, 'a table that moves one way');
}

/** First reading that lies more than an encoder's noise behind the furthest one before it, or -1. */
function turningBack(sourceZ: Float64Array): number {
  const direction = sourceZ[sourceZ.length - 1]! >= sourceZ[0]! ? 1 : -1;
  let furthest = -Infinity;
  return sourceZ.findIndex((z) => {
    furthest = Math.max(furthest, z * direction);
    return furthest - z * direction > 0.1;
  });
}

function firstBad(values: Float64Array | undefined): string {
  const bad = values?.findIndex((value) => !Number.isFinite(value)) ?? -1;
  return bad >= 0 ? `${values![bad]} at reading ${bad}` : `${values?.length} values`;
}

export interface ReconstructableRange {
  /** Patient mm; a sequence with gaps may lack slices between. */
  fromZ: number;
  toZ: number;
  covers(z: number): boolean;
}

/**
 * The slices for which every ray direction was measured through their full thickness: for both faces of the slice the gantry
 * swept half a turn and the fan somewhere within the collimation.
 * @param trace with `thicknessMm` of the slices; planes without thickness when absent
 * @returns undefined when there is none
 * @throws ScannerError native.argument when the gantry stands still or runs backward
 */
export function reconstructableRange(trace: CtTrace & { thicknessMm?: number }): ReconstructableRange | undefined {
  const { sourceZ, rows, rowPitchMm } = trace;
  const reach = (rows * rowPitchMm) / 2;
  const covers = coverage(trace);
  const low = Math.min(sourceZ[0]!, sourceZ[sourceZ.length - 1]!) - reach;
  const high = Math.max(sourceZ[0]!, sourceZ[sourceZ.length - 1]!) + reach;
  const steps = Math.ceil((high - low) / (rowPitchMm / 4));
  const at = (step: number) => low + ((high - low) * step) / steps;
  let first = 0;
  while (first <= steps && !covers(at(first))) first++;
  if (first > steps) return undefined;
  let last = steps;
  while (!covers(at(last))) last--;
  return { fromZ: at(first), toZ: at(last), covers };
}

/**
 * Tells of a slice whether `reconstructableRange` covers it, without looking for the range's ends.
 * @throws ScannerError native.argument when the gantry stands still or runs backward
 */
export function coverage(trace: CtTrace & { thicknessMm?: number }): (z: number) => boolean {
  const { sourceZ, rows, rowPitchMm } = trace;
  const ascending = sourceZ[sourceZ.length - 1]! >= sourceZ[0]!;
  const reach = (rows * rowPitchMm) / 2;
  const sweep = new Sweep(trace.angles);
  const half = (trace.thicknessMm ?? 0) / 2;
  const planeCovered = (z: number): boolean => {
    const position = (i: number) => (ascending ? sourceZ[i]! - z : z - sourceZ[i]!);
    const first = lowerBound(sourceZ.length, (i) => position(i) >= -reach - 1e-6);
    const last = lowerBound(sourceZ.length, (i) => position(i) > reach + 1e-6) - 1;
    return sweep.widest(first, last) >= Math.PI + 2 * HALF_FAN - sweep.step;
  };
  return (z) => planeCovered(z - half) && planeCovered(z + half);
}

/** How far the gantry turned between readings, and where readings are missing. */
class Sweep {
  readonly step: number;
  private readonly swept: Float64Array;
  /** First reading of the gap-free run that each reading belongs to. */
  private readonly runStart: Int32Array;

  constructor(angles: Float64Array) {
    const steps = new Float64Array(angles.length - 1);
    for (let i = 0; i < steps.length; i++) {
      const forward = angles[i + 1]! - angles[i]!;
      steps[i] = forward < 0 ? forward - 2 * Math.PI * Math.floor(forward / (2 * Math.PI)) : forward;
    }
    this.step = Float64Array.from(steps).sort()[steps.length >> 1]!;
    const views = Math.round(Math.PI / this.step);
    const stepOk = views >= 45 && views <= 5000 && steps.every((value) => value > 0);
    expectArgument(
      'reconstructCt',
      'angles',
      stepOk,
      `steps of ${this.step} rad`,
      'a gantry turning forward, 90 to 10000 readings a turn',
    );
    this.swept = new Float64Array(angles.length);
    this.runStart = new Int32Array(angles.length);
    for (let i = 1; i < angles.length; i++) {
      this.swept[i] = this.swept[i - 1]! + steps[i - 1]!;
      this.runStart[i] = steps[i - 1]! < 2.5 * this.step ? this.runStart[i - 1]! : i;
    }
  }

  /** The widest gap-free sweep within readings first to last, rad. */
  widest(first: number, last: number): number {
    let widest = 0;
    for (let end = last; end >= first; ) {
      const start = Math.max(first, this.runStart[end]!);
      widest = Math.max(widest, this.swept[end]! - this.swept[start]!);
      end = start - 1;
    }
    return widest;
  }
}

/** The first index of 0 .. count for which `ok` holds, which must hold for all after it. */
function lowerBound(count: number, ok: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ok(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
