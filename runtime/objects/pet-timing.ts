import type { Millisecond, Second } from '../../hal/base/units.js';
import type { Scope } from './fill.js';

/**
 * Frame Reference Time (0054,1300), ms from the series' start to the moment at which the frame's mean activity holds, and Decay
 * Factor (0054,1321), which brings the frame's mean back to the series' start. PS3.3 C.8.9.4.1.5 and 1.6.
 * @param halfLife s; undefined when no nuclide is known: then nothing decays
 */
export function frameTiming(frame: {
  startedAt: Millisecond;
  seconds: Second;
  seriesStart: Millisecond;
  halfLife: Second | undefined;
}): Scope & { frameReferenceTime: number; decayFactor: number } {
  const { startedAt, seconds, seriesStart, halfLife } = frame;
  const offset = (startedAt - seriesStart) / 1000;
  if (halfLife === undefined) return { frameReferenceTime: 1000 * (offset + seconds / 2), decayFactor: 1 };
  const lambda = Math.LN2 / halfLife;
  const x = lambda * seconds;
  // ln(x / (1 - exp(-x))) / lambda; for small x the quotient is 1 + x/2, and expm1 keeps its digits
  const within = x > 0 ? Math.log(x / -Math.expm1(-x)) / lambda : 0;
  const frameReferenceTime = 1000 * (offset + within);
  return { frameReferenceTime, decayFactor: Math.exp((lambda * frameReferenceTime) / 1000) };
}
