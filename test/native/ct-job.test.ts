import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { type CtOptions, reconstructCt, topogram } from '../../native/ct.js';
import { MU_WATER, scan, waterCylinder } from '../helpers/ctphantom.js';
import { Heartbeat } from '../helpers/imageheartbeat.js';

const readings = scan([waterCylinder(70)], {
  rows: 4,
  rowPitchMm: 4.8,
  turns: 2,
  feedMm: 15,
  startZ: -15,
  readingsPerTurn: 1152,
});
const job: CtOptions = {
  ...readings,
  coefficients: [1],
  muWaterPerMm: MU_WATER,
  thicknessMm: 5,
  sliceZ: [0],
  fovMm: 200,
  centreXMm: 0,
  centreYMm: 0,
};
const many = Array.from({ length: 40 }, (_, i) => -2 + i / 10);

async function failure(call: () => Promise<unknown>): Promise<ScannerError> {
  return call().then(
    () => assert.unreachable('it should fail') as never,
    (error: ScannerError) => error,
  );
}

const withNaN = (values: Float64Array, at: number) => values.map((value, i) => (i === at ? Number.NaN : value));

const WRONG: Record<string, [Partial<Record<keyof CtOptions, unknown>>, RegExp]> = {
  'too few words': [{ readings: readings.readings.subarray(1) }, /readings/],
  'no words at all': [{ readings: undefined }, /readings/],
  'a NaN angle': [{ angles: withNaN(readings.angles, 77) }, /NaN at reading 77/],
  'a NaN position': [{ sourceZ: withNaN(readings.sourceZ, 5) }, /NaN at reading 5/],
  'fewer positions than angles': [{ sourceZ: readings.sourceZ.subarray(3) }, /sourceZ/],
  'angles in single precision': [{ angles: Float32Array.from(readings.angles) }, /angles/],
  'a gantry turning backward': [{ angles: readings.angles.map((a) => -a) }, /turning forward/],
  'a gantry that stands': [{ angles: readings.angles.map(() => 1) }, /turning forward/],
  'a table turning back': [{ sourceZ: readings.sourceZ.map((z) => Math.abs(z)) }, /turning back at reading/],
  'no row': [{ rows: 0 }, /rows/],
  'a row pitch of 0': [{ rowPitchMm: 0 }, /rowPitchMm/],
  'no calibration': [{ coefficients: undefined }, /water calibration/],
  'a calibration of NaN': [{ coefficients: [Number.NaN] }, /water calibration/],
  'seven coefficients': [{ coefficients: [1, 0, 0, 0, 0, 0, 0] }, /water calibration/],
  'no attenuation of water': [{ muWaterPerMm: 0 }, /water calibration/],
  'a kernel that is not': [{ kernel: 'toString' }, /B31f/],
  'a slice thinner than a row': [{ thicknessMm: 1 }, /thicknessMm/],
  'a matrix of 0': [{ matrix: 0 }, /matrix/],
  'a field of NaN': [{ fovMm: Number.NaN }, /fovMm/],
  'a centre far away': [{ centreXMm: 1000 }, /centreXMm/],
  'no slice': [{ sliceZ: [] }, /sliceZ/],
  'a slice of NaN': [{ sliceZ: [0, Number.NaN] }, /reconstructable range/],
  'a slice outside': [{ sliceZ: [0, 500] }, /sliceZ is 500, expected within -?\d.* to \d.* mm/],
};

for (const [name, [change, text]] of Object.entries(WRONG))
  test(`${name} is refused by name`, async () => {
    const error = await failure(() => reconstructCt({ ...job, ...change } as CtOptions));
    assert.is(error.code, 'native.argument');
    assert.match(error.message, text);
  });

test('half a turn is too short for any slice', async () => {
  const short = {
    ...job,
    angles: readings.angles.subarray(0, 576),
    sourceZ: readings.sourceZ.subarray(0, 576),
    readings: readings.readings.subarray(0, 576 * 4 * 736),
  };
  const error = await failure(() => reconstructCt(short));
  assert.match(error.message, /too short/);
});

test('a topogram refuses a turning gantry and wrong sizes', async () => {
  assert.match((await failure(() => topogram(readings))).message, /a turning gantry/);
  const angles = readings.angles.map(() => 0);
  const error = await failure(() => topogram({ ...readings, angles, readings: new Uint16Array(5) }));
  assert.match(error.message, /5 words/);
});

test('cancelling ends the job within 200 ms, and a job cancelled before never starts', async () => {
  const waits: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const abort = new AbortController();
    const running = failure(() => reconstructCt({ ...job, sliceZ: many }, { signal: abort.signal }));
    await new Promise((resolve) => setTimeout(resolve, 150 + 100 * attempt));
    const started = performance.now();
    abort.abort();
    const error = await running;
    waits.push(performance.now() - started);
    assert.is(error.code, 'timeout.aborted');
  }
  // the best of three: the machine may be busy with other things
  assert.ok(Math.min(...waits) < 200, `${waits.map(Math.round)} ms`);
  await failure(() => reconstructCt(job, { signal: AbortSignal.abort() }));
});

test('a heartbeat of 50 ms keeps its rhythm while slices are made, and progress is told', async () => {
  const seen: number[] = [];
  const heartbeat = new Heartbeat();
  await reconstructCt({ ...job, sliceZ: many }, { onProgress: (fraction) => seen.push(fraction) });
  const { ours, idle } = await heartbeat.stop();
  assert.ok(ours.beats > 5, `only ${ours.beats} beats`);
  assert.ok(ours.p99 < 20 + 2 * idle.p99, JSON.stringify({ ours, idle }));
  assert.ok(seen.includes(1) && seen.every((fraction) => fraction >= 0 && fraction <= 1));
});

test.run();
