import { readTable } from '../../hal/base/table.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { DoseSummary } from '../archive/fact.js';
import type { Dataset } from '../dicom/dataset/dataset.js';
import { makeUid } from '../dicom/dataset/uid.js';
import { daOf, tmOf } from '../exam/datetime.js';
import type { Exam } from '../exam/exam.js';
import { codeNamed } from '../objects/context.js';
import { type AttributeRow, fillRows, type Scope } from '../objects/fill.js';
import type { SeriesSummary } from '../objects/instance.js';
import { declareCharacterSet, sopClassOf } from '../objects/modules.js';
import { mappedAttributes } from '../worklist/mapping.js';

interface MppsRow extends AttributeRow {
  /** Only with the end of the step. */
  final?: boolean;
}

interface MppsTable {
  doseComment: string;
  topogramComment: string;
  create: { rows: MppsRow[] };
  set: { rows: MppsRow[] };
  status: { codes: Record<string, string> };
}

const TABLE: Readonly<MppsTable> = readTable(import.meta.url, '../dicom/tables/mpps.json');
/** mm; fixed by the gantry. */
const SOURCE_TO_DETECTOR = 1085.6;

export interface MppsStation {
  aeTitle: string;
  stationName: string;
}

/** What an N-CREATE or N-SET status means, or undefined. */
export function mppsStatusText(status: string): string | undefined {
  return TABLE.status.codes[status];
}

/** Attributes of the N-CREATE: statement Table 65. */
export function mppsCreation(exam: Exam, station: MppsStation): Dataset {
  return build(exam, TABLE.create.rows, {
    studyInstanceUid: exam.studyInstanceUid,
    scheduledSteps: [{ studyInstanceUid: exam.studyInstanceUid, accessionNumber: exam.accessionNumber }],
    patientName: exam.patient.name,
    patientId: exam.patient.id,
    patientBirthDate: exam.patient.birthDate,
    patientSex: exam.patient.sex,
    ppsId: exam.ppsId,
    stationAeTitle: station.aeTitle,
    stationName: station.stationName,
    startDate: daOf(exam.startedAt),
    startTime: tmOf(exam.startedAt),
    studyId: exam.studyId,
  });
}

export interface StepEnd {
  outcome: 'COMPLETED' | 'DISCONTINUED';
  reason: string;
  endedAt: Millisecond;
  dose: DoseSummary;
}

/** Attributes of an N-SET: statement Table 67. Without `end` the step goes on: IN PROGRESS with the series so far. */
export function mppsUpdate(exam: Exam, series: readonly SeriesSummary[], end?: StepEnd): Dataset {
  const rows = TABLE.set.rows.filter((row) => end || !row.final);
  // PS3.4 F.7.2.1 wants the sequence at the end even of a step that made nothing: one series without instances
  const reported = end && series.length === 0 ? [emptySeries(exam)] : series;
  return build(exam, rows, {
    status: end?.outcome ?? 'IN PROGRESS',
    series: reported.map((one) => seriesScope(exam, one)),
    ...(end ? endScope(end) : {}),
  });
}

function emptySeries(exam: Exam): SeriesSummary {
  const { protocol: protocolName } = exam;
  return { seriesInstanceUid: makeUid(), modality: '', description: '', protocolName, sopClassUid: '', instances: [] };
}

function build(exam: Exam, rows: readonly MppsRow[], scope: Scope): Dataset {
  const mapped = exam.item ? mappedAttributes(exam.item.attributes, 'mpps') : {};
  return declareCharacterSet(fillRows(rows, scope, mapped), exam.characterSet);
}

function endScope({ outcome, reason, endedAt, dose }: StepEnd): Scope {
  const discontinued = outcome === 'DISCONTINUED';
  return {
    endDate: daOf(endedAt),
    endTime: tmOf(endedAt),
    discontinuationReason: discontinued ? [codeNamed('discontinuationReasons', 'unspecified')] : undefined,
    comment: discontinued ? reason : undefined,
    totalExposures: dose.exposures.length,
    distanceSourceToDetector: dose.exposures.length > 0 ? SOURCE_TO_DETECTOR : undefined,
    doseComments: dose.exposures.map(doseComment).join('\r\n'),
    exposures: dose.exposures.map((exposure) => ({
      kvp: exposure.kv,
      tubeCurrentUa: exposure.ma * 1000,
      exposureTimeMs: exposure.seconds * 1000,
    })),
  };
}

/** One line a scan, as the statement's footnote to Table 67 writes it. */
function doseComment(exposure: DoseSummary['exposures'][number]): string {
  const rounded: Record<string, string | number> = {
    label: exposure.label,
    kv: Math.round(exposure.kv),
    mas: Number(exposure.mas.toFixed(1)),
    ctdiVol: Number(exposure.ctdiVol.toFixed(2)),
    dlp: Number(exposure.dlp.toFixed(1)),
  };
  const form = exposure.kind === 'topogram' ? TABLE.topogramComment : TABLE.doseComment;
  return form.replace(/\{(\w+)\}/g, (_whole, name: string) => String(rounded[name]));
}

function seriesScope(exam: Exam, series: SeriesSummary): Scope {
  const image = (instance: { sopClassUid: string }) => instance.sopClassUid !== sopClassOf('csa');
  return {
    performingPhysician: exam.performingPhysician,
    protocolName: series.protocolName,
    operatorsName: exam.operator,
    seriesInstanceUid: series.seriesInstanceUid,
    seriesDescription: series.description,
    images: series.instances.filter(image),
    nonImages: series.instances.filter((instance) => !image(instance)),
  };
}
