import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import {
  type CtSeriesJob,
  hounsfieldToStored,
  reconstructCtSeries,
  slicePositions,
  topogramToStored,
  waterCalibration,
} from '../../runtime/recon/ct.js';
import { MU_WATER, scan, waterCylinder } from '../helpers/ctphantom.js';

const BALL = { x: 50, y: 25, z: 12, radius: 8, mu: MU_WATER };
const readings = scan([waterCylinder(80), BALL], {
  rows: 16,
  rowPitchMm: 1.2,
  turns: 5,
  feedMm: 15.36,
  startZ: -25,
  readingsPerTurn: 288,
});
const job: CtSeriesJob = {
  ...readings,
  calibration: { muWaterPerMm: MU_WATER, coefficients: [1] },
  slices: { fromZ: 32, toZ: -12, thicknessMm: 3, incrementMm: 2 },
  kernel: 'B31f',
  matrix: 128,
  fovMm: 200,
};

test('slices start at the lower end, whichever way the range is given', () => {
  const range = { thicknessMm: 5, incrementMm: 5 };
  assert.equal(slicePositions({ ...range, fromZ: 10, toZ: -10 }), [-10, -5, 0, 5, 10]);
  assert.equal(slicePositions({ ...range, fromZ: -10, toZ: 11 }), [-10, -5, 0, 5, 10]);
  assert.equal(slicePositions({ ...range, fromZ: 3, toZ: 3 }), [3]);
  assert.equal(slicePositions({ thicknessMm: 1, fromZ: 0, toZ: 0.3, incrementMm: 0.1 }).length, 4);
  assert.throws(() => slicePositions({ ...range, fromZ: 0, toZ: 1, incrementMm: 0 }), /incrementMm/);
  assert.throws(() => slicePositions({ ...range, fromZ: Number.NaN, toZ: 1 }), /finite/);
});

test('a series is a volume in patient coordinates', async () => {
  const seen: number[] = [];
  const { volume, statistics, thicknessMm } = await reconstructCtSeries(job, { onProgress: (f) => seen.push(f) });
  assert.equal(volume.size, [128, 128, 23]);
  assert.equal(volume.spacing, [200 / 128, 200 / 128, 2]);
  assert.ok(Math.abs(volume.origin[0] + 63.5 * (200 / 128)) < 1e-9);
  assert.is(volume.origin[2], -12);
  assert.is(volume.unit, 'HU');
  assert.is(thicknessMm, 3);
  assert.ok(statistics.min >= -1100 && statistics.max > 900 && statistics.max < 1100, JSON.stringify(statistics));
  const at = (x: number, y: number, z: number) => {
    const index = [x, y, z].map((mm, k) => Math.round((mm - volume.origin[k]!) / volume.spacing[k]!));
    return volume.data[(index[2]! * 128 + index[1]!) * 128 + index[0]!]!;
  };
  assert.ok(Math.abs(at(50, 25, 12) - 1000) < 30, `ball ${at(50, 25, 12)}`);
  for (const [x, y, z] of [
    [-50, 25, 12],
    [50, -25, 12],
    [50, 25, -8],
    [50, 25, 30],
  ] as const)
    assert.ok(Math.abs(at(x, y, z)) < 30, `water at ${x}, ${y}, ${z}: ${at(x, y, z)}`);
  assert.ok(seen.includes(1) && seen.every((f) => f >= 0 && f <= 1));
});

test('readings fetched piece by piece give the same volume, and only what a slab needs is fetched', async () => {
  const whole = await reconstructCtSeries(job);
  let most = 0;
  const words = readings.rows * 736;
  const source = async (first: number, count: number) => {
    most = Math.max(most, count);
    return readings.readings.slice(first * words, (first + count) * words);
  };
  const pieces = await reconstructCtSeries({ ...job, readings: source });
  assert.ok(pieces.volume.data.every((value, i) => Math.abs(value - whole.volume.data[i]!) < 0.01));
  assert.ok(most < readings.angles.length, `${most} of ${readings.angles.length} readings`);
});

async function failure(call: () => Promise<unknown>): Promise<ScannerError> {
  return call().then(
    () => assert.unreachable('it should fail') as never,
    (error: ScannerError) => error,
  );
}

test('slices without data name the reconstructable range', async () => {
  const slices = { ...job.slices, toZ: -40 };
  const error = await failure(() => reconstructCtSeries({ ...job, slices }));
  assert.is(error.code, 'native.argument');
  assert.match(error.message, /sliceZ is -40, expected within -?\d+\.\d+ to \d+\.\d+ mm, the reconstructable range/);
});

test('a source that delivers too little is a truncation, not an image', async () => {
  const error = await failure(() => reconstructCtSeries({ ...job, readings: async () => new Uint16Array(7) }));
  assert.is(error.code, 'data.truncated');
});

test('a cancelled series ends with its code', async () => {
  const abort = new AbortController();
  const running = failure(() => reconstructCtSeries({ ...job, matrix: 512 }, { signal: abort.signal }));
  abort.abort();
  assert.is((await running).code, 'timeout.aborted');
});

test('HU are stored from -1024 to 3071 in 12 bits', async () => {
  const stored = await hounsfieldToStored(Float32Array.of(-2000, -1024, -1000, 0, 0.6, 3071, 9999));
  assert.equal([...stored], [0, 0, 24, 1024, 1025, 4095, 4095]);
  assert.equal([...(await topogramToStored(Float32Array.of(-0.1, 0, 1, 100)))], [0, 0, 400, 4095]);
});

test('the calibration of every tube voltage is there, another is refused', () => {
  for (const kv of [80, 100, 120, 140]) {
    const { muWaterPerMm, coefficients } = waterCalibration(kv);
    assert.ok(muWaterPerMm > 0.015 && muWaterPerMm < 0.03 && coefficients.length <= 6, `${kv} kV`);
  }
  assert.throws(
    () => waterCalibration(90),
    (error: ScannerError) => error.code === 'data.missing' && /90 kV/.test(error.message),
  );
});

test.run();
