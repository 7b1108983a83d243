/** Methods of the service socket for reconstructing raw data again. */

import { z } from 'zod';
import type { Second } from '../../hal/base/units.js';
import type { TruthReport } from '../recon/truth.js';
import type { ServiceEvent } from './operations.js';
import { type MethodTable, method } from './rpc.js';

/** Raw data of one range of an examination. */
export interface RawReport {
  examId: string;
  patientName: string;
  /** ISO 8601. */
  startedAt: string;
  rangeId: string;
  kind: 'topogram' | 'ct' | 'pet';
  label: string;
  /** Objects of the archive, files of the data folder, or gone. */
  place: 'archive' | 'folder' | 'missing';
  beds: number;
  frames: number;
  seconds: Second;
  bytes: number;
  /** Of CT, else 0. */
  readings: number;
  /** Of PET, else 0. */
  prompts: number;
  /** Descriptions of the image series made of it. */
  series: string[];
}

export interface ReplayRequest {
  examId: string;
  rangeId: string;
  /** Series Description; by default the first reconstruction's with a number. */
  label?: string;
  /** What differs from the range's first reconstruction: keys as in a protocol; null takes one away. */
  changes?: Record<string, unknown>;
  /** Frame lengths that static list mode is cut into. */
  frames?: readonly Second[];
}

export interface ReplayReport {
  examId: string;
  rangeId: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  modality: string;
  description: string;
  count: number;
  notes: string[];
  /** Wall seconds each stage took. */
  stages: { name: string; seconds: number }[];
}

export interface TruthRequest {
  examId: string;
  rangeId: string;
  /** Series Descriptions; all PET series of the range in Bq/ml when absent. */
  series?: readonly string[];
  /** Name or file of the simulated patient; the configuration's when absent. */
  phantom?: string;
}

/** One frame of one series beside the simulated patient. */
export interface SeriesTruth extends TruthReport {
  series: string;
  frame: number;
}

/** What these methods need done. */
export interface Replaying {
  raw(): Promise<RawReport[]>;
  /** @throws ScannerError operator.unknown, operator.usage, operator.state, limit.range, data.*, native.*, timeout.aborted */
  reconstruct(
    request: ReplayRequest,
    tell: (stage: string, label: string, fraction: number) => void,
    signal: AbortSignal,
  ): Promise<ReplayReport>;
  /** @throws ScannerError operator.unknown, operator.usage, data.*, timeout.aborted */
  compare(request: TruthRequest, signal: AbortSignal): Promise<SeriesTruth[]>;
}

export function reconMethods(replays: Replaying): MethodTable {
  return {
    'recon.list': method({
      summary: 'raw data that can be reconstructed again',
      params: z.strictObject({}),
      handler: () => replays.raw(),
    }),
    'recon.run': method({
      summary: 'reconstruct raw data of an ended examination another way, as a further series; leaving cancels it',
      params: z.strictObject({
        examId: z.string(),
        rangeId: z.string(),
        label: z.string().min(1).max(64).optional().describe('Series Description'),
        changes: z
          .record(z.string(), z.unknown())
          .optional()
          .describe('keys of a reconstruction in a protocol that differ from the range’s first; null takes one away'),
        frames: z
          .array(z.number().positive())
          .min(1)
          .max(100)
          .optional()
          .describe('lengths in s, for static list mode'),
      }),
      handler: (request, { notify, signal }) => {
        const { examId } = request;
        const tell = (stage: string, label: string, fraction: number) =>
          void notify('event', { type: 'progress', examId, stage, label, fraction } satisfies ServiceEvent);
        return replays.reconstruct(request, tell, signal);
      },
    }),
    'recon.truth': method({
      summary: 'PET series beside the activity of the simulated patient: recovery, bias and noise of each part',
      params: z.strictObject({
        examId: z.string(),
        rangeId: z.string(),
        series: z.array(z.string()).min(1).optional().describe('Series Descriptions; all in Bq/ml when absent'),
        phantom: z.string().optional().describe('name or file of the simulated patient'),
      }),
      handler: (request, { signal }) => replays.compare(request, signal),
    }),
  };
}
