import { readTable } from '../../hal/base/table.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { DoseSummary, FilmUse, StepChanges } from '../archive/fact.js';
import type { Dataset } from '../dicom/dataset/dataset.js';
import { makeUid } from '../dicom/dataset/uid.js';
import { storageClass } from '../dicom/storage-classes.js';
import { daOf, tmOf } from '../exam/datetime.js';
import type { Exam, Supply } from '../exam/exam.js';
import { codeItem, codeNamed } from '../objects/context.js';
import { type AttributeRow, fillRows, type Scope } from '../objects/fill.js';
import type { SeriesSummary } from '../objects/instance.js';
import { declareCharacterSet } from '../objects/modules.js';
import type { WorklistItem } from '../worklist/item.js';
import { mappedAttributes } from '../worklist/mapping.js';
import { doseComments } from './mpps-dose.js';
import { type PerformedPart, performedParts } from './mpps-parts.js';

interface MppsRow extends AttributeRow {
  /** Only with the end of the step. */
  final?: boolean;
}

interface MppsTable {
  create: { rows: MppsRow[] };
  set: { rows: MppsRow[] };
  status: { codes: Record<string, MppsStatus> };
}

/** What a status of N-CREATE or N-SET means. */
export interface MppsStatus {
  text: string;
  /** The same request may succeed later. */
  again?: boolean;
}

/** Attributes and statuses of the performed procedure step: statement Tables 65 to 68. */
export const MPPS_TABLE: Readonly<MppsTable> = readTable(import.meta.url, '../dicom/tables/mpps.json');
/** mm; fixed by the gantry. */
const SOURCE_TO_DETECTOR = 1085.6;
const SOURCE_TO_ISOCENTRE = 595;
/** mm; radius of the phantom that the dose is stated for: nobody measures where the patient's skin is. */
const ENTRANCE_RADIUS = { HEAD: 80, BODY: 160 } as const;

export interface MppsStation {
  aeTitle: string;
  stationName: string;
}

/** What an N-CREATE or N-SET status means, or undefined: Tables 66 and 68. */
export function mppsStatus(status: string): MppsStatus | undefined {
  return MPPS_TABLE.status.codes[status];
}

/**
 * Attributes of the N-CREATE: statement Table 65.
 * @param part which of the examination's performed steps; its own when absent
 * @throws ScannerError data.missing
 */
export function mppsCreation(exam: Exam, station: MppsStation, part = ownPart(exam)): Dataset {
  const first = exam.firstSeriesUid;
  const series = first && !part.split ? [{ ...seriesCommon(exam), seriesInstanceUid: first }] : [];
  return build(exam, part, MPPS_TABLE.create.rows, {
    scheduledSteps: scheduledSteps(exam, part),
    patientName: exam.patient.name,
    patientId: exam.patient.id,
    patientBirthDate: exam.patient.birthDate,
    patientSex: exam.patient.sex,
    ppsId: part.ppsId,
    stationAeTitle: station.aeTitle,
    stationName: station.stationName,
    startDate: daOf(exam.startedAt),
    startTime: tmOf(exam.startedAt),
    studyId: part.split ? undefined : exam.studyId,
    distanceSourceToDetector: SOURCE_TO_DETECTOR,
    series,
    supplies: part.split ? [] : suppliesScope(exam.supplies),
  });
}

function ownPart(exam: Exam): PerformedPart {
  return performedParts(exam)[0]!;
}

/** An item for each scheduled step; one of what is known without any. */
function scheduledSteps(exam: Exam, { items, studyInstanceUid }: PerformedPart): Dataset[] {
  const item = (scheduled: WorklistItem | undefined): Dataset =>
    fillRows(
      MPPS_TABLE.create.rows,
      {
        studyInstanceUid,
        accessionNumber: scheduled ? scheduled.accessionNumber : exam.accessionNumber,
        requestedProcedureId: scheduled ? undefined : exam.requestedProcedureId,
      },
      scheduled ? mappedAttributes(scheduled.attributes, 'mpps') : {},
      ['00400270'],
    );
  return items.length > 0 ? items.map(item) : [item(undefined)];
}

export interface StepEnd {
  outcome: 'COMPLETED' | 'DISCONTINUED';
  reason: string;
  endedAt: Millisecond;
  dose: DoseSummary;
}

/** What an N-SET reports. */
export interface StepReport {
  series: readonly SeriesSummary[];
  /** Without it the step goes on: IN PROGRESS with the series so far. */
  end?: StepEnd;
  part?: PerformedPart;
  changes?: StepChanges;
  films?: readonly FilmUse[];
  /** Retrieve AE Title of the storage commitment by Series Instance UID. */
  retrieveAeTitles?: Readonly<Record<string, string>>;
}

/** Attributes of an N-SET: statement Table 67. @throws ScannerError data.missing, operator.unknown for a reason that is no code */
export function mppsUpdate(exam: Exam, report: StepReport): Dataset {
  const { end, part = ownPart(exam), changes = {}, films = [], retrieveAeTitles = {} } = report;
  const rows = MPPS_TABLE.set.rows.filter((row) => end || !row.final);
  const series = part.split ? [dummySeries(exam)] : [...report.series];
  // PS3.4 F.7.2.1 wants the sequence at the end even of a step that made nothing: one series without instances
  if (end && series.length === 0)
    series.push({ ...dummySeries(exam), seriesInstanceUid: exam.firstSeriesUid ?? makeUid() });
  const supplies = [...(exam.supplies ?? []), ...(changes.supplies ?? [])];
  const ds = build(exam, part, rows, {
    status: end?.outcome ?? 'IN PROGRESS',
    description: changes.description,
    series: series.map((one) => seriesScope(exam, one, retrieveAeTitles)),
    ...(end ? endScope(end, changes, part.split) : {}),
    films: part.split ? [] : films.map((film) => ({ ...film })),
    supplies: part.split ? [] : suppliesScope(supplies),
  });
  if (changes.procedureChanged) ds['00081032'] = { vr: 'SQ', Value: [] };
  return ds;
}

function dummySeries(exam: Exam): SeriesSummary {
  const { protocol: protocolName } = exam;
  return { seriesInstanceUid: makeUid(), modality: '', description: '', protocolName, sopClassUid: '', instances: [] };
}

function build(exam: Exam, part: PerformedPart, rows: readonly MppsRow[], scope: Scope): Dataset {
  const [item] = part.items;
  const mapped = item ? mappedAttributes(item.attributes, 'mpps') : {};
  return declareCharacterSet(fillRows(rows, scope, mapped), item?.characterSet ?? exam.characterSet);
}

function endScope({ outcome, reason, endedAt, dose }: StepEnd, changes: StepChanges, split: boolean): Scope {
  const discontinued = outcome === 'DISCONTINUED';
  const comment = changes.comment ?? (discontinued ? reason : undefined);
  const end: Scope = {
    endDate: daOf(endedAt),
    endTime: tmOf(endedAt),
    discontinuationReason: discontinued
      ? [codeNamed('discontinuationReasons', changes.reason ?? 'unspecified')]
      : undefined,
    comment,
  };
  return split ? end : { ...end, ...doseScope(dose) };
}

function doseScope({ exposures }: DoseSummary): Scope {
  const [first] = exposures;
  return {
    totalExposures: exposures.length,
    distanceSourceToDetector: first && SOURCE_TO_DETECTOR,
    distanceSourceToEntrance: first && SOURCE_TO_ISOCENTRE - ENTRANCE_RADIUS[first.ctdiPhantom],
    doseComments: doseComments(exposures),
    exposures: exposures.map((exposure) => ({
      kvp: exposure.kv,
      tubeCurrentUa: exposure.ma * 1000,
      exposureTimeMs: exposure.seconds * 1000,
    })),
  };
}

function suppliesScope(supplies: readonly Supply[] = []): Scope[] {
  return supplies.map(({ code, quantity, unit }) => ({
    code: codeItem(code),
    quantities: quantity === undefined ? [] : [{ quantity, unit: unit && codeItem(unit) }],
  }));
}

function seriesCommon(exam: Exam): Scope {
  const { performingPhysician, operator: operatorsName, protocol: protocolName } = exam;
  return { performingPhysician, operatorsName, protocolName };
}

function seriesScope(exam: Exam, series: SeriesSummary, retrieve: Readonly<Record<string, string>>): Scope {
  const image = (instance: { sopClassUid: string }) => isImage(instance.sopClassUid);
  return {
    ...seriesCommon(exam),
    protocolName: series.protocolName,
    seriesInstanceUid: series.seriesInstanceUid,
    seriesDescription: series.description,
    retrieveAeTitle: retrieve[series.seriesInstanceUid],
    images: series.instances.filter(image),
    nonImages: series.instances.filter((instance) => !image(instance)),
  };
}

/** True for a series of images: what one reconstruction of acquired data makes. */
export function isReconstruction(series: SeriesSummary): boolean {
  return isImage(series.sopClassUid);
}

function isImage(sopClassUid: string): boolean {
  return storageClass(sopClassUid)?.kind === 'image';
}
