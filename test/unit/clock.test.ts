import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock, ScaledClock, sleep } from '../../hal/base/clock.js';
import { registeredErrors, ScannerError } from '../../hal/base/errors.js';

const test = suite('clock');

test('a manual clock fires timers in order, each at its own instant', () => {
  const clock = new ManualClock(1000);
  const fired: [string, number][] = [];
  clock.after(30, () => fired.push(['c', clock.now()]));
  clock.after(10, () => fired.push(['a', clock.now()]));
  clock.every(20, () => fired.push(['b', clock.now()]));
  clock.after(5, () => fired.push(['x', clock.now()])).cancel();
  clock.advance(45);
  assert.equal(fired, [
    ['a', 1010],
    ['b', 1020],
    ['c', 1030],
    ['b', 1040],
  ]);
  assert.is(clock.now(), 1045);
});

test('a scaled clock runs faster, its wall does not', async () => {
  const clock = new ScaledClock({ speed: 50, startMs: 0 });
  const wallStart = clock.wall.now();
  await sleep(clock, 1000);
  assert.ok(clock.now() >= 990 && clock.now() < 20_000, `${clock.now()} ms of scanner time`);
  assert.ok(clock.wall.now() - wallStart < 500);
});

test('sleep rejects when aborted', async () => {
  const abort = new AbortController();
  const waiting = sleep(new ManualClock(), 10, abort.signal);
  abort.abort(new ScannerError('timeout.aborted', { what: 'sleep' }));
  try {
    await waiting;
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'timeout.aborted');
  }
});

test('every registered error code has a kind and fills its text', () => {
  for (const code of Object.keys(registeredErrors())) {
    assert.is(new ScannerError(code).kind, code.split('.')[0]);
  }
  assert.match(new ScannerError('limit.heat', { value: 5, max: 4 }).message, /5 HU, limit 4 HU/);
  assert.is(new ScannerError('nonsense.code').kind, 'bug');
});

test.run();
