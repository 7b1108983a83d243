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
  /** Where the words begin in the file, bytes; absent: at its beginning. */
  offset?: number;
  /** Of the words. */
  bytes: number;
  /** SHA-256 of the words, hex. */
  checksum: string;
  /** Interfile-like text that goes with the data. */
  header: string;
  startedAt: Millisecond;
  seconds: Second;
  /** CT only: one record a reading, in `indexFile` from byte `indexOffset` on: Float64 LE triples of tube angle (rad), source plane patient z (mm), tube current (mA). */
  ct?: {
    readings: number;
    rows: number;
    channels: number;
    rowPitchMm: number;
    indexFile: string;
    indexOffset?: number;
  };
  /** Part of the list mode that is meant, ms of its time tags; absent: all. */
  part?: { startMs: Millisecond; endMs: Millisecond };
  listmode?: { words: number; prompts: number; delayeds: number; centreZ: number };
}
