import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import {
  type PlaneGrid,
  quantise,
  type SampledVolume,
  samplePlane,
  statistics,
  windowBytes,
} from '../../native/pixel.js';

const RAMP = Float32Array.from({ length: 700_001 }, (_, i) => (i - 350_000) / 100);

async function refused(call: Promise<unknown>, text: RegExp): Promise<void> {
  const error = (await call.then(
    () => assert.unreachable('it should fail'),
    (e) => e,
  )) as ScannerError;
  assert.is(error.code, 'native.argument');
  assert.match(error.message, text);
}

test('values are rounded, clipped and never wrap', async () => {
  const values = Float32Array.of(-5000, -1024, -1023.6, -0.5, 0, 0.49, 0.5, 3071, 3071.6, 1e30, Number.NaN);
  const stored = await quantise(values, { slope: 1, intercept: -1024, low: 0, high: 4095 });
  assert.equal([...stored], [0, 0, 0, 1024, 1024, 1024, 1025, 4095, 4095, 4095, 0]);
  const signed = await quantise(Float32Array.of(-3, -40000, 3, 2.6), {
    slope: 1,
    intercept: 0,
    low: -32768,
    high: 32767,
  });
  assert.equal([...new Int16Array(signed.buffer)], [-3, -32768, 3, 3]);
});

test('any number of threads gives the same pixels and statistics', async () => {
  const how = { slope: 0.25, intercept: -3500, low: 0, high: 65535 };
  assert.equal(await quantise(RAMP, how, { threads: 1 }), await quantise(RAMP, how, { threads: 3 }));
  const one = await statistics(RAMP, { threads: 1 });
  assert.equal(one, await statistics(RAMP, { threads: 4 }));
  assert.is(one.min, -3500);
  assert.is(one.max, 3500);
  assert.ok(Math.abs(one.mean) < 1e-3 && Math.abs(one.sd - 7000 / Math.sqrt(12)) < 0.1);
});

test('a linear volume is sampled exactly, by position', async () => {
  const size = [11, 7, 5] as const;
  const [spacing, origin] = [[2, 3, 4] as const, [-10, -9, 100] as const];
  const value = (x: number, y: number, z: number) => 2 * x - 3 * y + 0.5 * z;
  const data = Float32Array.from({ length: 385 }, (_, i) => {
    const at = [i % 11, Math.floor(i / 11) % 7, Math.floor(i / 77)];
    return value(...(at.map((n, k) => origin[k]! + n * spacing[k]!) as [number, number, number]));
  });
  const volume: SampledVolume = { data, size, spacing, origin };
  const plane: PlaneGrid = {
    origin: [-9.3, -8.1, 101],
    columnStep: [0.7, 0.1, 0.2],
    rowStep: [-0.05, 0.9, 0.3],
    width: 20,
    height: 13,
  };
  const got = await samplePlane(volume, plane, -7);
  for (const [column, row] of [
    [0, 0],
    [19, 0],
    [3, 12],
    [19, 12],
  ] as const) {
    const point = plane.origin.map((o, k) => o + column * plane.columnStep[k]! + row * plane.rowStep[k]!);
    const expected = value(...(point as [number, number, number]));
    assert.ok(Math.abs(got[row * 20 + column]! - expected) < 1e-3, `${column}, ${row}`);
  }
  const far = await samplePlane(volume, { ...plane, origin: [-12, 0, 100], columnStep: [1, 0, 0] }, -7);
  assert.equal([...far.subarray(0, 1)], [-7], 'a voxel outside');
  const rim = await samplePlane(volume, { ...plane, origin: [-10.9, -9, 100], width: 1, height: 1 }, -7);
  assert.ok(Math.abs(rim[0]! - value(-10, -9, 100)) < 1e-4, 'within half a voxel the rim repeats');
});

test('a window maps its ends to 0 and 255', async () => {
  const bytes = await windowBytes(Float32Array.of(-200, -160, 41, 240, 1e9, Number.NaN), -160, 240);
  assert.equal([...bytes], [0, 0, 128, 255, 255, 0]);
});

test('wrong arguments are refused by name', async () => {
  const how = { slope: 1, intercept: 0, low: 0, high: 4095 };
  await refused(quantise([1] as unknown as Float32Array, how), /Float32Array/);
  await refused(quantise(RAMP, { ...how, slope: 0 }), /slope/);
  await refused(quantise(RAMP, { ...how, high: 70000 }), /16-bit/);
  await refused(quantise(RAMP, { ...how, low: -1, high: 40000 }), /16-bit/);
  await refused(statistics(new Float32Array(0)), /at least one/);
  await refused(windowBytes(RAMP, 5, 5), /low below high/);
  const volume: SampledVolume = { data: new Float32Array(8), size: [2, 2, 2], spacing: [1, 1, 1], origin: [0, 0, 0] };
  const plane: PlaneGrid = { origin: [0, 0, 0], columnStep: [1, 0, 0], rowStep: [0, 1, 0], width: 2, height: 2 };
  await refused(samplePlane({ ...volume, size: [2, 2, 3] }, plane, 0), /8 voxels/);
  await refused(samplePlane({ ...volume, spacing: [1, 0, 1] }, plane, 0), /spacing/);
  await refused(samplePlane(volume, { ...plane, width: 0 }, 0), /width/);
  await refused(samplePlane(volume, { ...plane, origin: [0, Number.NaN, 0] }, 0), /finite/);
});

test.run();
