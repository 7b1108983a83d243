import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { items } from '../../runtime/dicom/dataset/dataset.js';
import { emergencyExam } from '../../runtime/exam/register.js';
import { codeOf, complete, ended, lost, refuse, StrictRis, series, started, withWorker } from '../helpers/ris.js';
import { START, specimenExam } from '../helpers/specimens.js';

test('an exam from start to end is told once, reconstruction by reconstruction', () =>
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
      [1, 2],
      'raw data alone is no reconstruction; the end reports it',
    );
    assert.equal(
      events.map((event) => event.type),
      ['mpps.created', 'mpps.updated', 'mpps.completed'],
    );
    assert.equal(await archive.facts('mpps'), []);
    const [kept, ...more] = await worker.steps.all();
    assert.equal([kept?.phase, more.length], ['completed', 0]);
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
      refuse('0106');
    };
    worker.start();
    await archive.putFacts(started(exam), complete(exam, series[0]!), ended(exam), started(other));
    await worker.settled();
    assert.equal(
      events.map((event) => event.type),
      ['mpps.refused', 'mpps.created'],
    );
    assert.is(events[0]?.type === 'mpps.refused' && events[0].meaning, 'invalid attribute value');
    assert.not(ris.steps.has(exam.ppsInstanceUid));
    assert.ok(ris.steps.has(other.ppsInstanceUid));
    // once the cause is mended the user has it sent: created, and ended as the examination did
    await worker.order(exam.id, { what: 'send' });
    await worker.settled();
    assert.is(ris.steps.get(exam.ppsInstanceUid)?.status, 'COMPLETED');
    assert.is((await worker.steps.load(exam.id))?.refusal, undefined);
  }));

test('lack of resources may pass: the request is made a few times before it is given up', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive, events } = await open(ris);
    const [passing, lasting] = [specimenExam(), specimenExam()];
    let full = 2;
    let tries = 0;
    ris.before = () => {
      tries++;
      if (full-- > 0) refuse('0213');
    };
    worker.start();
    await archive.putFacts(started(passing));
    await worker.settled();
    assert.equal([tries, ris.steps.has(passing.ppsInstanceUid)], [3, true]);
    full = Number.POSITIVE_INFINITY;
    await archive.putFacts(started(lasting));
    await worker.settled();
    assert.is(tries, 3 + 5);
    const last = events.at(-1);
    assert.is(last?.type === 'mpps.refused' && `${last.request} ${last.status}`, 'N-CREATE 0213');
  }));

test('a UID that the RIS already has is a refusal, unless our own request may have been there', () =>
  withWorker(async ({ open }) => {
    const ris = new StrictRis();
    const { worker, archive, events } = await open(ris);
    const exam = specimenExam();
    ris.before = () => refuse('0111');
    worker.start();
    await archive.putFacts(started(exam));
    await worker.settled();
    assert.is(events[0]?.type, 'mpps.refused');
    assert.is((await worker.steps.load(exam.id))?.created, false);
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
    await worker.order(exam.id, { what: 'send' });
    await worker.settled();
    assert.is(ris.steps.get(exam.ppsInstanceUid)?.status, 'COMPLETED');
    assert.equal(
      events.map((event) => event.type),
      ['mpps.held', 'mpps.created', 'mpps.completed'],
    );
    assert.is(await codeOf(worker.order(exam.id, { what: 'send' })), 'operator.state');
    assert.is(await codeOf(worker.order('no such exam', { what: 'send' })), 'operator.unknown');
  }));

test.run();
