import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { type Bench, createBench } from '../../sim/bench.js';
import type { Notice } from '../../sim/devices/board.js';
import { PatientSignals } from '../../sim/signals.js';
import { START_MS } from './sim-rig.js';

function beats(bench: Bench, clock: ManualClock, seconds: number): number[] {
  const times: number[] = [];
  const stop = bench.boards.gating.watch((notice: Notice) => {
    if (notice.name === 'trigger' && notice.fields.source === 'ecg') times.push(notice.at);
  });
  clock.advance(seconds * 1000);
  stop();
  return times;
}

const gaps = (times: number[]) => times.slice(1).map((time, i) => time - times[i]!);

test('the heart beats at the rate set, irregularly when told so, and each beat is told at its own time', () => {
  const clock = new ManualClock(START_MS);
  const bench = createBench({ clock, log: silentLog, seed: 4, phantom: 'air' });
  bench.boards.gating.command('enable', { source: 'ecg' });
  bench.act({ do: 'setHeart', beatsPerMinute: 90, variability: 0, ectopicShare: 0 });
  const regular = gaps(beats(bench, clock, 60)).slice(2);
  assert.ok(
    regular.every((gap) => Math.abs(gap - 60_000 / 90) < 1e-3),
    `${regular.slice(0, 5)}`,
  );
  assert.ok(Math.abs(Number(bench.boards.gating.readState().ecgBeatsPerMinute) - 90) < 0.1);
  bench.act({ do: 'setHeart', beatsPerMinute: 60, variability: 0.1, ectopicShare: 0.2 });
  const irregular = gaps(beats(bench, clock, 300)).slice(2);
  const mean = irregular.reduce((a, b) => a + b) / irregular.length;
  assert.ok(Math.abs(mean - 1000) < 20, `mean ${mean} ms`);
  // early beats with a full pause behind them
  assert.ok(irregular.some((gap) => gap < 750) && irregular.some((gap) => gap > 1250));
  assert.ok(irregular.every((gap) => gap > 300));
  bench.close();
});

test('triggers are R-waves and ends of inspiration, each once', () => {
  const signals = new PatientSignals(7, START_MS);
  for (const source of ['ecg', 'respiration'] as const) {
    const signal = signals.of(source);
    let at = START_MS + 1234.5;
    for (let i = 0; i < 200; i++) {
      const next = signal.nextTrigger(at);
      assert.ok(next > at);
      assert.ok(next - at < 10_000, `${source}: ${next - at} ms`);
      // the signal peaks there
      const here = signal.valueAt(next);
      assert.ok(here > signal.valueAt(next - 20) && here > signal.valueAt(next + 20), `${source} at ${next}`);
      at = next;
    }
  }
});

test.run();
