import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor } from 'xstate';
import { ScannerError } from '../../hal/base/errors.js';
import { type MachineRecord, persistActor, RecordStore, restore } from '../../machines/persist.js';
import { reconstructionMachine } from '../../machines/reconstruction.js';
import { Deferreds, settled } from './deferred.js';

const test = suite('records of machines');

let directory = '';
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'petrig-records-'));
});
test.after(() => rm(directory, { recursive: true, force: true }));

const record = (id: string, value: string): MachineRecord => ({
  schema: 1,
  machine: 'exam',
  id,
  value,
  context: { examId: id },
});

test('a record is written whole, replaced, found again and removed', async () => {
  const store = new RecordStore(join(directory, 'a'));
  assert.equal(await store.load(), []);
  await store.save(record('E/1', 'registering'));
  await store.save(record('E/1', 'closing'));
  await store.save(record('E2', 'storing'));
  assert.equal(await store.load(), [record('E/1', 'closing'), record('E2', 'storing')]);
  await store.remove('exam', 'E/1');
  assert.equal(await store.load(), [record('E2', 'storing')]);
});

test('what a process left half written is removed and the older record stands', async () => {
  const path = join(directory, 'b');
  const store = new RecordStore(path);
  await store.save(record('E1', 'storing'));
  await writeFile(join(path, 'exam-E1.json.77.0.tmp'), '{"schema":1,"mach');
  assert.equal(await new RecordStore(path).load(), [record('E1', 'storing')]);
  assert.equal(await readdir(path), ['exam-E1.json']);
});

test('a record that cannot be written is data.disk, one that cannot be read data.invalid', async () => {
  const file = join(directory, 'c');
  await writeFile(file, '');
  await new RecordStore(file).save(record('E1', 'x')).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'data.disk'),
  );
  const broken = join(directory, 'd');
  await new RecordStore(broken).save(record('E1', 'x'));
  await writeFile(join(broken, 'exam-E1.json'), '{');
  await new RecordStore(broken).load().then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'data.invalid'),
  );
  assert.throws(() => restore(record('E1', 'x'), 'send'), /expected send/);
  assert.throws(() => restore({ ...record('E1', 'x'), schema: 99 }, 'exam'), /schema 99/);
});

test('each change is saved in order, progress alone is not, a failed write is told and the next one tried', async () => {
  const deferreds = new Deferreds();
  const machine = reconstructionMachine.provide({
    actors: { runReconstruction: deferreds.logic('runReconstruction') },
  });
  const actor = createActor(machine, { input: { jobId: 'J', examId: 'E', rangeId: 'R', kind: 'ct' } });
  const saved: MachineRecord[] = [];
  const problems: unknown[] = [];
  let broken = false;
  const persisting = persistActor(actor, {
    machine: 'reconstruction',
    id: 'J',
    ignore: ['progress'],
    failed: (error) => problems.push(error),
    save: async (saving) => {
      await settled();
      if (broken) throw new ScannerError('data.disk', { path: 'x', message: 'full' });
      saved.push(saving);
    },
  });
  actor.start();
  await persisting.flush();
  broken = true;
  actor.send({ type: 'START' });
  await persisting.flush();
  assert.is(problems.length, 1);
  broken = false;
  for (let i = 1; i < 10; i++) actor.send({ type: 'PROGRESSED', fraction: i / 10 });
  await persisting.flush();
  deferreds.settle({ type: 'xstate.done.actor.runReconstruction', output: { slices: 4 } });
  await settled();
  await persisting.flush();
  assert.equal(
    saved.map(({ value }) => value),
    ['queued', 'done'],
  );
  assert.equal(saved.at(-1)?.context, JSON.parse(JSON.stringify(actor.getSnapshot().context)));
});

test('of changes during a write only the newest is written', async () => {
  const deferreds = new Deferreds();
  const machine = reconstructionMachine.provide({
    actors: { runReconstruction: deferreds.logic('runReconstruction') },
  });
  const actor = createActor(machine, { input: { jobId: 'J', examId: 'E', rangeId: 'R', kind: 'ct' } });
  const saved: unknown[] = [];
  const persisting = persistActor(actor, {
    machine: 'reconstruction',
    id: 'J',
    failed: () => assert.unreachable(),
    save: async ({ value }) => {
      await settled();
      saved.push(value);
    },
  });
  actor.start();
  actor.send({ type: 'START' });
  actor.send({ type: 'CANCEL' });
  await persisting.flush();
  assert.equal(saved, ['queued', 'cancelled']);
});

test.run();
