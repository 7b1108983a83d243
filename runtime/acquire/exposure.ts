/** What an exposure was and what dose it gave, from what the generator reports at its end. */

import type { GeneratorEvent } from '../../hal/contract/generator.js';
import { ctdiVol, dlp } from '../protocol/dose.js';
import { feedPlan } from '../protocol/geometry.js';
import type { CtRange, TopogramRange } from '../protocol/plan.js';
import type { ExposureRecord } from './acquisition.js';

export type ExposureEnded = Extract<GeneratorEvent, { type: 'exposureEnded' }>;

export type Exposure = Omit<ExposureRecord, 'scanId' | 'readings'>;

/** @returns CTDIvol mGy and DLP mGy cm of what was irradiated, whole or cut short */
export function exposureOf(
  range: TopogramRange | CtRange,
  landmarkMm: number,
  ctdiPhantom: 'HEAD' | 'BODY',
  ended: ExposureEnded,
): Exposure {
  const { kv, ma } = range;
  const { seconds, mas, reason } = ended;
  const scannedMm = seconds * feedPlan(range, landmarkMm).speed;
  // a topogram's dose is not stated as CTDI (statement 3.7: CTDIvol and DLP are not provided for topograms)
  const index = range.kind === 'ct' ? ctdiVol(ctdiPhantom, kv, ma * range.rotationTime, range.pitch) : 0;
  return { kv, ma, seconds, mas, ended: reason, ctdiVol: index, ctdiPhantom, dlp: dlp(index, scannedMm), scannedMm };
}
