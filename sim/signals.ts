import type { GatingSource, Signal } from './devices/gating.js';
import {
  type Breath,
  breathMm,
  CALM_BREATH,
  ecgMillivolt,
  type Heart,
  inspirations,
  RESTING_HEART,
  rWaves,
} from './physics/physiology.js';
import { mixSeed } from './seed.js';

export type HeartSetting = Partial<Omit<Heart, 'seed'>>;
export type BreathSetting = Partial<Omit<Breath, 'seed'>>;

/** Cycles that a search for the next one looks ahead: irregular ones may leave one out. */
const AHEAD = 4;

/** The physiological signals of whoever lies on the table, in scanner ms. */
export class PatientSignals {
  readonly #originMs: number;
  #heart: Heart;
  #breath: Breath;

  constructor(seed: number, originMs: number) {
    this.#originMs = originMs;
    this.#heart = { ...RESTING_HEART, seed: mixSeed(seed, 1) };
    this.#breath = { ...CALM_BREATH, seed: mixSeed(seed, 2) };
  }

  of(source: GatingSource): Signal {
    return source === 'ecg' ? this.#ecg() : this.#respiration();
  }

  /** What the setting leaves out stays as it is. */
  setHeart(setting: HeartSetting): void {
    this.#heart = { ...this.#heart, ...setting };
  }

  setBreath(setting: BreathSetting): void {
    this.#breath = { ...this.#breath, ...setting };
  }

  #ecg(): Signal {
    const heart = this.#heart;
    const interval = 60 / heart.beatsPerMinute;
    return this.#signal(
      (time) => ecgMillivolt(heart, time),
      (from, to) => rWaves(heart, from, to),
      interval,
    );
  }

  #respiration(): Signal {
    const breath = this.#breath;
    return this.#signal(
      (time) => breathMm(breath, time),
      (from, to) => inspirations(breath, from, to),
      breath.periodSeconds,
    );
  }

  /** @param value, triggers of seconds since the origin; @param period mean, s */
  #signal(value: (time: number) => number, triggers: (from: number, to: number) => number[], period: number): Signal {
    const origin = this.#originMs;
    const seconds = (ms: number) => (ms - origin) / 1000;
    // epoch milliseconds resolve a quarter of a microsecond: what lies closer is the same trigger
    const after = (ms: number) => triggers(seconds(ms) + 1e-6, seconds(ms) + AHEAD * period);
    return {
      valueAt: (ms) => value(seconds(ms)),
      nextTrigger: (ms) => origin + (after(ms)[0] ?? seconds(ms) + AHEAD * period) * 1000,
      perMinute: (ms) => {
        const [first, second] = after(ms);
        return first === undefined || second === undefined ? 60 / period : 60 / (second - first);
      },
    };
  }
}
