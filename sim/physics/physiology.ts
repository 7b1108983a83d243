/** Heart and breath of the simulated patient, as pure functions of time. */

import type { Millimetre, Second } from '../../hal/base/units.js';
import { uniformAt } from './random.js';

export interface Heart {
  beatsPerMinute: number;
  /** Spread of a beat about its place, as a share of the mean interval; at most 0.2 keeps beats in order. */
  variability: number;
  /** Share of beats that come early; the pause after them is full, so the rhythm stays on its grid. */
  ectopicShare: number;
  seed: number;
}

export const RESTING_HEART: Heart = { beatsPerMinute: 65, variability: 0.03, ectopicShare: 0, seed: 1 };

/** An ectopic beat comes this share of an interval early. */
const ECTOPIC_LEAD = 0.35;

/** Time of one R wave; beat 0 is the one near time 0. */
export function rWaveAt(heart: Heart, beat: number): Second {
  const interval = 60 / heart.beatsPerMinute;
  const jitter = (uniformAt(heart.seed, 2 * beat) - 0.5) * 2 * heart.variability;
  const lead = uniformAt(heart.seed, 2 * beat + 1) < heart.ectopicShare ? ECTOPIC_LEAD : 0;
  return (beat + jitter - lead) * interval;
}

/** R waves with from <= time < to, in order. */
export function rWaves(heart: Heart, from: Second, to: Second): Second[] {
  const interval = 60 / heart.beatsPerMinute;
  const times: Second[] = [];
  for (let beat = Math.floor(from / interval) - 1; beat <= Math.ceil(to / interval) + 1; beat++) {
    const time = rWaveAt(heart, beat);
    if (time >= from && time < to) times.push(time);
  }
  return times;
}

/** Waves of one beat: offset from the R wave (s), width (s), height (mV). Nominal lead II shapes. */
const WAVES = [
  { offset: -0.17, width: 0.025, height: 0.12 },
  { offset: -0.035, width: 0.009, height: -0.12 },
  { offset: 0, width: 0.011, height: 1.1 },
  { offset: 0.03, width: 0.01, height: -0.22 },
  { offset: 0.26, width: 0.045, height: 0.3 },
] as const;

/** ECG signal in mV. */
export function ecgMillivolt(heart: Heart, time: Second): number {
  let sum = 0;
  for (const r of rWaves(heart, time - 0.6, time + 0.4))
    for (const { offset, width, height } of WAVES) sum += height * Math.exp(-0.5 * ((time - r - offset) / width) ** 2);
  return sum;
}

export interface Breath {
  periodSeconds: Second;
  /** Way of the diaphragm from end of expiration to full inspiration. */
  amplitudeMm: Millimetre;
  /** Slow change of the resting position. */
  driftMmPerMinute: number;
  /** Spread of depth from breath to breath, as a share of the amplitude. */
  variability: number;
  seed: number;
}

export const CALM_BREATH: Breath = {
  periodSeconds: 4.5,
  amplitudeMm: 12,
  driftMmPerMinute: 0,
  variability: 0.1,
  seed: 1,
};

/**
 * Position of the diaphragm: 0 at the end of expiration, growing with inspiration. Breaths dwell at expiration as
 * a cos^4 does (Lujan et al. 1999); each begins and ends at rest, so depth may change between them without a step.
 */
export function breathMm(breath: Breath, time: Second): Millimetre {
  const breaths = time / breath.periodSeconds;
  const number = Math.floor(breaths);
  const depth = 1 + breath.variability * (2 * uniformAt(breath.seed, number) - 1);
  const rise = Math.sin(Math.PI * (breaths - number)) ** 4;
  return breath.amplitudeMm * depth * rise + (breath.driftMmPerMinute * time) / 60;
}

/** Times of full inspiration with from <= time < to. */
export function inspirations(breath: Breath, from: Second, to: Second): Second[] {
  const times: Second[] = [];
  for (let n = Math.ceil(from / breath.periodSeconds - 0.5); (n + 0.5) * breath.periodSeconds < to; n++)
    times.push((n + 0.5) * breath.periodSeconds);
  return times;
}
