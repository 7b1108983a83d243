/** What each kind of range becomes in the archive: the objects stage's builders given what the examination knows. */

import type { Clock } from '../../hal/base/clock.js';
import type { Acquisition } from '../acquire/acquisition.js';
import type { Exam } from '../exam/exam.js';
import { DEFAULT_EQUIPMENT, type ObjectContext, type SeriesIdentity } from '../objects/context.js';
import { csaInstances, protocolPart, rawPart } from '../objects/csa.js';
import { ctInstances, type TopogramImage, topogramInstances } from '../objects/ct.js';
import { type PetFrame, petInstances } from '../objects/pet.js';
import type { SeriesObjects } from '../objects/series.js';
import type {
  CtRange,
  CtReconPlan,
  PetRange,
  PetReconPlan,
  ScanPlan,
  ScanRange,
  TopogramRange,
} from '../protocol/plan.js';
import type { RawSet } from '../raw/rawset.js';
import type { Volume } from '../recon/volume.js';

export interface Station {
  stationName: string;
  institution: string;
}

/** An examination and the series that is to be made. */
export interface SeriesContext {
  exam: Exam;
  plan: ScanPlan;
  acquisitions: Readonly<Record<string, Acquisition>>;
  series: { uid: string; number: number };
  station: Station;
  markSimulated: boolean;
  uidRoot?: string;
  clock: Clock;
}

function objectContext(context: SeriesContext): ObjectContext {
  const { exam, station, clock, markSimulated, uidRoot, plan } = context;
  const equipment = { ...DEFAULT_EQUIPMENT, stationName: station.stationName, institutionName: station.institution };
  const bodyPart = plan.dosePhantom === 'HEAD' ? 'HEAD' : 'WHOLEBODY';
  return { exam, equipment, now: clock.now(), simulated: markSimulated, uidRoot, bodyPart };
}

function identity({ series }: SeriesContext, description: string): SeriesIdentity {
  return { seriesNumber: series.number, seriesInstanceUid: series.uid, description };
}

/** Number of a range in its examination, from 1. */
function rangeNumber({ plan }: SeriesContext, range: ScanRange): number {
  return plan.ranges.findIndex(({ id }) => id === range.id) + 1;
}

export function topogramObjects(context: SeriesContext, range: TopogramRange, image: TopogramImage): SeriesObjects {
  const acquisition = context.acquisitions[range.id]!;
  const acquisitionNumber = rangeNumber(context, range);
  return topogramInstances(objectContext(context), {
    ...identity(context, range.label),
    range,
    acquisition,
    image,
    acquisitionNumber,
  });
}

export function ctObjects(context: SeriesContext, range: CtRange, recon: CtReconPlan, volume: Volume): SeriesObjects {
  const acquisition = context.acquisitions[range.id]!;
  const acquisitionNumber = rangeNumber(context, range);
  return ctInstances(objectContext(context), {
    ...identity(context, recon.label),
    range,
    recon,
    acquisition,
    volume,
    acquisitionNumber,
  });
}

export function petObjects(
  context: SeriesContext,
  range: PetRange,
  recon: PetReconPlan,
  made: { frames: PetFrame[]; corrections: readonly string[]; bqmlPerCount: number; ctSeriesInstanceUid?: string },
): SeriesObjects {
  const { frames, corrections, bqmlPerCount, ctSeriesInstanceUid } = made;
  const base = objectContext(context);
  const quantified = { ...base, equipment: { ...base.equipment, doseCalibrationFactor: bqmlPerCount } };
  return petInstances(quantified, {
    ...identity(context, recon.label),
    range,
    recon,
    acquisition: context.acquisitions[range.id]!,
    frames,
    rangeNumber: rangeNumber(context, range),
    ctSeriesInstanceUid,
    matchesCtSlices: recon.matchCtSlices,
    corrections,
  });
}

export function rawObjects(context: SeriesContext, range: ScanRange, sets: readonly RawSet[]): SeriesObjects {
  const gating = range.kind === 'pet' && range.gating !== 'none' ? range.gating : undefined;
  const acquisitionNumber = rangeNumber(context, range);
  const parts = sets.map((set) => rawPart(set, { acquisitionNumber, gating, topogram: range.kind === 'topogram' }));
  return csaInstances(objectContext(context), identity(context, `${range.label} raw data`), parts);
}

/** The protocol as it was carried out. */
export function protocolObjects(context: SeriesContext): SeriesObjects {
  const { plan, exam } = context;
  const part = protocolPart(plan, { acquisitionNumber: 1, startedAt: exam.startedAt });
  return csaInstances(objectContext(context), identity(context, `Protocol ${plan.title}`), [part]);
}
