import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  breathMm,
  CALM_BREATH,
  ecgMillivolt,
  inspirations,
  RESTING_HEART,
  rWaveAt,
  rWaves,
} from '../../sim/physics/physiology.js';

test('R waves come at the set rate, in order, the same however they are asked for', () => {
  const heart = { ...RESTING_HEART, beatsPerMinute: 72, variability: 0.05 };
  const minute = rWaves(heart, 0, 60);
  assert.ok(Math.abs(minute.length - 72) <= 1, `${minute.length}`);
  assert.equal([...rWaves(heart, 0, 17.3), ...rWaves(heart, 17.3, 60)], minute);
  const gaps = minute.slice(1).map((t, i) => t - minute[i]!);
  assert.ok(gaps.every((g) => g > 0.7 && g < 0.97));
  assert.ok(new Set(gaps.map((g) => g.toFixed(3))).size > 20);
  assert.not.equal(rWaves({ ...heart, seed: 2 }, 0, 60), minute);
});

test('ectopic beats come early, the beat after them in its place', () => {
  const heart = { beatsPerMinute: 60, variability: 0, ectopicShare: 0.2, seed: 4 };
  const beats = Array.from({ length: 1000 }, (_, i) => rWaveAt(heart, i) - i);
  const early = beats.filter((lead) => lead < -0.1).length;
  assert.ok(early > 150 && early < 250, `${early}`);
  assert.ok(beats.every((lead) => lead === 0 || Math.abs(lead + 0.35) < 1e-9));
});

test('the ECG peaks at its R waves', () => {
  const [r] = rWaves(RESTING_HEART, 5, 6.5) as [number];
  const at = ecgMillivolt(RESTING_HEART, r);
  assert.ok(at > 0.8 && at < 1.3, `${at}`);
  for (let t = r - 0.3; t < r + 0.5; t += 0.005)
    if (Math.abs(t - r) > 0.02) assert.ok(ecgMillivolt(RESTING_HEART, t) < 0.6 * at);
});

test('breath rests at expiration, is as deep as set, and drifts', () => {
  const breath = { ...CALM_BREATH, periodSeconds: 4, amplitudeMm: 10, variability: 0 };
  const peaks = inspirations(breath, 0, 40);
  assert.is(peaks.length, 10);
  for (const t of peaks) assert.ok(Math.abs(breathMm(breath, t) - 10) < 1e-9);
  for (let n = 0; n < 10; n++) assert.ok(Math.abs(breathMm(breath, 4 * n)) < 1e-9);
  const low = Array.from({ length: 4000 }, (_, i) => breathMm(breath, i / 100)).filter((mm) => mm < 5).length;
  assert.ok(low > 2400, 'more time near expiration than near inspiration');
  assert.ok(Math.abs(breathMm({ ...breath, driftMmPerMinute: 3 }, 60) - 3) < 1e-9);
});

test('irregular breaths differ in depth but never jump', () => {
  const depths = inspirations(CALM_BREATH, 0, 300).map((t) => breathMm(CALM_BREATH, t));
  assert.ok(Math.max(...depths) > 12.3 && Math.min(...depths) < 11.7 && depths.every((d) => d > 10.7 && d < 13.3));
  for (let t = 0; t < 100; t += 0.01)
    assert.ok(Math.abs(breathMm(CALM_BREATH, t + 0.01) - breathMm(CALM_BREATH, t)) < 0.3);
});

test.run();
