import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import type { DoseSummary, Fact } from '../../runtime/archive/fact.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { type Dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import type { Exam } from '../../runtime/exam/exam.js';
import { emergencyExam } from '../../runtime/exam/register.js';
import { mppsCreation, mppsUpdate } from '../../runtime/network/mpps-dataset.js';
import { type MppsEvent, type MppsService, MppsWorker } from '../../runtime/network/mpps-worker.js';
import type { SeriesSummary } from '../../runtime/objects/instance.js';
import { START, specimenExam, worklistAnswer } from '../helpers/specimens.js';

const EXPLICIT = '1.2.840.10008.1.2.1';
const station = { aeTitle: 'PETRIG', stationName: 'STATION1' };
const CT_CLASS = '1.2.840.10008.5.1.4.1.1.2';
const CSA_CLASS = '1.3.12.2.1107.5.9.1';

const exposure = { kv: 120, mas: 35.04, ma: 35, seconds: 1.25, ctdiVol: 0.07, ctdiPhantom: 'BODY' as const, dlp: 2.2 };
const dose: DoseSummary = {
  exposures: [
    { ...exposure, label: 'Topogram', kind: 'topogram' },
    { ...exposure, label: 'CT WB', kind: 'ct', mas: 100, ctdiVol: 3.456, dlp: 120.04 },
  ],
  totalDlp: 122.24,
};

const seriesOf = (uid: string, sopClassUid: string): SeriesSummary => ({
  seriesInstanceUid: uid,
  modality: 'CT',
  description: `series ${uid}`,
  protocolName: 'wholebody-fdg',
  sopClassUid,
  instances: [1, 2].map((n) => ({ sopClassUid, sopInstanceUid: `${uid}.${n}` })),
});
const series = [seriesOf('1.2.1', CT_CLASS), seriesOf('1.2.2', CSA_CLASS)];

/** Type 1 attributes of N-CREATE, PS3.4 table F.7.2-1, written out by hand: tag, or sequence/tag. */
const CREATE_TYPE_1 = [
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
const CREATE_TYPE_2 = [
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

function at(ds: Dataset, path: string) {
  const tags = path.split('/');
  const last = tags.pop()!;
  const level = tags.reduce((inner, tag) => inner[tag]!.Value[0] as Dataset, ds);
  return level[last];
}

/** A performed procedure step SCP as strict as the standard lets one be. */
class StrictRis implements MppsService {
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

function refuse(status: string): never {
  throw new ScannerError('peer.status', { node: 'RIS', command: 'N', status, comment: '' });
}

const lost = () => {
  throw new ScannerError('peer.aborted', { node: 'RIS', reason: 'gone' });
};

async function withWorker<T>(
  use: (context: {
    open: (ris: StrictRis) => Promise<{ worker: MppsWorker; archive: SqliteArchive; events: MppsEvent[] }>;
  }) => Promise<T>,
): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'petrig-mpps-'));
  const opened: { worker: MppsWorker; archive: SqliteArchive }[] = [];
  const open = async (ris: StrictRis) => {
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

const started = (exam: Exam): Fact => ({ type: 'exam.started', exam });
const complete = (exam: Exam, one: SeriesSummary): Fact => ({ type: 'series.complete', examId: exam.id, series: one });
const ended = (exam: Exam, outcome: 'COMPLETED' | 'DISCONTINUED' = 'COMPLETED'): Fact => ({
  type: 'exam.ended',
  exam: { ...exam, endedAt: START + 900_000 },
  outcome,
  reason: outcome === 'COMPLETED' ? '' : 'patient unwell',
  series,
  dose,
});

test('N-CREATE carries every type 1 and type 2 attribute, with the worklist where it should', () => {
  const exam = specimenExam();
  const ds = decodeDataset(encodeDataset(mppsCreation(exam, station), EXPLICIT), EXPLICIT);
  for (const path of CREATE_TYPE_1) assert.ok(at(ds, path)?.Value.length, path);
  for (const path of CREATE_TYPE_2) assert.ok(at(ds, path), path);
  const value = (path: string) => String(at(ds, path)?.Value[0] ?? '');
  assert.equal(
    [value('00400253'), value('00400241'), value('00400242'), value('00400243')],
    ['SPS1', 'PETRIG', 'STATION1', 'ROOM 3'],
  );
  assert.equal([value('00100010'), value('00200010'), value('00400254')], ['Müller^Jörg', 'RP1', 'PET/CT step']);
  assert.equal([value('00400270/00080050'), value('00400270/00400009')], ['A1', 'SPS1']);
  assert.is(text(at(ds, '00081032')!.Value[0] as Dataset, 'CodeValue'), 'WB');
  assert.equal(at(ds, '00400244')!.Value, ['20260105']);
});

test('N-CREATE of an unscheduled patient has them too, empty where nobody knows', () => {
  const { item: _none, ...exam } = specimenExam(worklistAnswer('Plain^Name', 'ISO_IR 192'));
  const ds = mppsCreation({ ...exam, patient: { ...exam.patient, birthDate: '', sex: '' } }, station);
  for (const path of CREATE_TYPE_1) assert.ok(at(ds, path)?.Value.length, path);
  for (const path of CREATE_TYPE_2) assert.ok(at(ds, path), path);
  assert.equal(at(ds, '00100030')!.Value, []);
});

test('the final N-SET reports series, dose and one comment line a scan', () => {
  const ds = mppsUpdate(specimenExam(), series, { outcome: 'COMPLETED', reason: '', endedAt: START + 900_000, dose });
  const [images, raw] = items(ds, 'PerformedSeriesSequence');
  assert.equal(
    items(images!, 'ReferencedImageSequence').map((ref) => text(ref, 'ReferencedSOPInstanceUID')),
    ['1.2.1.1', '1.2.1.2'],
  );
  assert.equal(raw!['00081140']?.Value, []);
  assert.is(items(raw!, 'ReferencedNonImageCompositeSOPInstanceSequence').length, 2);
  assert.is(
    text(ds, 'CommentsOnRadiationDose'),
    'Topogram: kV=120 mAs=35\r\nCT WB: kV=120 mAs=100 CTDIvol=3.46 DLP=120',
  );
  assert.equal(
    items(ds, 'ExposureDoseSequence').map((one) => [
      text(one, 'KVP'),
      text(one, 'XRayTubeCurrentInuA'),
      text(one, 'ExposureTime'),
    ])[0],
    ['120', '35000', '1250'],
  );
  assert.equal([text(ds, 'TotalNumberOfExposures'), text(ds, 'PerformedProcedureStepEndTime')], ['2', '094500.000000']);
  const progress = mppsUpdate(specimenExam(), series.slice(0, 1));
  assert.is(text(progress, 'PerformedProcedureStepStatus'), 'IN PROGRESS');
  assert.is(progress['00400250'], undefined, 'no end while it goes on');
  const discontinued = mppsUpdate(specimenExam(), series, {
    outcome: 'DISCONTINUED',
    reason: 'patient unwell',
    endedAt: START,
    dose,
  });
  assert.is(
    text(items(discontinued, 'PerformedProcedureStepDiscontinuationReasonCodeSequence')[0]!, 'CodeValue'),
    '110513',
  );
  assert.is(text(discontinued, 'CommentsOnThePerformedProcedureStep'), 'patient unwell');
});

test('an exam from start to end is told once, series by series', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive, events } = await open(ris);
    const exam = specimenExam();
    worker.start();
    await archive.putFacts(started(exam), complete(exam, series[0]!), complete(exam, series[1]!), ended(exam));
    await worker.settled();
    const step = ris.steps.get(exam.ppsInstanceUid)!;
    assert.is(step.status, 'COMPLETED');
    assert.equal(
      step.updates.map((update) => items(update, 'PerformedSeriesSequence').length),
      [1, 2, 2],
    );
    assert.equal(
      events.map((event) => event.type),
      ['mpps.created', 'mpps.updated', 'mpps.updated', 'mpps.completed'],
    );
    assert.equal(await archive.facts('mpps'), []);
    assert.equal(await archive.states('mpps'), []);
  }));

test('a peer that is away is tried again; nothing is told twice', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive, events } = await open(ris);
    const exam = specimenExam();
    let failures = 0;
    // the request of the first attempt gets through each time, its answer does not
    ris.after = () => {
      if (failures++ % 2 === 0) lost();
    };
    ris.before = () => {
      if (failures === 0 && events.length < 2) lost();
    };
    worker.start();
    await archive.putFacts(started(exam), ended(exam, 'DISCONTINUED'));
    await worker.settled();
    const step = ris.steps.get(exam.ppsInstanceUid)!;
    assert.equal([step.status, step.updates.length, step.creations], ['DISCONTINUED', 1, 1]);
    const told = events.map((event) => event.type).filter((type) => type !== 'mpps.retrying');
    assert.equal(told, ['mpps.created', 'mpps.discontinued']);
    assert.ok(events.filter((event) => event.type === 'mpps.retrying').length >= 3);
  }));

test('a crash between request and record is no second step: the answer tells', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const exam = specimenExam();
    for (const [fact, expected] of [
      [started(exam), 'mpps.created'],
      [ended(exam), 'mpps.completed'],
    ] as const) {
      // the request takes effect, then the process is gone: its answer never comes
      const first = await open(ris);
      let took = () => {};
      const effect = new Promise<void>((resolve) => {
        took = resolve;
      });
      ris.after = () => {
        took();
        lost();
      };
      first.worker.start();
      await first.archive.putFacts(fact);
      await effect;
      ris.after = () => {};
      const second = await open(ris);
      second.worker.start();
      await second.worker.settled();
      assert.equal(
        second.events.map((event) => event.type),
        [expected],
      );
    }
    const step = ris.steps.get(exam.ppsInstanceUid)!;
    assert.equal([step.status, step.updates.length], ['COMPLETED', 1]);
  }));

test('a refusal is not repeated, is told with its meaning, and does not hold up the next exam', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive, events } = await open(ris);
    const exam = specimenExam();
    const other = specimenExam();
    ris.before = () => {
      ris.before = () => {};
      refuse('0213');
    };
    worker.start();
    await archive.putFacts(started(exam), ended(exam), started(other));
    await worker.settled();
    assert.equal(
      events.map((event) => event.type),
      ['mpps.refused', 'mpps.created'],
    );
    const [refused] = events;
    assert.is(refused?.type === 'mpps.refused' && refused.meaning, 'resource limitation');
    assert.not(ris.steps.has(exam.ppsInstanceUid));
    assert.ok(ris.steps.has(other.ppsInstanceUid));
  }));

test('an emergency exam is held until the operator asks', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive, events } = await open(ris);
    const exam = emergencyExam({ protocol: 'p' }, { now: START });
    worker.start();
    await archive.putFacts(started(exam), complete(exam, series[0]!), ended(exam));
    await worker.settled();
    assert.is(ris.steps.size, 0);
    await worker.announce(exam.id);
    await worker.settled();
    assert.is(ris.steps.get(exam.ppsInstanceUid)?.status, 'COMPLETED');
    assert.equal(
      events.map((event) => event.type),
      ['mpps.held', 'mpps.created', 'mpps.completed'],
    );
    const error = await worker.announce(exam.id).catch((thrown: ScannerError) => thrown);
    assert.is((error as ScannerError).code, 'operator.unknown');
  }));

test.run();
