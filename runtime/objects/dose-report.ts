import { readTable } from '../../hal/base/table.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { ExposureRecord } from '../acquire/acquisition.js';
import { deriveUid } from '../dicom/dataset/uid.js';
import { codeOf } from '../exam/codes.js';
import { dtOf } from '../exam/datetime.js';
import type { CtRange, TopogramRange } from '../protocol/plan.js';
import { type ContentRow, type ContentScope, contentItems, type Term, templateItem, termItem } from './content.js';
import { commonScope, finishObject, type ObjectContext, type SeriesIdentity, timesScope } from './context.js';
import { sopClassOf } from './modules.js';
import { type SeriesObjects, seriesOf } from './series.js';

export const DOSE_REPORT: Readonly<{
  title: Term;
  template: string;
  acquisitionTypes: Record<'topogram' | 'ct', Term>;
  /** By Body Part Examined. */
  regions: Record<string, Term>;
  rows: ContentRow[];
}> = readTable(import.meta.url, '../dicom/tables/dose-report.json');

/** Where the beam was on: one exposure. */
export interface IrradiationEvent {
  uid: string;
  range: TopogramRange | CtRange;
  exposure: Omit<ExposureRecord, 'scanId' | 'readings'>;
  /** Body Part Examined. */
  bodyPart: string;
}

export interface DoseReportInput extends SeriesIdentity {
  events: readonly IrradiationEvent[];
  startedAt: Millisecond;
  endedAt: Millisecond;
}

/** X-Ray Radiation Dose SR of an examination: PS3.3 A.35.8, PS3.16 TID 10011. A topogram has no CTDIvol and DLP: statement 3.7. */
export function doseReportInstances(context: ObjectContext, input: DoseReportInput): SeriesObjects {
  const { description } = input;
  const series = { modality: 'SR', sopClassUid: sopClassOf('doseReport'), description, count: 1 };
  const { exam } = context;
  return seriesOf(context, series, input, ({ scope }) => ({
    dataset: finishObject(context, 'doseReport', {
      ...commonScope(context, { ...input, modality: 'SR', startedAt: context.now }),
      ...scope,
      ...timesScope('content', context.now),
      requests: exam.item ? [{ studyInstanceUid: exam.studyInstanceUid, accessionNumber: exam.accessionNumber }] : [],
      valueType: 'CONTAINER',
      conceptName: termItem(DOSE_REPORT.title),
      template: templateItem(DOSE_REPORT.template),
      content: contentItems(DOSE_REPORT.rows, reportScope(context, input)),
    }),
  }));
}

function reportScope(context: ObjectContext, { events, startedAt, endedAt }: DoseReportInput): ContentScope {
  const { exam, equipment } = context;
  const { stationName, manufacturer, modelName, serialNumber } = equipment;
  const device = { manufacturer, modelName, serialNumber };
  return {
    ...device,
    stationName,
    // the scanner has no UID of its own: always the same of the same scanner
    deviceUid: deriveUid(`device ${manufacturer} ${modelName} ${serialNumber} ${stationName}`, context.uidRoot),
    startedAt: dtOf(startedAt),
    endedAt: dtOf(endedAt),
    ppsInstanceUid: exam.ppsInstanceUid,
    eventCount: events.length,
    totalDlp: events.reduce((sum, { exposure }) => sum + exposure.dlp, 0),
    comment: context.simulated ? 'SIMULATED' : '',
    events: events.map((event) => ({ ...device, ...eventScope(event) })),
  };
}

function eventScope({ uid, range, exposure, bodyPart }: IrradiationEvent): ContentScope {
  const { kv, ma, seconds, scannedMm, ctdiVol, ctdiPhantom, dlp, ended } = exposure;
  const { value, scheme, meaning } = codeOf('ctdiPhantoms', ctdiPhantom);
  const spiral = range.kind === 'ct' ? { pitch: range.pitch, rotationTime: range.rotationTime } : {};
  return {
    ...spiral,
    label: range.label,
    region: DOSE_REPORT.regions[bodyPart] ?? DOSE_REPORT.regions.WHOLEBODY,
    acquisitionType: DOSE_REPORT.acquisitionTypes[range.kind],
    eventUid: uid,
    seconds,
    scannedMm,
    rowMm: range.rowPitchMm,
    collimationMm: range.rows * range.rowPitchMm,
    sources: 1,
    kv,
    ma,
    dose: range.kind === 'ct' ? [{ ctdiVol, phantom: [value, scheme, meaning] as Term, dlp }] : [],
    comment: ended === 'window' ? '' : `ended by ${ended}`,
  };
}
