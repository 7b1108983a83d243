import type { Observable } from 'rxjs';
import type { Millimetre } from '../base/units.js';
import type { CommandOptions, Device, Reply, Stamped } from './device.js';

export const CT_DETECTOR = {
  channels: 736,
  readingsPerRotation: 1152,
  /** rows x pitch at the isocentre, mm. */
  collimations: [
    { rows: 16, rowPitchMm: 1.2 },
    { rows: 20, rowPitchMm: 0.6 },
    { rows: 32, rowPitchMm: 1.2 },
    { rows: 64, rowPitchMm: 0.6 },
  ],
} as const;

export interface CtDetectorState {
  phase: 'idle' | 'armed' | 'acquiring' | 'draining';
  /** Of the armed or last scan. */
  scanId: number;
  readings: number;
  temperatureCelsius: number;
}

export type CtDetectorEvent = Stamped &
  (
    | { type: 'acquisitionStarted'; scanId: number }
    | { type: 'acquisitionEnded'; scanId: number; readings: number }
    /** All bulk data of the scan are out. */
    | { type: 'drained'; scanId: number; readings: number }
  );

/** Consecutive readings of one scan. A reading is `rows` x `channels` words: 4096 x -ln(I/I0) + 1024. */
export interface CtReadingBlock {
  scanId: number;
  /** Index of the first reading in the scan. */
  first: number;
  count: number;
  rows: number;
  channels: number;
  /** Tube angle of each reading, rad, not wrapped. */
  angles: Float64Array;
  /** Table travel of each reading, mm (device axis). */
  tableMm: Float64Array;
  /** Tube current of each reading, mA. */
  tubeMa: Float64Array;
  /** [count][rows][channels] */
  words: Uint16Array;
}

export interface CtDetectorArm {
  scanId: number;
  rows: number;
  rowPitchMm: Millimetre;
  readingsPerRotation: number;
  /** Readings a second while the tube stands (topogram); ignored while it rotates. */
  readingsPerSecond: number;
}

export interface CtDetector extends Device<CtDetectorState, CtDetectorEvent> {
  readonly readings$: Observable<CtReadingBlock>;
  /** Integrates while the beam is on, once. Refusals: `outOfRange`, `busy`, `temperature`. */
  arm(args: CtDetectorArm, options?: CommandOptions): Promise<Reply>;
  disarm(options?: CommandOptions): Promise<Reply>;
}
