/** A controller with the simulated scanner in this process, examined with protocols that a test writes, and the image files it left. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigInput, parseConfig } from '../../runtime/config.js';
import { type RunningController, startController } from '../../runtime/main.js';
import type { RangeDefinition } from '../../runtime/protocol/definition.js';
import type { ExamReport, ExamRequest } from '../../runtime/service/operations.js';
import { testFolder } from './petrig.js';

/** Longest examination of these tests, several times what one takes on an idle machine. */
const EXAM_MS = 200_000;

export interface ImageSite {
  running: RunningController;
  folder: string;
  /** Runs one examination of these ranges to its end; fails unless it was completed. */
  examine(ranges: RangeDefinition[], more?: Partial<ExamRequest>): Promise<ExamReport>;
  /** Folder of a series' files. */
  seriesFolder(report: ExamReport, modality: string, description?: string): string;
  close(): Promise<void>;
}

/** @param config beside what a test needs anyway: free ports, a folder of its own, scanner time at 50 fold speed */
export async function startImageSite(config: ConfigInput): Promise<ImageSite> {
  const folder = testFolder('image');
  const data = join(folder, 'data');
  const quiet: ConfigInput = { speed: 50, logLevel: 'error', dicom: { port: 0 }, service: { port: 0 } };
  const running = await startController(parseConfig({ ...quiet, data, ...config }));
  let number = 0;
  return {
    running,
    folder,
    examine: async (ranges, more = {}) => {
      const protocol = join(folder, `protocol-${++number}.json`);
      const definition = { name: `image-${number}`, title: 'Image quality', dosePhantom: 'BODY', ranges };
      writeFileSync(protocol, JSON.stringify(definition));
      const { controller } = running;
      const patient = { patientId: 'QC', patientName: 'QUALITY^CONTROL' };
      const { examId } = await controller.startExam({ protocol, ...patient, ...more });
      const report = await controller.examEnd(examId, AbortSignal.timeout(EXAM_MS));
      if (report.outcome !== 'COMPLETED' || report.deviations.length > 0)
        throw new Error(`examination ${report.outcome}: ${report.reason} ${report.deviations.join('; ')}`);
      return report;
    },
    seriesFolder: (report, modality, description) => {
      const found = report.series.find(
        (series) => series.modality === modality && (description ?? series.description) === series.description,
      );
      if (!found) throw new Error(`no ${modality} series ${description ?? ''}`);
      return join(data, 'objects', report.studyInstanceUid, found.seriesInstanceUid);
    },
    close: () => running.close(),
  };
}

/** A CT spiral of 16 x 1.2 mm whose slices are cut as given. */
export function ctRange(
  span: { fromZ: number; toZ: number },
  options: {
    kv?: number;
    ma?: number;
    incrementMm?: number;
    thicknessMm?: number;
    fovMm?: number;
    label?: string;
  } = {},
): RangeDefinition {
  const { kv = 120, ma = 80, incrementMm = 5, thicknessMm = 5, fovMm = 300, label = 'CT' } = options;
  const recon = { label, kernel: 'B31f', thicknessMm, incrementMm, fovMm, matrix: 512 as const };
  return {
    kind: 'ct',
    label,
    ...span,
    kv,
    ma,
    rotationTime: 0.5,
    rows: 16,
    rowPitchMm: 1.2,
    pitch: 1.2,
    recons: [{ ...recon, window: { center: 40, width: 400 } }],
  };
}

/** PET of one bed around z 0 (one that the whole span fits in). */
export function petRange(
  secondsPerBed: number,
  options: { gaussMm?: number; matrix?: 200 | 400; iterations?: number; spanMm?: number } = {},
): RangeDefinition {
  const { gaussMm = 4, matrix = 200, iterations = 3, spanMm = 200 } = options;
  const recon = { label: 'PET', method: 'OSEM3D+TOF' as const, iterations, subsets: 21, matrix };
  const filter = { window: 'Gauss' as const, fwhmMm: gaussMm };
  const span = { fromZ: -spanMm / 2, toZ: spanMm / 2 };
  return {
    kind: 'pet',
    label: 'PET',
    ...span,
    secondsPerBed,
    gating: 'none',
    frames: [],
    recons: [{ ...recon, filter }],
  };
}
