import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Dataset } from '../../runtime/dicom/dataset/dataset.js';
import type { WorklistAnswer } from '../../runtime/worklist/client.js';
import { itemFromDataset, type WorklistItem } from '../../runtime/worklist/item.js';
import { broadQuery, patientQuery } from '../../runtime/worklist/query.js';
import { SqliteWorklistStore } from '../../runtime/worklist/store.js';
import { WorklistUpdates } from '../../runtime/worklist/updates.js';
import { worklistAnswer } from '../helpers/specimens.js';

const test = suite('worklist updates');
const MINUTE = 60_000;

/** An entry whose attributes say the same as its fields: removal looks at the attributes. */
function entry(stepId: string, more: { startDate?: string; modality?: string } = {}): WorklistItem {
  const answer = worklistAnswer();
  const step = answer['00400100']!.Value[0] as Dataset;
  step['00400009'] = { vr: 'SH', Value: [stepId] };
  if (more.startDate) step['00400002'] = { vr: 'DA', Value: [more.startDate] };
  if (more.modality) step['00080060'] = { vr: 'CS', Value: [more.modality] };
  return itemFromDataset(answer);
}

const whole = (...items: WorklistItem[]): WorklistAnswer => ({
  items,
  complete: true,
  unsupportedKeys: false,
  notes: [],
});
const away = () => new ScannerError('peer.connect', { node: 'RIS', host: 'h', port: 1, message: 'refused' });
const today = () => broadQuery({ stationAeTitle: 'PETRIG', modality: '*', startDate: '20260105-20260105' });

interface Told {
  level: string;
  message: string;
}

function bench(answers: () => WorklistAnswer | Promise<WorklistAnswer>, removeCancelled = true) {
  const clock = new ManualClock(0);
  const store = new SqliteWorklistStore({ file: ':memory:', clock });
  const told: Told[] = [];
  const at = (level: string) => (_fields: object, message: string) => void told.push({ level, message });
  const log: Log = { debug() {}, info: at('info'), warn: at('warn'), error: at('error'), child: () => log };
  let asked = 0;
  const updates = new WorklistUpdates({
    store,
    ask: async () => {
      asked++;
      return answers();
    },
    broad: today,
    intervalMs: 60 * MINUTE,
    removeCancelled,
    forgetBefore: () => '20251201',
    clock,
    log,
  });
  return { clock, store, told, updates, asked: () => asked };
}

const known = async (store: SqliteWorklistStore) => (await store.items()).map(({ stepId }) => stepId);

test('the timer asks soon after the start, then each interval', async () => {
  const { clock, updates, asked, store } = bench(() => whole(entry('S1')));
  updates.start();
  await clock.run(4000, 1000);
  assert.is(asked(), 1);
  assert.equal(await known(store), ['S1']);
  await clock.run(59 * MINUTE, MINUTE);
  assert.is(asked(), 1);
  await clock.run(2 * MINUTE, MINUTE);
  assert.is(asked(), 2);
  await updates.stop();
  await clock.run(120 * MINUTE, MINUTE);
  assert.is(asked(), 2, 'stopped');
});

test('a node that is away is asked with growing pauses, told once, and the entries stay', async () => {
  let up = true;
  const { clock, updates, asked, store, told } = bench(() =>
    up ? whole(entry('S1')) : { items: [], complete: false, unsupportedKeys: false, notes: [], error: away() },
  );
  updates.start();
  await clock.run(4000, 1000);
  up = false;
  await clock.run(60 * MINUTE, 10_000);
  const before = asked();
  await clock.run(10 * MINUTE, 5000);
  const tries = asked() - before;
  assert.ok(tries >= 3 && tries <= 6, `15, 30, 60, 120, 240 s apart: ${tries}`);
  assert.equal(await known(store), ['S1']);
  assert.is(told.filter(({ level }) => level === 'warn').length, 1);
  up = true;
  await clock.run(60 * MINUTE, 10_000);
  assert.is(told.at(-1)?.message, 'the worklist node answers again');
  await updates.stop();
});

test('an entry is removed only by a complete broad query that would have returned it', async () => {
  const kept = entry('KEPT');
  const [gone, tomorrow] = [entry('GONE'), entry('TOMORROW', { startDate: '20260106' })];
  const cut: WorklistAnswer = { items: [kept], complete: false, unsupportedKeys: false, notes: ['cut'] };
  for (const { name, answer, ask, expected } of [
    { name: 'cut by the limit', answer: cut, ask: 'broad', expected: 3 },
    { name: 'patient based', answer: whole(kept), ask: 'narrow', expected: 3 },
    { name: 'broken off', answer: { ...cut, error: away() }, ask: 'broad', expected: 3 },
    { name: 'complete', answer: whole(kept), ask: 'broad', expected: 2 },
  ] as const) {
    let next = whole(kept, gone, tomorrow);
    const { updates, store } = bench(() => next);
    await updates.broad(today());
    next = answer;
    const asking = ask === 'broad' ? updates.broad(today()) : updates.narrow(patientQuery({ patientId: 'PID7' }));
    await asking.catch((error: ScannerError) => assert.is(error.code, 'peer.connect'));
    assert.is((await known(store)).length, expected, name);
    if (expected === 2) assert.equal(await known(store), ['KEPT', 'TOMORROW']);
  }
});

test('nothing is removed where that is not switched on', async () => {
  let next = whole(entry('S1'), entry('S2'));
  const { updates, store } = bench(() => next, false);
  await updates.broad(today());
  next = whole();
  assert.is((await updates.broad(today())).removed, 0);
  assert.equal(await known(store), ['S1', 'S2']);
});

test('what came before a query broke off is kept, and queries wait for each other', async () => {
  const order: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { updates, store } = bench(async () => {
    order.push('ask');
    if (order.length === 1) await held;
    return { items: [entry('S1')], complete: false, unsupportedKeys: false, notes: [], error: away() };
  });
  const [one, two] = [updates.broad(today()), updates.broad(today())];
  const failures = Promise.allSettled([one, two]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(order.length, 1, 'one association at a time');
  release();
  assert.equal(
    (await failures).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await known(store), ['S1']);
});

test.run();
