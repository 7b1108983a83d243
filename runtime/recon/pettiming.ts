/** Times and decay of a PET frame (PS3.3 C.8.9.4: Frame Reference Time, Decay Factor). */

import type { Millisecond, Second } from '../../hal/base/units.js';

export interface FrameTiming {
  /** When the activity equalled its mean over the frame, ms after the series start (0054,1300). */
  frameReferenceTimeMs: Millisecond;
  /** Mean activity of the frame to activity at the series start (0054,1321). */
  decayFactor: number;
}

/** @param start,seriesStart scanner time, ms since the epoch */
export function frameTiming(
  start: Millisecond,
  seconds: Second,
  seriesStart: Millisecond,
  halfLifeSeconds: Second,
): FrameTiming {
  const lambda = Math.LN2 / halfLifeSeconds;
  const x = lambda * seconds;
  // ln(x / (1 - exp(-x))) loses its digits for short frames, where it is x / 2 - x^2 / 24
  const meanDecay = x > 1e-4 ? Math.log(x / -Math.expm1(-x)) : x / 2 - (x * x) / 24;
  const referenceSeconds = (start - seriesStart) / 1000 + meanDecay / lambda;
  return { frameReferenceTimeMs: 1000 * referenceSeconds, decayFactor: Math.exp(lambda * referenceSeconds) };
}
