import type { GatingSource, Signal } from './devices/gating.js';
import { mixSeed } from './seed.js';

/** Heart rate, and the relative standard deviation of the time between beats: about 0.03 at rest, 0.2 in fibrillation. */
export interface HeartSetting {
  beatsPerMinute: number;
  irregularity?: number;
}

/** Breaths a minute and the travel of the chest. */
export interface BreathingSetting {
  breathsPerMinute: number;
  amplitudeMm?: number;
}

const REST: Required<HeartSetting> = { beatsPerMinute: 66, irregularity: 0.03 };
const QUIET: Required<BreathingSetting> = { breathsPerMinute: 14, amplitudeMm: 10 };

/** Waves of an ECG: height mV, place and width ms relative to the R-wave (nominal, lead II). */
const ECG_WAVES: readonly (readonly [number, number, number])[] = [
  [0.12, -160, 22],
  [-0.1, -22, 8],
  [1.1, 0, 9],
  [-0.22, 24, 9],
  [0.3, 250, 45],
];

/** The physiological signals of whoever lies on the table. Each change of a setting begins a new rhythm at that time. */
export class PatientSignals {
  readonly #seed: number;
  #heart: Heart;
  #breathing: Breathing;

  constructor(seed: number, startMs: number) {
    this.#seed = seed;
    this.#heart = new Heart(seed, startMs, REST);
    this.#breathing = new Breathing(startMs, QUIET);
  }

  of(source: GatingSource): Signal {
    return source === 'ecg' ? this.#heart : this.#breathing;
  }

  setHeart({ beatsPerMinute, irregularity }: HeartSetting, nowMs: number): void {
    const setting = { beatsPerMinute, irregularity: irregularity ?? REST.irregularity };
    this.#heart = new Heart(mixSeed(this.#seed, beatsPerMinute), this.#heart.nextTrigger(nowMs), setting);
  }

  setBreathing({ breathsPerMinute, amplitudeMm }: BreathingSetting, nowMs: number): void {
    this.#breathing = new Breathing(nowMs, { breathsPerMinute, amplitudeMm: amplitudeMm ?? QUIET.amplitudeMm });
  }
}

class Heart implements Signal {
  readonly #seed: number;
  readonly #setting: Required<HeartSetting>;
  readonly #beats: number[];

  constructor(seed: number, firstMs: number, setting: Required<HeartSetting>) {
    this.#seed = seed;
    this.#setting = setting;
    this.#beats = [firstMs];
  }

  nextTrigger(ms: number): number {
    return this.#beats[this.#after(ms)]!;
  }

  valueAt(ms: number): number {
    const next = this.#after(ms);
    return [this.#beats[next - 1], this.#beats[next]].reduce<number>(
      (sum, beat) => (beat === undefined ? sum : sum + beatValue(ms - beat)),
      0,
    );
  }

  perMinute(ms: number): number {
    const next = this.#after(ms);
    const [a, b] = [this.#beats[next - 1], this.#beats[next]!];
    return a === undefined ? this.#setting.beatsPerMinute : 60_000 / (b - a);
  }

  /** Index of the first beat after `ms`; beats are made as far as they are asked for. */
  #after(ms: number): number {
    for (let last = this.#beats.at(-1)!; last <= ms; last = this.#beats.at(-1)!) {
      const spread = 1 + this.#setting.irregularity * deviation(mixSeed(this.#seed, this.#beats.length));
      this.#beats.push(last + (60_000 / this.#setting.beatsPerMinute) * Math.max(0.4, spread));
    }
    let index = this.#beats.length - 1;
    while (index > 0 && this.#beats[index - 1]! > ms) index--;
    return index;
  }
}

/** Breathing: slow rise, top at the end of inspiration a third into the cycle, quicker start of the fall. */
class Breathing implements Signal {
  readonly #startMs: number;
  readonly #setting: Required<BreathingSetting>;

  constructor(startMs: number, setting: Required<BreathingSetting>) {
    this.#startMs = startMs;
    this.#setting = setting;
  }

  get #periodMs(): number {
    return 60_000 / this.#setting.breathsPerMinute;
  }

  valueAt(ms: number): number {
    const place = (ms - this.#startMs) / this.#periodMs;
    const cycle = place - Math.floor(place);
    const phase = cycle < 0.4 ? cycle / 0.8 : 0.5 + (cycle - 0.4) / 1.2;
    return (this.#setting.amplitudeMm * (1 - Math.cos(2 * Math.PI * phase))) / 2;
  }

  nextTrigger(ms: number): number {
    const cycles = Math.floor((ms - this.#startMs) / this.#periodMs - 0.4 + 1e-9) + 1;
    return this.#startMs + (cycles + 0.4) * this.#periodMs;
  }

  perMinute(_ms: number): number {
    return this.#setting.breathsPerMinute;
  }
}

function beatValue(ms: number): number {
  return ECG_WAVES.reduce(
    (sum, [height, place, width]) => sum + height * Math.exp(-(((ms - place) / width) ** 2) / 2),
    0,
  );
}

/** Standard deviation 1, within +-2: from the four bytes of a seed. */
function deviation(seed: number): number {
  const bytes = [0, 8, 16, 24].map((shift) => ((seed >>> shift) & 255) / 255 - 0.5);
  return bytes.reduce((a, b) => a + b) / Math.sqrt(1 / 3);
}
