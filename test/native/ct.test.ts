import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ctKernelNames, reconstructableRange, reconstructCt } from '../../native/ct.js';
import { disc, MU_WATER, type Readings, type Scan, scan, waterCylinder } from '../helpers/ctphantom.js';

const SPIRAL: Scan = { rows: 16, rowPitchMm: 1.2, turns: 3, feedMm: 15.36, startZ: -23, readingsPerTurn: 384 };
const image = { coefficients: [1], muWaterPerMm: MU_WATER, thicknessMm: 5, centreXMm: 0, centreYMm: 0 };

/** Disc of `radius` mm around (x, y) mm in an image of `fovMm` around (cx, cy). */
function roi(data: Float32Array, at: [number, number, number], fovMm: number, matrix = 512, cx = 0, cy = 0) {
  const pixel = fovMm / matrix;
  const column = (x: number, c: number) => (x - c) / pixel + (matrix - 1) / 2;
  return disc(data, matrix, column(at[0], cx), column(at[1], cy), at[2] / pixel);
}

test('water is 0 HU in the centre and at the edge, air is -1000 HU', async () => {
  const readings = scan([waterCylinder(100)], { ...SPIRAL, readingsPerTurn: 1152, turns: 2 });
  const z = readings.sourceZ[1152]!;
  const data = await reconstructCt({ ...readings, ...image, sliceZ: [z], fovMm: 300 });
  const centre = roi(data, [0, 0, 20], 300);
  assert.ok(Math.abs(centre.mean) < 1 && centre.sd < 4, `centre ${centre.mean} +- ${centre.sd}`);
  for (const [x, y] of [
    [88, 0],
    [-88, 0],
    [0, 88],
    [0, -88],
  ] as const) {
    const { mean } = roi(data, [x, y, 8], 300);
    assert.ok(Math.abs(mean) < 4, `edge (${x}, ${y}): ${mean}`);
    const air = roi(data, [x * 1.4, y * 1.4, 8], 300);
    assert.ok(Math.abs(air.mean + 1000) < 10, `air: ${air.mean}`);
  }
});

test('a hardening beam reads 0 HU everywhere after its water correction', async () => {
  // the detector sees q = p - 0.02 p^2 + ..., inverted by p = q + 0.02 q^2 + 0.0008 q^3 + 0.00004 q^4
  const inverse = (q: number) => q + 0.02 * q ** 2 + 0.0008 * q ** 3 + 0.00004 * q ** 4;
  const forward = Float64Array.from({ length: 6000 }, (_, i) => {
    let q = i / 1000;
    for (let step = 0; step < 40; step++) q = i / 1000 - (inverse(q) - q);
    return q;
  });
  const harden = (p: number) => forward[Math.round(p * 1000)]!;
  const readings = scan([waterCylinder(100)], { ...SPIRAL, turns: 2 }, harden);
  const job = { ...readings, ...image, sliceZ: [readings.sourceZ[576]!], fovMm: 300, matrix: 256 };
  const plain = await reconstructCt(job);
  const corrected = await reconstructCt({ ...job, coefficients: [1, 0.02, 0.0008, 0.00004] });
  assert.ok(roi(plain, [0, 0, 15], 300, 256).mean < -50, 'it does harden');
  for (const x of [0, 40, 88]) {
    const { mean } = roi(corrected, [x, 0, 8], 300, 256);
    assert.ok(Math.abs(mean) < 2, `${x} mm: ${mean}`);
  }
});

const INSERT = { x: 61, y: -37, z: 4.5, radius: 9, mu: 0.5 * MU_WATER };

test('the slice profile has the thickness that was asked for', async () => {
  const plate = { ...waterCylinder(60), fromZ: 2.75, toZ: 3.25 };
  const readings = scan([plate], { ...SPIRAL, readingsPerTurn: 288 });
  const sliceZ = Array.from({ length: 41 }, (_, i) => -7 + i / 2);
  for (const thicknessMm of [3, 5, 8]) {
    const data = await reconstructCt({ ...readings, ...image, thicknessMm, sliceZ, fovMm: 200, matrix: 64 });
    const profile = sliceZ.map((_, i) => roi(data.subarray(i * 4096, (i + 1) * 4096), [0, 0, 8], 200, 64).mean + 1000);
    const half = Math.max(...profile) / 2;
    const fwhm = profile.filter((value) => value > half).length / 2;
    assert.ok(Math.abs(fwhm - thicknessMm) <= Math.max(0.75, 0.15 * thicknessMm), `${thicknessMm} mm: ${fwhm}`);
  }
});

test('a sharper kernel makes a steeper edge', async () => {
  const readings = scan([waterCylinder(60)], { ...SPIRAL, turns: 2, readingsPerTurn: 384 });
  const rise = async (kernel: string) => {
    const data = await reconstructCt({
      ...readings,
      ...image,
      sliceZ: [-12],
      fovMm: 20,
      matrix: 256,
      centreXMm: 60,
      kernel,
    });
    const row = data.subarray(128 * 256, 129 * 256);
    const first = (level: number) => row.findIndex((value) => value < level);
    return ((first(-900) - first(-100)) * 20) / 256;
  };
  const widths = [await rise('B10f'), await rise('B31f'), await rise('B50f'), await rise('B80f')];
  assert.ok(widths[0]! > widths[1]! && widths[1]! > widths[2]! && widths[2]! > widths[3]!, widths.join(' > '));
  assert.ok(ctKernelNames().includes('H31f'));
});

test('one thread and two give the same answer, wrapped angles too', async () => {
  const readings = scan([waterCylinder(70), INSERT], { ...SPIRAL, readingsPerTurn: 288 });
  const job = { ...readings, ...image, sliceZ: [-5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], fovMm: 200, matrix: 128 };
  const one = await reconstructCt(job, { threads: 1 });
  assert.equal(await reconstructCt(job, { threads: 2 }), one);
  assert.equal(await reconstructCt(job, { threads: 5 }), one);
  const angles = readings.angles.map((a) => a % (2 * Math.PI));
  const wrapped = await reconstructCt({ ...job, angles }, { threads: 2 });
  assert.ok(wrapped.every((value, i) => Math.abs(value - one[i]!) < 0.01));
});

test('the reconstructable range is where data is, and nothing beyond is made up', async () => {
  const plans: Scan[] = [SPIRAL, { ...SPIRAL, feedMm: -28.8, startZ: 40 }, { ...SPIRAL, feedMm: 6, turns: 4 }];
  for (const plan of plans) {
    const readings: Readings = scan([waterCylinder(70)], { ...plan, readingsPerTurn: 192 });
    const range = reconstructableRange({ ...readings, thicknessMm: image.thicknessMm })!;
    const { fromZ, toZ } = range;
    assert.ok(fromZ < toZ && range.covers(fromZ) && range.covers(toZ));
    assert.not.ok(range.covers(fromZ - 1) || range.covers(toZ + 1));
    const data = await reconstructCt({ ...readings, ...image, sliceZ: [fromZ, toZ], fovMm: 200, matrix: 64 });
    for (const slice of [data.subarray(0, 4096), data.subarray(4096)])
      assert.ok(Math.abs(roi(slice, [0, 0, 30], 200, 64).mean) < 4, 'water at both ends of the range');
  }
});

test.run();
