import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { itemFromDataset, type WorklistItem } from '../../runtime/worklist/item.js';
import { SqliteWorklistStore } from '../../runtime/worklist/store.js';
import { worklistAnswer } from '../helpers/specimens.js';

const test = suite('scheduler database');
const folder = mkdtempSync(join(tmpdir(), 'petrig-scheduler-'));
test.after(() => rmSync(folder, { recursive: true }));

let files = 0;
const fresh = () => ({ file: join(folder, `${++files}.sqlite`), clock: new ManualClock(1000) });
const first = itemFromDataset(worklistAnswer());
const entry = (stepId: string, more: Partial<WorklistItem> = {}): WorklistItem => ({ ...first, stepId, ...more });
const ids = (entries: readonly WorklistItem[]) => entries.map(({ stepId }) => stepId);
const anything = () => true;

test('a step is known by its study and step ID, takes new values in its place and is kept over restarts', async () => {
  const options = fresh();
  let store = new SqliteWorklistStore(options);
  const early = entry('SPS2', { accessionNumber: 'A2', startTime: '0800', patientId: 'PID8' });
  const elsewhere = entry('SPS1', { studyInstanceUid: '1.2.3', accessionNumber: first.accessionNumber });
  assert.equal(await store.take([first, early, elsewhere]), { added: 3, changed: 0, removed: [] });
  assert.equal(await store.take([first, early]), { added: 0, changed: 0, removed: [] });
  // the accession number is no part of the identity
  const renamed = { ...first, patientName: 'Renamed^Zoë', accessionNumber: 'A9' };
  assert.equal(await store.take([renamed]), { added: 0, changed: 1, removed: [] });
  await store.close();
  store = new SqliteWorklistStore(options);
  assert.equal(ids(await store.items()), ['SPS2', 'SPS1', 'SPS1']);
  assert.is((await store.byAccession('A9'))[0]?.patientName, 'Renamed^Zoë');
  assert.equal(ids(await store.byPatient('PID8')), ['SPS2']);
  assert.is((await store.items())[0]?.seenAt, 1000);
  await store.close();
});

test('what is cancelled goes, save what was begun or is not the query to judge', async () => {
  const store = new SqliteWorklistStore(fresh());
  const all = ['S1', 'S2', 'S3', 'S4', 'S5'].map((id) => entry(id));
  await store.take(all);
  await store.mark([all[1]!], 'started', 'exam-1');
  await store.mark([all[2]!], 'completed', 'exam-2');
  assert.equal((await store.take([all[0]!])).removed, [], 'nothing goes unless it is asked for');
  const { removed } = await store.take([all[0]!], ({ stepId }) => stepId !== 'S5');
  assert.equal(ids(removed), ['S4']);
  assert.equal(ids(await store.items()), ['S1', 'S2', 'S3', 'S5']);
  await store.close();
});

test('an entry that comes again keeps how far it is', async () => {
  const options = fresh();
  let store = new SqliteWorklistStore(options);
  await store.take([first]);
  await store.mark([first], 'started', 'exam-1');
  await store.mark([entry('UNKNOWN')], 'started', 'exam-1');
  await store.take([{ ...first, startTime: '1100' }], anything);
  await store.close();
  store = new SqliteWorklistStore(options);
  const [kept, ...more] = await store.items();
  assert.equal([kept?.progress, kept?.examId, kept?.startTime, more.length], ['started', 'exam-1', '1100', 0]);
  await store.mark([first], 'completed', 'exam-1');
  assert.is((await store.items())[0]?.progress, 'completed');
  await store.close();
});

test('entries of long ago are forgotten', async () => {
  const store = new SqliteWorklistStore(fresh());
  await store.take([
    entry('OLD', { startDate: '20251201' }),
    first,
    entry('UNDATED', { startDate: '', startTime: '' }),
  ]);
  assert.is(await store.forgetBefore('20260105'), 1);
  assert.equal(ids(await store.items()), ['UNDATED', 'SPS1']);
  await store.close();
});

test('a database of earlier versions, keyed by accession number, is taken over once', async () => {
  const options = fresh();
  const old = new Database(options.file);
  old.exec(`CREATE TABLE worklist (
    accession TEXT NOT NULL, step_id TEXT NOT NULL, patient_id TEXT NOT NULL, start TEXT NOT NULL,
    body TEXT NOT NULL, updated_at REAL NOT NULL, PRIMARY KEY (accession, step_id)) WITHOUT ROWID`);
  const put = old.prepare('INSERT INTO worklist VALUES (?, ?, ?, ?, ?, ?)');
  // two entries of one step: the accession number had changed
  put.run('A1', 'SPS1', 'PID7', '', JSON.stringify(first), 10);
  put.run('A0', 'SPS1', 'PID7', '', JSON.stringify({ ...first, accessionNumber: 'A0' }), 5);
  put.run('A2', 'SPS2', 'PID7', '', JSON.stringify(entry('SPS2', { accessionNumber: 'A2' })), 7);
  old.close();
  for (let opened = 0; opened < 2; opened++) {
    const store = new SqliteWorklistStore(options);
    assert.equal(
      (await store.items()).map(({ accessionNumber, seenAt }) => [accessionNumber, seenAt]),
      [
        ['A1', 10],
        ['A2', 7],
      ],
    );
    await store.close();
  }
});

test.run();
