import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measureWater, WATER_SERIES } from '../../runtime/qc/ct-water.js';
import { DAILY, measureDaily } from '../../runtime/qc/daily.js';
import { qcPage } from '../../runtime/qc/page.js';
import { keeps, type Measured, type QcReport } from '../../runtime/qc/report.js';
import type { Volume } from '../../runtime/recon/volume.js';
import { Random } from '../helpers/random.js';

const test = suite('quality control');

/** A cylinder of 200 mm across in 4 mm voxels. */
function cylinder(unit: Volume['unit'], slices: number, value: (r: number, z: number) => number): Volume {
  const [nx, dz] = [100, 5];
  const origin: Volume['origin'] = [-198, -198, (-(slices - 1) * dz) / 2];
  const data = new Float32Array(nx * nx * slices);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [origin[0] + 4 * (i % nx), origin[1] + 4 * (Math.floor(i / nx) % nx)];
    data[i] = value(Math.hypot(x, y), origin[2] + dz * Math.floor(i / (nx * nx)));
  }
  return { data, size: [nx, nx, slices], spacing: [4, 4, dz], origin, unit };
}

/** Water with noise as the dose gives it; `shift` and `cup` in HU. */
function water(ma: number, shift = 0, cup = 0): Volume {
  const random = new Random(ma);
  const noise = (8 * Math.sqrt(40 / ma) * Math.sqrt(12)) / 1;
  return cylinder('HU', 4, (r) =>
    r > 100 ? -1000 : shift + (cup * r) / 100 + noise * (random.below(1e6) / 1e6 - 0.5),
  );
}

function waterSeries(change: Partial<Record<string, Volume>> = {}): Map<string, Volume> {
  return new Map(WATER_SERIES.map(({ description, ma }) => [description, change[description] ?? water(ma)]));
}

const failed = ({ checks }: Measured) => checks.filter((check) => !keeps(check)).map(({ name }) => name);

test('water as it should be passes, and its curves are there', () => {
  const measured = measureWater(waterSeries());
  assert.equal(failed(measured), []);
  assert.is(measured.curves.length, 2);
  assert.is(measured.curves[0]!.lines.length, WATER_SERIES.length);
});

const FAULTS: [string, Partial<Record<string, Volume>>, string][] = [
  ['a tube voltage off its calibration', { '100 kV': water(160, 3) }, 'Water, 100 kV'],
  ['cupping', { '80 kV': water(160, 0, 9) }, 'Edge beside middle, 80 kV'],
  ['images without noise', { '140 kV': cylinder('HU', 4, (r) => (r > 100 ? -1000 : 0)) }, 'Noise, 140 kV'],
  [
    'noise that does not follow the dose',
    { '120 kV quarter dose': water(160) },
    'Noise at a quarter of the dose beside noise at the whole',
  ],
  ['air that is none', { '120 kV': cylinder('HU', 4, (r) => (r > 100 ? -980 : 4 * (r % 2))) }, 'Air, 120 kV'],
];
for (const [what, change, name] of FAULTS) {
  test(`${what} fails`, () => assert.ok(failed(measureWater(waterSeries(change))).includes(name)));
}

test('a series that is not there is an error', () => {
  const volumes = waterSeries();
  volumes.delete('80 kV');
  assert.throws(() => measureWater(volumes), /80 kV/);
});

const RATES = { promptsPerSecond: 250_000, randomsPerSecond: 30_000, singlesPerSecond: 4e6 };

function daily(pet: (r: number, z: number) => number, bias: number, rates = RATES): Measured {
  const volumes = new Map([
    [DAILY.ct as string, water(160)],
    [DAILY.pet as string, cylinder('BQML', 41, (r, z) => (r > 100 ? 0 : pet(r, z)))],
  ]);
  volumes.set(DAILY.ct, { ...water(160), origin: [-198, -198, -10] });
  return measureDaily(volumes, { regions: [], bias }, rates);
}

test('the daily check passes what is even and calibrated, and fails what is not', () => {
  assert.equal(failed(daily(() => 5000, 0.01)), []);
  assert.equal(failed(daily(() => 5000, -0.08)), ['Measured beside known activity']);
  assert.equal(failed(daily((r) => 5000 + 10 * r, 0)), ['Uniformity across: farthest ring']);
  assert.equal(failed(daily((_r, z) => (Math.abs(z + 50) < 9 ? 4000 : 5000), 0)), ['Uniformity along: farthest slab']);
  assert.equal(failed(daily(() => 5000, 0, { ...RATES, singlesPerSecond: 0 })), ['Singles']);
  assert.equal(
    failed(daily(() => 5000, Number.NaN)),
    ['Measured beside known activity'],
    'what is no number keeps no limit',
  );
});

test('the page has every figure and a drawing of every curve, and no markup of others', () => {
  const measured = measureWater(waterSeries());
  const report: QcReport = {
    ...{ procedure: 'ct-water', title: 'CT numbers of water', startedAt: '2026-01-01T00:00:00.000Z' },
    ...{ aeTitle: 'PETRIG', stationName: '<script>alert(1)</script>', version: '0' },
    ...{ examId: 'e', studyInstanceUid: '1.2', passed: true, ...measured },
  };
  const page = qcPage(report);
  assert.not.match(page, /<script/);
  for (const { name } of measured.checks) assert.ok(page.includes(`<td>${name}</td>`), name);
  assert.is(page.match(/<svg/g)?.length, measured.curves.length);
  // a line through its points, not an empty frame
  assert.ok((page.match(/<path d="M[^"]{100,}"/g)?.length ?? 0) >= WATER_SERIES.length);
});

test.run();
