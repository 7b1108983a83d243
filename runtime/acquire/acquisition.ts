import type { Millisecond, Second } from '../../hal/base/units.js';

/** What the hardware did in one range. All times are scanner time, ms since the epoch. */
export interface Acquisition {
  examId: string;
  rangeId: string;
  kind: 'topogram' | 'ct' | 'pet';
  startedAt: Millisecond;
  endedAt: Millisecond;
  exposure?: ExposureRecord;
  /** One record a bed (and frame), PET only. */
  frames: FrameRecord[];
  /** How the run differed from the plan, in words with units; empty when it did not. */
  deviations: string[];
}

export interface ExposureRecord {
  /** The detector's scan number: raw data carry it. */
  scanId: number;
  /** Readings that the detector says it has sent. */
  readings: number;
  kv: number;
  ma: number;
  seconds: Second;
  mas: number;
  /** Why the generator stopped. */
  ended: string;
  /** CTDIvol mGy (of the 32 cm or 16 cm phantom named) and DLP mGy cm. */
  ctdiVol: number;
  ctdiPhantom: 'HEAD' | 'BODY';
  dlp: number;
  scannedMm: number;
}

export interface FrameRecord {
  /** The PET rings' frame number: raw data carry it. */
  frameId: number;
  /** List-mode words that the rings say they have sent. */
  words: number;
  bed: number;
  frame: number;
  /** Patient z at the PET centre. */
  centreZ: number;
  startedAt: Millisecond;
  seconds: Second;
  prompts: number;
  delayeds: number;
  singlesPerSecond: number;
  triggers: number;
}
