/** A performed procedure step SCP inside the process, as strict as the standard lets one be, and a worker in front of it. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import type { DoseSummary, Fact } from '../../runtime/archive/fact.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { type Dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import type { Exam } from '../../runtime/exam/exam.js';
import { type MppsEvent, type MppsService, MppsWorker } from '../../runtime/network/mpps-worker.js';
import type { SeriesSummary } from '../../runtime/objects/instance.js';
import { START } from './specimens.js';

export const EXPLICIT = '1.2.840.10008.1.2.1';
export const station = { aeTitle: 'PETRIG', stationName: 'STATION1' };
const CT_CLASS = '1.2.840.10008.5.1.4.1.1.2';
const CSA_CLASS = '1.3.12.2.1107.5.9.1';

const exposure = { kv: 120, mas: 35.04, ma: 35, seconds: 1.25, ctdiVol: 0.07, ctdiPhantom: 'BODY' as const, dlp: 2.2 };
export const dose: DoseSummary = {
  exposures: [
    { ...exposure, label: 'Topogram', kind: 'topogram' },
    { ...exposure, label: 'CT WB', kind: 'ct', mas: 100, ctdiVol: 3.456, dlp: 120.04 },
  ],
  totalDlp: 122.24,
};

export const seriesOf = (uid: string, sopClassUid: string): SeriesSummary => ({
  seriesInstanceUid: uid,
  modality: 'CT',
  description: `series ${uid}`,
  protocolName: 'wholebody-fdg',
  sopClassUid,
  instances: [1, 2].map((n) => ({ sopClassUid, sopInstanceUid: `${uid}.${n}` })),
});
export const series = [seriesOf('1.2.1', CT_CLASS), seriesOf('1.2.2', CSA_CLASS)];

/** Type 1 attributes of N-CREATE, PS3.4 table F.7.2-1, written out by hand: tag, or sequence/tag. */
export const CREATE_TYPE_1 = [
  '00400270',
  '00400270/0020000D',
  '00400253',
  '00400241',
  '00400244',
  '00400245',
  '00400252',
  '00080060',
];
/** Those of type 2: they must be there, if empty. */
export const CREATE_TYPE_2 = [
  '00400270/00081110',
  '00400270/00080050',
  '00400270/00401001',
  '00400270/00321060',
  '00400270/00400009',
  '00400270/00400007',
  '00400270/00400008',
  '00100010',
  '00100020',
  '00100030',
  '00100040',
  '00081120',
  '00400242',
  '00400243',
  '00400254',
  '00400255',
  '00081032',
  '00400250',
  '00400251',
  '00200010',
  '00400260',
  '00400340',
];

export function at(ds: Dataset, path: string) {
  const tags = path.split('/');
  const last = tags.pop()!;
  const level = tags.reduce((inner, tag) => inner[tag]!.Value[0] as Dataset, ds);
  return level[last];
}

/** A performed procedure step SCP as strict as the standard lets one be. */
export class StrictRis implements MppsService {
  readonly steps = new Map<string, { status: string; creations: number; updates: Dataset[]; created: Dataset }>();
  /** Called before and after each request took effect. */
  before: () => void = () => {};
  after: () => void = () => {};

  async create(uid: string, sent: Dataset): Promise<void> {
    this.before();
    const ds = decodeDataset(encodeDataset(sent, EXPLICIT), EXPLICIT);
    if (this.steps.has(uid)) refuse('0111');
    for (const path of CREATE_TYPE_1) if (!at(ds, path)?.Value.length) refuse('0120');
    if (text(ds, 'PerformedProcedureStepStatus') !== 'IN PROGRESS') refuse('0106');
    this.steps.set(uid, { status: 'IN PROGRESS', creations: 1, updates: [], created: ds });
    this.after();
  }

  async set(uid: string, sent: Dataset): Promise<void> {
    this.before();
    const ds = decodeDataset(encodeDataset(sent, EXPLICIT), EXPLICIT);
    const step = this.steps.get(uid);
    if (!step) refuse('0112');
    if (step.status !== 'IN PROGRESS') refuse('0110');
    const status = text(ds, 'PerformedProcedureStepStatus') ?? step.status;
    if (status === 'COMPLETED') {
      for (const tag of ['00400250', '00400251']) if (!ds[tag]?.Value.length) refuse('0120');
      const reported = items(ds, 'PerformedSeriesSequence');
      if (reported.length === 0) refuse('0120');
      for (const one of reported) if (!text(one, 'SeriesInstanceUID') || !text(one, 'ProtocolName')) refuse('0120');
    }
    step.status = status;
    step.updates.push(ds);
    this.after();
  }
}

export function refuse(status: string): never {
  throw new ScannerError('peer.status', { node: 'RIS', command: 'N', status, comment: '' });
}

export const lost = () => {
  throw new ScannerError('peer.aborted', { node: 'RIS', reason: 'gone' });
};

export async function withWorker<T>(
  use: (context: {
    open: (ris: MppsService) => Promise<{ worker: MppsWorker; archive: SqliteArchive; events: MppsEvent[] }>;
  }) => Promise<T>,
  options: { completion?: 'automatic' | 'user' } = {},
): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'petrig-mpps-'));
  const opened: { worker: MppsWorker; archive: SqliteArchive }[] = [];
  const open = async (ris: MppsService) => {
    for (const before of opened.splice(0)) {
      await before.worker.stop();
      await before.archive.close();
    }
    const clock = new ScaledClock();
    const archive = await SqliteArchive.open({ root, clock, log: silentLog });
    const worker = new MppsWorker({
      archive,
      clock,
      log: silentLog,
      service: ris,
      station,
      ...options,
      backoff: { firstMs: 2, lastMs: 8 },
    });
    const events: MppsEvent[] = [];
    worker.events$.subscribe((event) => events.push(event));
    opened.push({ worker, archive });
    return { worker, archive, events };
  };
  try {
    return await use({ open });
  } finally {
    for (const { worker, archive } of opened) {
      await worker.stop();
      await archive.close();
    }
    await rm(root, { recursive: true });
  }
}

export const started = (exam: Exam): Fact => ({ type: 'exam.started', exam });
export const complete = (exam: Exam, one: SeriesSummary): Fact => ({
  type: 'series.complete',
  examId: exam.id,
  series: one,
});
export const ended = (exam: Exam, outcome: 'COMPLETED' | 'DISCONTINUED' = 'COMPLETED'): Fact => ({
  type: 'exam.ended',
  exam: { ...exam, endedAt: START + 900_000 },
  outcome,
  reason: outcome === 'COMPLETED' ? '' : 'patient unwell',
  series,
  dose,
});

/** The code that a promise is rejected with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing thrown',
    (error: ScannerError) => error.code,
  );
}
