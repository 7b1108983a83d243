/** What a quality control run found. */

/** A figure with the limits that it must keep; one without limits is for the record. */
export interface Check {
  name: string;
  value: number;
  unit: string;
  min?: number;
  max?: number;
}

/** A curve for people to look at. */
export interface Curve {
  title: string;
  x: { name: string; unit: string };
  y: { name: string; unit: string };
  lines: { name: string; points: [x: number, y: number][] }[];
}

export interface Measured {
  checks: Check[];
  curves: Curve[];
}

export interface QcReport extends Measured {
  procedure: string;
  title: string;
  /** ISO 8601. */
  startedAt: string;
  aeTitle: string;
  stationName: string;
  version: string;
  /** The examination that was measured. */
  examId: string;
  studyInstanceUid: string;
  /** Every limit was kept. */
  passed: boolean;
}

export function keeps({ value, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: Check): boolean {
  return value >= min && value <= max; // NaN keeps none
}

/** Limits on both sides of a value that should be. */
export function around(should: number, by: number): { min: number; max: number } {
  return { min: should - by, max: should + by };
}
