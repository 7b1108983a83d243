import type { Beam } from './lines.js';

/** How the detector was armed. */
export interface CtScan {
  scanId: number;
  rows: number;
  rowPitchMm: number;
  readingsPerRotation: number;
  readingsPerSecond: number;
}

interface GridOptions {
  scan: CtScan;
  beam: Beam;
  startMs: number;
  gantry: {
    angleAt(ms: number): number;
    speedAt(ms: number): number;
    timeAtAngle(angle: number, fromMs: number): number | undefined;
  };
}

/** Slower than this the tube counts as standing, rad/s. */
const STANDING = 1e-3;

/** Part of a reading by which rounding of times may miss its end. */
const ROUNDING = 0.01;

/**
 * When and where the readings of one exposure are taken. With a rotating tube the angle encoder clocks them, whatever
 * the speed does; with a standing tube the detector's own clock does. Angles in rad, times in scanner ms.
 */
export class ReadingGrid {
  readonly beam: Beam;
  readonly #gantry: GridOptions['gantry'];
  readonly #startMs: number;
  readonly #startAngle: number;
  readonly #stepAngle: number;
  readonly #intervalMs: number;

  constructor({ scan, beam, startMs, gantry }: GridOptions) {
    this.beam = beam;
    this.#gantry = gantry;
    this.#startMs = startMs;
    this.#startAngle = gantry.angleAt(startMs);
    const rotating = gantry.speedAt(startMs) > STANDING;
    this.#stepAngle = rotating ? (2 * Math.PI) / scan.readingsPerRotation : 0;
    this.#intervalMs = 1000 / scan.readingsPerSecond;
  }

  /** Readings complete at `ms`. */
  countAt(ms: number): number {
    const done = this.#stepAngle
      ? (this.#gantry.angleAt(ms) - this.#startAngle) / this.#stepAngle
      : (ms - this.#startMs) / this.#intervalMs;
    return Math.max(0, Math.floor(done + ROUNDING));
  }

  /** When reading `index` is complete; undefined when the tube will not get there. */
  endOf(index: number): number | undefined {
    return this.#timeOf(index + 1);
  }

  /** Where tube and table were in the middle of each of `count` readings from `first` on. */
  samples(first: number, count: number, tableAt: (ms: number) => number) {
    const angles = new Float64Array(count);
    const tableMm = new Float64Array(count);
    const tubeMa = new Float64Array(count).fill(this.beam.ma);
    const mas = new Float64Array(count);
    let begin = this.#timeOf(first) ?? this.#startMs;
    for (let i = 0; i < count; i++) {
      const middle = this.#timeOf(first + i + 0.5) ?? begin;
      const end = this.#timeOf(first + i + 1) ?? middle;
      angles[i] = this.#startAngle + (first + i + 0.5) * this.#stepAngle;
      tableMm[i] = tableAt(middle);
      mas[i] = (this.beam.ma * (end - begin)) / 1000;
      begin = end;
    }
    return { angles, tableMm, tubeMa, mas };
  }

  /** Instant of a place on the grid, in readings from the start. */
  #timeOf(place: number): number | undefined {
    if (!this.#stepAngle) return this.#startMs + place * this.#intervalMs;
    return this.#gantry.timeAtAngle(this.#startAngle + place * this.#stepAngle, this.#startMs);
  }
}
