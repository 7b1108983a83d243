import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Archive } from '../../runtime/archive/archive.js';
import { AnswerLog, MOST_UNRECORDED } from '../../runtime/network/sending-answers.js';

const test = suite('answers of a send job');

/** A log whose archive writes when it is told to. */
function slowLog() {
  const writes: { count: number; done(): void; fail(error: Error): void }[] = [];
  const recordDeliveries: Archive['recordDeliveries'] = (_node, answers) =>
    new Promise((done, fail) => void writes.push({ count: answers.length, done, fail }));
  const acknowledged: string[] = [];
  const log = new AnswerLog({
    archive: { recordDeliveries } as Archive,
    sendId: 's1',
    node: 'NODE',
    clock: new ScaledClock(),
    acknowledged: (uids) => void acknowledged.push(...uids),
  });
  const add = (count: number) => {
    for (let i = 0; i < count; i++) log.add({ sopInstanceUid: `1.2.${i}`, sent: 'sent', status: 0 });
  };
  return { log, add, writes, acknowledged };
}

/** Whatever is ready has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  const waiting = Symbol('waiting');
  return (await Promise.race([promise, settled().then(() => waiting)])) === waiting;
}

test('there is room for what is not on record yet, and no more', async () => {
  const { log, add, writes, acknowledged } = slowLog();
  assert.is(await log.room(), MOST_UNRECORDED);
  add(1);
  await settled();
  add(MOST_UNRECORDED - 1);
  const room = log.room();
  assert.ok(await isWaiting(room), 'every place is taken');
  writes[0]!.done();
  await settled();
  assert.ok(await isWaiting(room), 'the second write has the rest');
  assert.is(writes[1]!.count, MOST_UNRECORDED - 1);
  writes[1]!.done();
  assert.is(await room, MOST_UNRECORDED);
  await log.written();
  assert.is(acknowledged.length, MOST_UNRECORDED);
});

test('a disk that fails ends the job, with no wait', async () => {
  const { log, add, writes } = slowLog();
  add(MOST_UNRECORDED);
  await settled();
  writes[0]!.fail(new ScannerError('data.disk', { path: 'archive.sqlite', message: 'disk I/O error' }));
  for (const wait of [() => log.room(), () => log.written()]) {
    const error = await wait().then(
      () => undefined,
      (caught: ScannerError) => caught,
    );
    assert.is(error?.code, 'data.disk');
  }
});

test.run();
