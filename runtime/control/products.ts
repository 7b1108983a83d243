/** What each kind of range becomes in the archive: the objects stage's builders given what the examination knows. */

import type { Clock } from '../../hal/base/clock.js';
import type { Acquisition } from '../acquire/acquisition.js';
import type { Exposure } from '../acquire/exposure.js';
import type { Exam } from '../exam/exam.js';
import { DEFAULT_EQUIPMENT, type ObjectContext, type Reference, type SeriesIdentity } from '../objects/context.js';
import { csaInstances, protocolPart, rawPart } from '../objects/csa.js';
import { ctInstances, type TopogramImage, topogramInstances } from '../objects/ct.js';
import { doseReportInstances, type IrradiationEvent } from '../objects/dose-report.js';
import { sopClassOf } from '../objects/modules.js';
import { type PetFrame, petAcquisitionNumber, petInstances } from '../objects/pet.js';
import type { SeriesObjects } from '../objects/series.js';
import { bodyPartOf } from '../protocol/organ.js';
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
  institutionAddress: string;
  department: string;
}

/** An examination and the series that is to be made. */
export interface SeriesContext {
  exam: Exam;
  plan: ScanPlan;
  acquisitions: Readonly<Record<string, Acquisition>>;
  series: { uid: string; number: number };
  /** The topogram, once it was made. */
  topogram?: Reference;
  /** Where the beam was on, in order. */
  events: readonly { rangeId: string; uid: string; exposure: Exposure }[];
  /** SOP Instance UIDs that raw data have or will have, by range, in the order of the sets. */
  rawUids: Readonly<Record<string, readonly string[]>>;
  station: Station;
  markSimulated: boolean;
  uidRoot?: string;
  clock: Clock;
}

function objectContext(context: SeriesContext, range?: ScanRange): ObjectContext {
  const { exam, station, clock, markSimulated, uidRoot, plan } = context;
  const { stationName, institution: institutionName, institutionAddress, department } = station;
  const equipment = { ...DEFAULT_EQUIPMENT, stationName, institutionName, institutionAddress, department };
  return {
    exam,
    equipment,
    now: clock.now(),
    simulated: markSimulated,
    uidRoot,
    bodyPart: bodyPartOf(plan, range),
    bodyRegion: bodyPartOf(plan, plan.ranges[0]),
    studyStartedAt: studyStart(context),
  };
}

/** The first scan begins the first series, and that the study; objects before it are of the examination's start. */
function studyStart({ acquisitions }: SeriesContext): number | undefined {
  const starts = Object.values(acquisitions).map(({ startedAt }) => startedAt);
  return starts.length > 0 ? Math.min(...starts) : undefined;
}

function rawReferences({ rawUids }: SeriesContext, range: ScanRange): Reference[] {
  const sopClassUid = sopClassOf('csa');
  return (rawUids[range.id] ?? []).map((sopInstanceUid) => ({ sopClassUid, sopInstanceUid }));
}

/** The exposure that a range's images are of: its last. */
function eventOf({ events }: SeriesContext, range: ScanRange): string | undefined {
  return events.findLast(({ rangeId }) => rangeId === range.id)?.uid;
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
  return topogramInstances(objectContext(context, range), {
    ...identity(context, range.label),
    range,
    acquisition,
    image,
    acquisitionNumber,
    raw: rawReferences(context, range)[0],
    irradiationEventUid: eventOf(context, range),
  });
}

export function ctObjects(context: SeriesContext, range: CtRange, recon: CtReconPlan, volume: Volume): SeriesObjects {
  const acquisition = context.acquisitions[range.id]!;
  const acquisitionNumber = rangeNumber(context, range);
  return ctInstances(objectContext(context, range), {
    ...identity(context, recon.label),
    range,
    recon,
    acquisition,
    volume,
    acquisitionNumber,
    topogram: context.topogram,
    raw: rawReferences(context, range)[0],
    irradiationEventUid: eventOf(context, range),
  });
}

export function petObjects(
  context: SeriesContext,
  range: PetRange,
  recon: PetReconPlan,
  made: {
    frames: PetFrame[];
    corrections: readonly string[];
    bqmlPerCount: number;
    /** Of the rings: ISO 8601. */
    measuredAt: string;
    ct?: { seriesInstanceUid: string; description: string };
    /** Of each set of raw data. */
    rawFrames: readonly number[];
  },
): SeriesObjects {
  const { frames, corrections, bqmlPerCount, measuredAt, ct, rawFrames } = made;
  const base = objectContext(context, range);
  const calibrated = { doseCalibrationFactor: bqmlPerCount, calibratedAt: Date.parse(measuredAt) };
  return petInstances(
    { ...base, equipment: { ...base.equipment, ...calibrated } },
    {
      ...identity(context, recon.label),
      range,
      recon,
      acquisition: context.acquisitions[range.id]!,
      frames,
      rangeNumber: rangeNumber(context, range),
      ctSeriesInstanceUid: ct?.seriesInstanceUid,
      ctDescription: ct?.description,
      raw: rawReferences(context, range).map((raw, i) => ({ ...raw, frame: rawFrames[i] ?? 0 })),
      matchesCtSlices: recon.matchCtSlices,
      corrections,
    },
  );
}

export function rawObjects(context: SeriesContext, range: ScanRange, sets: readonly RawSet[]): SeriesObjects {
  const gating = range.kind === 'pet' && range.gating !== 'none' ? range.gating : undefined;
  const number = rangeNumber(context, range);
  const parts = sets.map((set) => {
    const acquisitionNumber = range.kind === 'pet' ? petAcquisitionNumber(number, set.bed) : number;
    const part = rawPart(set, { acquisitionNumber, gating, topogram: range.kind === 'topogram' });
    return { ...part, references: context.topogram && [context.topogram] };
  });
  const sopInstanceUids = context.rawUids[range.id];
  return csaInstances(
    objectContext(context, range),
    { ...identity(context, `${range.label} raw data`), sopInstanceUids },
    parts,
  );
}

/** The protocol as it was carried out. */
export function protocolObjects(context: SeriesContext): SeriesObjects {
  const { plan, exam } = context;
  const part = protocolPart(plan, { acquisitionNumber: 1, startedAt: exam.startedAt });
  return csaInstances(objectContext(context), identity(context, `Protocol ${plan.title}`), [part]);
}

/** The dose of all exposures made, also of those that were cut short. */
export function doseObjects(context: SeriesContext): SeriesObjects {
  const { exam, plan, acquisitions, clock } = context;
  const events = context.events.flatMap(({ rangeId, uid, exposure }): IrradiationEvent[] => {
    const range = plan.ranges.find(({ id }) => id === rangeId);
    return range && range.kind !== 'pet' ? [{ uid, exposure, range, bodyPart: bodyPartOf(plan, range) }] : [];
  });
  const exposed = Object.values(acquisitions).filter(({ exposure }) => exposure);
  const startedAt = Math.min(...exposed.map((scan) => scan.startedAt), clock.now());
  return doseReportInstances(objectContext(context), {
    ...identity(context, 'Dose Report'),
    events,
    startedAt: exposed.length > 0 ? startedAt : exam.startedAt,
    endedAt: exposed.length > 0 ? Math.max(...exposed.map((scan) => scan.endedAt)) : clock.now(),
  });
}
