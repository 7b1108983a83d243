/** The worklist as the controller has it: configuration, the simulated RIS, examinations that mark entries. */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { parseConfig } from '../../runtime/config.js';
import { registerExam } from '../../runtime/control/register.js';
import { WorklistDesk } from '../../runtime/control/worklistdesk.js';
import type { PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import { daOf } from '../../runtime/exam/datetime.js';
import { commonScope } from '../../runtime/objects/context.js';
import { SqliteWorklistStore } from '../../runtime/worklist/store.js';
import { startHospital } from '../../sim/hospital/hospital.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { clock, log, scratch } from '../helpers/dicom.js';
import { codeOf, ended, started } from '../helpers/ris.js';
import { START, specimenContext } from '../helpers/specimens.js';

const test = suite('worklist desk');
const today = daOf(clock.now());
const TOMORROW = daOf(clock.now() + 86_400_000);

/** The first entry of the demonstration with these values in its step and around it. */
function entry(step: PlainDataset, more: PlainDataset = {}): PlainDataset {
  const [first] = demoEntries(today, 'PETCT1');
  const [scheduled] = first!.ScheduledProcedureStepSequence as [PlainDataset];
  return { ...first, ...more, ScheduledProcedureStepSequence: [{ ...scheduled, ...step }] };
}

async function withDesk(
  entries: readonly PlainDataset[],
  settings: object,
  use: (parts: {
    desk: WorklistDesk;
    archive: SqliteArchive;
    store: SqliteWorklistStore;
    config: ReturnType<typeof parseConfig>;
    hospital: Awaited<ReturnType<typeof startHospital>>;
  }) => Promise<void>,
): Promise<void> {
  const folder = scratch();
  const options = { dataDir: join(folder, 'hospital'), risPort: 0, pacsPort: 0, clock, log };
  const hospital = await startHospital({ ...options, worklist: entries });
  const archive = await SqliteArchive.open({ root: join(folder, 'archive'), clock, log });
  const store = new SqliteWorklistStore({ file: join(folder, 'archive', 'archive.sqlite'), clock });
  const { node = {}, ...more } = settings as { node?: object };
  const config = parseConfig({
    aeTitles: { worklist: 'PETCT1' },
    nodes: [{ ...hospital.ris, services: ['worklist', 'mpps'], ...node }],
    ...more,
  });
  const desk = new WorklistDesk({ config, store, archive, clock, log });
  try {
    await use({ desk, archive, store, config, hospital });
  } finally {
    await desk.close();
    await store.close();
    await archive.close();
    await hospital.close();
  }
}

const OTHER_STUDY = {
  StudyInstanceUID: '2.25.99',
  RequestedProcedureID: 'RP9',
  RequestedProcedureDescription: 'Heart',
};
const SEVERAL = [
  entry({}),
  entry({ ScheduledProcedureStepID: 'SPS1B', Modality: 'CT' }),
  entry({ ScheduledProcedureStepID: 'SPS1C' }, OTHER_STUDY),
  entry({ ScheduledProcedureStepID: 'LATER', ScheduledProcedureStepStartDate: TOMORROW }),
  entry({ ScheduledProcedureStepID: 'OTHER', ScheduledStationAETitle: 'MRI' }, { AccessionNumber: 'A7' }),
];
const ids = (entries: readonly { stepId: string }[]) => entries.map(({ stepId }) => stepId).sort();

test('a broad query asks for the own worklist title today, for the modality, or for the range that is given', async () => {
  await withDesk(SEVERAL, {}, async ({ desk }) => {
    assert.equal(ids((await desk.update({})).entries), ['SPS1', 'SPS1B', 'SPS1C']);
    assert.equal(ids((await desk.update({ fromDate: TOMORROW })).entries), ['LATER']);
    assert.equal(ids((await desk.update({ fromDate: today, toTime: '0700' })).entries), []);
    assert.is((await desk.list()).length, 4);
  });
  await withDesk(SEVERAL, { worklistQuery: { by: 'modality', modality: 'PT', daysAfter: 1 } }, async ({ desk }) => {
    assert.equal(ids((await desk.update({})).entries), ['LATER', 'OTHER', 'SPS1', 'SPS1C']);
  });
});

test('the timer fills the database by itself', () =>
  withDesk(SEVERAL, {}, async ({ desk }) => {
    desk.start();
    const end = performance.now() + 20_000;
    while ((await desk.list()).length === 0 && performance.now() < end) await new Promise((r) => setTimeout(r, 50));
    assert.is((await desk.list()).length, 3);
  }));

test('an examination marks the steps that it performs, and what the RIS no longer lists goes only if it was not begun', () =>
  withDesk(
    SEVERAL,
    { node: { worklist: { removeCancelled: true } } },
    async ({ desk, archive, store, config, hospital }) => {
      desk.start();
      const { exam } = await registerExam(
        { protocol: 'wholebody-fdg', accession: 'A1' },
        { config, worklist: desk, now: START, serial: 0, anodeHeat: 0 },
      );
      assert.equal(
        [exam.item, ...exam.furtherSteps!.map(({ item }) => item)].map((item) => item!.stepId).sort(),
        ['SPS1', 'SPS1B', 'SPS1C'],
        'all of the day, found although no broad query was sent',
      );
      assert.is('progress' in exam.item!, false);
      const requests = commonScope(specimenContext(exam), {
        seriesNumber: 1,
        description: '',
        modality: 'CT',
        startedAt: START,
      });
      assert.is(
        (requests.requestAttributesSequence as unknown[]).length,
        2,
        'those of the study that holds the images',
      );

      await archive.putFacts(started(exam));
      const progress = async () => Object.fromEntries((await desk.list()).map((e) => [e.stepId, e.progress]));
      const end = performance.now() + 10_000;
      while ((await progress()).SPS1 !== 'started' && performance.now() < end)
        await new Promise((r) => setTimeout(r, 20));
      assert.equal(await progress(), { SPS1: 'started', SPS1B: 'started', SPS1C: 'started', LATER: 'scheduled' });

      await desk.update({ fromDate: today });
      for (const id of ['SPS1', 'SPS1B', 'SPS1C', 'LATER']) {
        hospital.worklist.schedule.cancel({ accessionNumber: 'A1', scheduledProcedureStepId: id });
      }
      const result = await desk.update({ fromDate: today });
      assert.equal([result.entries.length, result.removed], [0, 1]);
      await archive.putFacts({ ...ended(exam), exam } as never);
      while ((await progress()).SPS1 !== 'completed' && performance.now() < end)
        await new Promise((r) => setTimeout(r, 20));
      assert.equal(await progress(), { SPS1: 'completed', SPS1B: 'completed', SPS1C: 'completed' });
      assert.is((await store.byAccession('A1')).length, 3);
    },
  ));

test('steps are chosen by their ID; what is not there is named', () =>
  withDesk(SEVERAL, {}, async ({ desk, config }) => {
    assert.equal(ids(await desk.forAccession('A1', ['SPS1B'])), ['SPS1B']);
    assert.is(await codeOf(desk.forAccession('A1', ['SPS1', 'NONE'])), 'operator.unknown');
    const error = (await desk.forAccession('A9').catch((thrown) => thrown)) as ScannerError;
    assert.match(error.message, /A9.*known: A1/);
    const options = { config, worklist: desk, now: START, serial: 0, anodeHeat: 0 };
    const wrong = registerExam({ protocol: 'wholebody-fdg', accession: 'A1', patientId: 'SOMEBODY' }, options);
    assert.is(await codeOf(wrong), 'operator.usage');
    const entered = { accession: 'X1', requestedProcedureId: 'R1', patientId: 'P', patientName: 'New^One' };
    const { exam } = await registerExam({ protocol: 'wholebody-fdg', ...entered }, options);
    assert.equal([exam.accessionNumber, exam.requestedProcedureId, exam.item], ['X1', 'R1', undefined]);
  }));

test('of requested procedures in several studies the images go to that of the first step named, under its description', () =>
  withDesk(SEVERAL, {}, async ({ desk, config }) => {
    const options = { config, worklist: desk, now: START, serial: 0, anodeHeat: 0 };
    const studyOf = async (...steps: string[]) => {
      const { exam } = await registerExam({ protocol: 'wholebody-fdg', accession: 'A1', steps }, options);
      const series = { seriesNumber: 1, description: '', modality: 'PT', startedAt: START };
      const { studyInstanceUid, studyDescription } = commonScope(
        { ...specimenContext(exam), bodyRegion: 'CHEST' },
        series,
      );
      return [studyInstanceUid, studyDescription, exam.item?.stepId];
    };
    const [, first] = await studyOf('SPS1', 'SPS1B');
    assert.is(first, 'CHEST^wholebody-fdg', 'one study: as ever');
    assert.equal(await studyOf('SPS1C', 'SPS1'), ['2.25.99', 'Heart', 'SPS1C']);
    const [study, description, step] = await studyOf('SPS1', 'SPS1C');
    assert.is.not(study, '2.25.99');
    assert.equal([description, step], [demoEntries(today, 'PETCT1')[0]!.RequestedProcedureDescription, 'SPS1']);
  }));

test('an accession number that nobody knows: what is scheduled is named although no broad query was sent before', () =>
  withDesk(SEVERAL, { node: { worklist: { removeCancelled: true } } }, async ({ desk, hospital }) => {
    const refused = async () => (await desk.forAccession('A9').catch((thrown) => thrown)) as ScannerError;
    assert.match((await refused()).message, /A9.*known: A1/);
    for (const id of ['SPS1', 'SPS1B', 'SPS1C', 'LATER']) {
      hospital.worklist.schedule.cancel({ accessionNumber: 'A1', scheduledProcedureStepId: id });
    }
    assert.match((await refused()).message, /A9.*none/, 'as the RIS has it now');
  }));

test('a RIS that is down refuses the user and leaves the entries', () =>
  withDesk(SEVERAL, {}, async ({ desk, hospital }) => {
    await desk.update({});
    await hospital.close();
    assert.is(await codeOf(desk.update({})), 'peer.connect');
    assert.is((await desk.list()).length, 3);
  }));

test.run();
