/** What is kept of an examination between the steps, so that a restarted controller can go on or end it. */

import type { Acquisition } from '../acquire/acquisition.js';
import type { Exposure } from '../acquire/exposure.js';
import type { Exam } from '../exam/exam.js';
import type { SeriesSummary } from '../objects/instance.js';
import type { ScanPlan } from '../protocol/plan.js';
import type { RawSet } from '../raw/rawset.js';
import type { DeliveryReport, ExamPhase } from '../service/operations.js';

export interface ExamRecord {
  schema: 1;
  exam: Exam;
  plan: ScanPlan;
  phase: ExamPhase;
  outcome?: 'COMPLETED' | 'DISCONTINUED';
  reason?: string;
  firstScanId: number;
  /** Every exposure that the generator reported, also those that were cut short and made again. */
  exposures: { rangeId: string; exposure: Exposure }[];
  /** By range. */
  acquisitions: Record<string, Acquisition>;
  rawSets: Record<string, RawSet[]>;
  /** SOP Instance UIDs that the raw data's objects have or will have: images refer to them before they are stored. */
  rawUids?: Record<string, string[]>;
  /** Irradiation Event UID of each of `exposures`: images and the dose report name the same. */
  eventUids?: string[];
  /** Series stored so far, with the range each came from. */
  series: { key: string; rangeId: string; summary: SeriesSummary }[];
  /** Series Instance UID and number by what the series holds, given before it is made: a restart makes no second one. */
  seriesUids: Record<string, { uid: string; number: number }>;
  stages: { name: string; seconds: number }[];
  previews: string[];
  notes: string[];
  deliveries: DeliveryReport[];
  mpps: string;
  /** Nothing is left to do: images are delivered, or their delivery was given up. */
  closed: boolean;
}

/** Whose states of the archive the records are, by examination. */
export const EXAM_STATES = 'exam';

export function newRecord(exam: Exam, plan: ScanPlan, firstScanId: number): ExamRecord {
  return {
    schema: 1,
    exam,
    plan,
    phase: 'registered',
    firstScanId,
    exposures: [],
    acquisitions: {},
    rawSets: {},
    series: [],
    seriesUids: firstSeries(exam, plan),
    stages: [],
    previews: [],
    notes: [],
    deliveries: [],
    mpps: 'waiting',
    closed: false,
  };
}

/** The performed procedure step names its first series before that is made: it must be this one. */
function firstSeries({ firstSeriesUid: uid }: Exam, { ranges: [range] }: ScanPlan): ExamRecord['seriesUids'] {
  if (!range || uid === undefined) return {};
  const key =
    range.kind === 'topogram' ? topogramSeriesKey(range.id) : reconSeriesKey(range.id, range.recons[0]!.label);
  return { [key]: { uid, number: 1 } };
}

export function topogramSeriesKey(rangeId: string): string {
  return `${rangeId}/image`;
}

export function reconSeriesKey(rangeId: string, label: string): string {
  return `${rangeId}/${label}`;
}
