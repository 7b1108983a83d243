import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { emergencyExam, examFromWorklist } from '../../runtime/exam/register.js';
import { supplyOf } from '../../runtime/exam/supplies.js';
import { performedParts } from '../../runtime/network/mpps-parts.js';
import { itemFromDataset } from '../../runtime/worklist/item.js';
import { codeOf, complete, ended, lost, StrictRis, series, started, withWorker } from '../helpers/ris.js';
import { START, specimenExam, worklistAnswer } from '../helpers/specimens.js';

const test = suite('what the user does with performed steps');
const catalog = { catalogName: '99SITE', catalogVersion: '7' };
const contrast = supplyOf({ code: 'CM1', meaning: 'Contrast 300', quantity: 80, unit: 'ml' }, catalog);

/** The last N-SET that the RIS took. */
function lastUpdate(ris: StrictRis, uid: string): Dataset {
  return ris.steps.get(uid)!.updates.at(-1)!;
}

test('where the user ends steps, what was entered goes out with the end, and nothing after it', () =>
  withWorker(
    async ({ open }) => {
      const ris = new StrictRis();
      const { worker, archive, events } = await open(ris);
      const exam = { ...specimenExam(), supplies: [contrast] };
      worker.start();
      await archive.putFacts(started(exam), complete(exam, series[0]!));
      await worker.settled();
      assert.is(await codeOf(worker.order(exam.id, { what: 'complete' })), 'operator.state', 'the exam is under way');
      await archive.putFacts(ended(exam));
      await worker.settled();
      assert.is(ris.steps.get(exam.ppsInstanceUid)?.status, 'IN PROGRESS');
      assert.is(events.at(-1)?.type, 'mpps.performed');

      const wrong = { what: 'discontinue' as const, changes: { reason: 'no such reason' } };
      assert.is(await codeOf(worker.order(exam.id, wrong)), 'operator.unknown');
      const syringe = supplyOf({ code: 'S1', scheme: 'OTHER', meaning: 'Syringe' }, catalog);
      await worker.order(exam.id, { what: 'send', changes: { description: 'Head only', supplies: [syringe] } });
      await worker.settled();
      const sent = lastUpdate(ris, exam.ppsInstanceUid);
      assert.equal(
        [text(sent, 'PerformedProcedureStepStatus'), text(sent, 'PerformedProcedureStepDescription')],
        ['IN PROGRESS', 'Head only'],
      );
      await worker.order(exam.id, { what: 'complete', changes: { procedureChanged: true, comment: 'as agreed' } });
      await worker.settled();
      const end = lastUpdate(ris, exam.ppsInstanceUid);
      assert.is(ris.steps.get(exam.ppsInstanceUid)?.status, 'COMPLETED');
      assert.is(text(end, 'CommentsOnThePerformedProcedureStep'), 'as agreed');
      assert.equal(end['00081032']?.Value, [], 'no procedure code when something else was done');
      const billed = items(end, 'BillingSuppliesAndDevicesSequence');
      assert.equal(
        billed.map((one) => text(items(one, 'BillingItemSequence')[0]!, 'CodeValue')),
        ['CM1', 'S1'],
      );
      assert.is(await codeOf(worker.order(exam.id, { what: 'discontinue' })), 'operator.state', 'it is over');
    },
    { completion: 'user' },
  ));

test('billed quantities are coded in UCUM, items in the site catalogue unless they say otherwise', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive } = await open(ris);
    const exam = { ...specimenExam(), supplies: [contrast] };
    worker.start();
    await archive.putFacts(started(exam), ended(exam));
    await worker.settled();
    for (const ds of [ris.steps.get(exam.ppsInstanceUid)!.created, lastUpdate(ris, exam.ppsInstanceUid)]) {
      const [billed] = items(ds, 'BillingSuppliesAndDevicesSequence');
      const [code] = items(billed!, 'BillingItemSequence');
      const values = ['CodeValue', 'CodingSchemeDesignator', 'CodingSchemeVersion', 'CodeMeaning'];
      const of = (item: Dataset | undefined) => values.map((keyword) => item && text(item, keyword));
      assert.equal(of(code), ['CM1', '99SITE', '7', 'Contrast 300']);
      const [quantity] = items(billed!, 'QuantitySequence');
      assert.is(text(quantity!, 'Quantity'), '80');
      assert.equal(of(items(quantity!, 'MeasuringUnitsSequence')[0]), ['ml', 'UCUM', '1.4', 'ml']);
    }
    assert.throws(() => supplyOf({ code: 'X', meaning: 'Y', quantity: 1, unit: 'furlong' }, catalog), /cm3/);
  }));

test('films printed for an exam are counted once and reported with its end', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const exam = specimenExam();
    const films = (count: number, filmSizeId: string) =>
      ({ type: 'film.printed', examId: exam.id, films: { count, mediumType: 'BLUE FILM', filmSizeId } }) as const;
    const first = await open(ris);
    first.worker.start();
    await first.archive.putFacts(started(exam), films(1, '14INX17IN'), films(2, '14INX17IN'), films(1, '8INX10IN'));
    await first.worker.settled();
    const { worker, archive } = await open(ris);
    worker.start();
    await archive.putFacts(ended(exam));
    await worker.settled();
    const used = items(lastUpdate(ris, exam.ppsInstanceUid), 'FilmConsumptionSequence').map((film) =>
      ['NumberOfFilms', 'MediumType', 'FilmSizeID'].map((keyword) => text(film, keyword)),
    );
    assert.equal(used, [
      ['3', 'BLUE FILM', '14INX17IN'],
      ['1', 'BLUE FILM', '8INX10IN'],
    ]);
  }));

test('an end that waits for the user says where committed series may be retrieved', () =>
  withWorker(
    async ({ open }) => {
      const ris = new StrictRis();
      const { worker, archive } = await open(ris);
      const exam = specimenExam();
      worker.start();
      const [whole, half] = series.map(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid));
      const sopInstanceUids = [...whole!, half![0]!];
      const committed = { type: 'instances.committed', node: 'N', retrieveAeTitle: 'PACS', sopInstanceUids } as const;
      await archive.putFacts(started(exam), ended(exam), committed);
      await worker.settled();
      await worker.order(exam.id, { what: 'complete' });
      await worker.settled();
      const reported = items(lastUpdate(ris, exam.ppsInstanceUid), 'PerformedSeriesSequence');
      assert.equal(
        reported.map((one) => text(one, 'RetrieveAETitle')),
        ['PACS', undefined],
      );
    },
    { completion: 'user' },
  ));

test('an exam without any acquisition is discontinued by itself even where the user ends steps', () =>
  withWorker(
    async ({ open }) => {
      const ris = new StrictRis();
      const { worker, archive } = await open(ris);
      const exam = specimenExam();
      worker.start();
      const nothing = { series: [], dose: { exposures: [], totalDlp: 0 } };
      await archive.putFacts(started(exam), { ...ended(exam, 'DISCONTINUED'), ...nothing } as never);
      await worker.settled();
      assert.is(ris.steps.get(exam.ppsInstanceUid)?.status, 'DISCONTINUED');
    },
    { completion: 'user' },
  ));

test('an emergency exam that the user ends must be sent first; a crash in its order does not double what was entered', () =>
  withWorker(
    async ({ open }) => {
      const ris = new StrictRis();
      const exam = emergencyExam({ protocol: 'p' }, { now: START });
      const first = await open(ris);
      first.worker.start();
      await first.archive.putFacts(started(exam), ended(exam));
      await first.worker.settled();
      assert.is(await codeOf(first.worker.order(exam.id, { what: 'complete' })), 'operator.state');
      await first.worker.order(exam.id, { what: 'send' });
      await first.worker.settled();
      let took = () => {};
      const effect = new Promise<void>((resolve) => {
        took = resolve;
      });
      ris.after = () => {
        took();
        lost();
      };
      await first.worker.order(exam.id, { what: 'complete', changes: { supplies: [contrast] } });
      await effect;
      ris.after = () => {};
      const second = await open(ris);
      second.worker.start();
      await second.worker.settled();
      const step = ris.steps.get(exam.ppsInstanceUid)!;
      assert.equal(
        [step.status, step.updates.filter((ds) => text(ds, 'PerformedProcedureStepStatus') === 'COMPLETED').length],
        ['COMPLETED', 1],
      );
      assert.is(items(lastUpdate(ris, exam.ppsInstanceUid), 'BillingSuppliesAndDevicesSequence').length, 1);
      assert.is((await second.worker.steps.load(exam.id))?.phase, 'completed');
    },
    { completion: 'user' },
  ));

/** The specimen step again as another step, in another study when `study` says so. */
function otherStep(stepId: string, study?: string) {
  const answer = worklistAnswer();
  const item = itemFromDataset(answer);
  const [step] = items(answer, 'ScheduledProcedureStepSequence');
  step!['00400009'] = { vr: 'SH', Value: [stepId] };
  if (study) answer['0020000D'] = { vr: 'UI', Value: [study] };
  return { ...item, ...itemFromDataset(answer) };
}

test('an exam of several scheduled steps names them all; each study has a performed step of its own', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive, events } = await open(ris);
    const registration = { protocol: 'wholebody-fdg', operator: 'Tech^A' };
    const further = [otherStep('SPS2'), otherStep('SPS3', '1.2.826.0.1.3680043.9.1234.77')];
    const exam = examFromWorklist(itemFromDataset(worklistAnswer()), registration, { now: START }, further);
    const [own, split, ...none] = performedParts(exam);
    assert.is(none.length, 0);
    worker.start();
    await archive.putFacts(started(exam), complete(exam, series[0]!), ended(exam));
    await worker.settled();

    const scheduled = (uid: string) =>
      items(ris.steps.get(uid)!.created, 'ScheduledStepAttributesSequence').map((step) => [
        text(step, 'StudyInstanceUID'),
        text(step, 'ScheduledProcedureStepID'),
      ]);
    const study = '1.2.826.0.1.3680043.9.1234.1';
    assert.equal(scheduled(own!.sopInstanceUid), [
      [study, 'SPS1'],
      [study, 'SPS2'],
    ]);
    assert.equal(scheduled(split!.sopInstanceUid), [['1.2.826.0.1.3680043.9.1234.77', 'SPS3']]);
    const ends = [own!, split!].map(({ sopInstanceUid }) => lastUpdate(ris, sopInstanceUid));
    assert.equal(
      ends.map((end) => [text(end, 'PerformedProcedureStepStatus'), text(end, 'TotalNumberOfExposures')]),
      [
        ['COMPLETED', '2'],
        ['COMPLETED', undefined],
      ],
      'dose is told once',
    );
    const [dummy] = items(ends[1]!, 'PerformedSeriesSequence');
    assert.equal(items(dummy!, 'ReferencedImageSequence'), []);
    assert.is(events.filter(({ type }) => type === 'mpps.completed').length, 2);
    const stranger = { ...otherStep('SPS4'), patientId: 'SOMEBODY' };
    assert.throws(() => examFromWorklist(otherStep('SPS1'), registration, { now: START }, [stranger]), /SOMEBODY/);
  }));

test.run();
