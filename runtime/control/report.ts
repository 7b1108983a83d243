/** The report of an examination, made of its record. */

import type { DoseSummary } from '../archive/fact.js';
import { sopClassName } from '../dicom/dataset/dictionary.js';
import type { ExamReport } from '../service/operations.js';
import type { ExamRecord } from './record.js';

export function doseOf(record: ExamRecord): DoseSummary {
  const exposures = record.exposures.flatMap(({ rangeId, exposure }) => {
    const range = record.plan.ranges.find(({ id }) => id === rangeId);
    if (!range) return [];
    const { kv, mas, ma, seconds, ctdiVol, ctdiPhantom, dlp } = exposure;
    const kind = range.kind === 'topogram' ? ('topogram' as const) : ('ct' as const);
    const label = exposure.ended === 'window' ? range.label : `${range.label} (ended by ${exposure.ended})`;
    return [{ label, kind, kv, mas, ma, seconds, ctdiVol, ctdiPhantom, dlp }];
  });
  return { exposures, totalDlp: exposures.reduce((sum, exposure) => sum + exposure.dlp, 0) };
}

function countRatesOf(record: ExamRecord): ExamReport['countRates'] {
  return Object.values(record.acquisitions).flatMap((acquisition) =>
    acquisition.frames.map((frame) => ({
      bed: frame.bed + 1,
      frame: frame.frame + 1,
      promptsPerSecond: frame.prompts / frame.seconds,
      randomsPerSecond: frame.delayeds / frame.seconds,
      singlesPerSecond: frame.singlesPerSecond,
    })),
  );
}

export function reportOf(record: ExamRecord): ExamReport {
  const { exam } = record;
  return {
    examId: exam.id,
    protocol: record.plan.protocol,
    accession: exam.accessionNumber,
    patientId: exam.patient.id,
    patientName: exam.patient.name,
    phase: record.phase,
    outcome: record.outcome,
    reason: record.reason,
    studyInstanceUid: exam.studyInstanceUid,
    series: record.series.map(({ summary }) => ({
      modality: summary.modality,
      sopClass: sopClassName(summary.sopClassUid),
      description: summary.description,
      seriesInstanceUid: summary.seriesInstanceUid,
      count: summary.instances.length,
    })),
    stages: record.stages,
    dose: doseOf(record),
    countRates: countRatesOf(record),
    previews: record.previews,
    deliveries: record.deliveries,
    mpps: record.mpps,
    deviations: [
      ...record.notes,
      ...Object.values(record.acquisitions).flatMap((acquisition) => acquisition.deviations),
    ],
  };
}
