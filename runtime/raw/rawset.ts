import type { Millisecond, Second } from '../../hal/base/units.js';

/** Raw data of one range (CT) or one bed and frame (PET): a file of the words as the detector sent them. */
export interface RawSet {
  examId: string;
  rangeId: string;
  kind: 'ct' | 'listmode' | 'physio';
  /** Bed and frame number of list mode, 0 else. */
  bed: number;
  frame: number;
  file: string;
  bytes: number;
  /** SHA-256 of the file, hex. */
  checksum: string;
  /** Interfile-like text that goes with the data. */
  header: string;
  startedAt: Millisecond;
  seconds: Second;
  /** CT only: one record a reading, in `file`.index: Float64 LE triples of tube angle (rad), source plane patient z (mm), tube current (mA). */
  ct?: { readings: number; rows: number; channels: number; rowPitchMm: number; indexFile: string };
  listmode?: { words: number; prompts: number; delayeds: number; centreZ: number };
}
