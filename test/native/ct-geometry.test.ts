import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reconstructCt } from '../../native/ct.js';
import { disc, MU_WATER, type Scan, scan, waterCylinder } from '../helpers/ctphantom.js';

const SPIRAL: Scan = { rows: 16, rowPitchMm: 1.2, turns: 3, feedMm: 15.36, startZ: -23, readingsPerTurn: 384 };
const image = { coefficients: [1], muWaterPerMm: MU_WATER, thicknessMm: 5, centreXMm: 0, centreYMm: 0 };

/** Disc of `radius` mm around (x, y) mm in an image of `fovMm` around (cx, cy). */
function roi(data: Float32Array, at: [number, number, number], fovMm: number, matrix = 512, cx = 0, cy = 0) {
  const pixel = fovMm / matrix;
  const column = (x: number, c: number) => (x - c) / pixel + (matrix - 1) / 2;
  return disc(data, matrix, column(at[0], cx), column(at[1], cy), at[2] / pixel);
}

/** Centre of mass of what lies `threshold` above 0 HU near (x, y), mm. */
function centroid(data: Float32Array, x: number, y: number, fovMm: number, matrix: number) {
  const pixel = fovMm / matrix;
  const sum = { weight: 0, x: 0, y: 0 };
  for (let row = 0; row < matrix; row++)
    for (let column = 0; column < matrix; column++) {
      const px = (column - (matrix - 1) / 2) * pixel;
      const py = (row - (matrix - 1) / 2) * pixel;
      const value = data[row * matrix + column]!;
      if (Math.hypot(px - x, py - y) > 16 || value < 50) continue;
      sum.weight += value;
      sum.x += value * px;
      sum.y += value * py;
    }
  return { x: sum.x / sum.weight, y: sum.y / sum.weight, weight: sum.weight };
}

const INSERT = { x: 61, y: -37, z: 4.5, radius: 9, mu: 0.5 * MU_WATER };
const SCANS: Record<string, Scan> = {
  'spiral, pitch 0.8, toward the head': SPIRAL,
  'spiral, pitch 0.8, toward the feet': { ...SPIRAL, feedMm: -15.36, startZ: 25 },
  'spiral, pitch 0.35': { ...SPIRAL, feedMm: 6.72, startZ: -20, turns: 6, readingsPerTurn: 288 },
  'spiral, pitch 1.5': { ...SPIRAL, feedMm: 28.8, startZ: -50, turns: 3.5 },
  'spiral, 20 x 0.6': {
    ...SPIRAL,
    rows: 20,
    rowPitchMm: 0.6,
    feedMm: 9.6,
    startZ: -25,
    turns: 6,
    readingsPerTurn: 384,
  },
};

for (const [name, plan] of Object.entries(SCANS))
  test(`an insert appears where it is, to half a pixel: ${name}`, async () => {
    const readings = scan([waterCylinder(90), INSERT], { ...plan, startAngle: 1 });
    const sliceZ = Array.from({ length: 25 }, (_, i) => -8 + i);
    const fovMm = 250;
    const matrix = 256;
    const options = { ...readings, ...image, thicknessMm: 2, sliceZ, fovMm, matrix };
    const data = await reconstructCt(options);
    const slices = sliceZ.map((z, i) => ({
      z,
      ...centroid(data.subarray(i * matrix * matrix, (i + 1) * matrix * matrix), 61, -37, fovMm, matrix),
    }));
    const weight = slices.reduce((sum, slice) => sum + (slice.weight > 2000 ? slice.weight : 0), 0);
    const mean = (key: 'x' | 'y' | 'z') =>
      slices.reduce((sum, slice) => sum + (slice.weight > 2000 ? slice.weight * slice[key] : 0), 0) / weight;
    assert.ok(Math.abs(mean('x') - 61) < 0.25, `x ${mean('x')}`);
    assert.ok(Math.abs(mean('y') + 37) < 0.25, `y ${mean('y')}`);
    assert.ok(Math.abs(mean('z') - 4.5) < 0.5, `z ${mean('z')}`);
    const middle = data.subarray(12 * matrix * matrix, 13 * matrix * matrix);
    const insert = roi(middle, [61, -37, 3], fovMm, matrix).mean;
    assert.ok(Math.abs(insert - 500) < 15, `insert ${insert} HU`);
    const { mean: water, sd } = roi(middle, [-40, 30, 12], fovMm, matrix);
    assert.ok(Math.abs(water) < 6 && sd < 12, `water ${water} +- ${sd}`);
  });

test('a sequence of rotations with the table stepping between is reconstructed', async () => {
  const turn = (startZ: number, startAngle: number) =>
    scan([waterCylinder(80), INSERT], { ...SPIRAL, turns: 1.01, feedMm: 0, startZ, startAngle, readingsPerTurn: 384 });
  const parts = [turn(-14.4, 0.3), turn(4.8, 4), turn(24, 2)];
  const join = (key: 'angles' | 'sourceZ') => Float64Array.from(parts.flatMap((part) => [...part[key]]));
  const readings = new Uint16Array(parts.reduce((sum, part) => sum + part.readings.length, 0));
  parts.forEach((part, i) => {
    readings.set(part.readings, i * part.readings.length);
  });
  const all = { ...parts[0]!, readings, angles: join('angles'), sourceZ: join('sourceZ') };
  const data = await reconstructCt({ ...all, ...image, sliceZ: [4.5], fovMm: 250, matrix: 256 });
  assert.ok(Math.abs(roi(data, [61, -37, 3], 250, 256).mean - 500) < 10);
  assert.ok(Math.abs(roi(data, [-30, 20, 10], 250, 256).mean) < 4);
});

test('image centre and field of view move the grid, not the object', async () => {
  const readings = scan([waterCylinder(90), INSERT], { ...SPIRAL, readingsPerTurn: 384 });
  const options = { ...readings, ...image, sliceZ: [4.5], fovMm: 80, matrix: 160, centreXMm: 55, centreYMm: -30 };
  const data = await reconstructCt(options);
  assert.ok(Math.abs(roi(data, [61, -37, 3], 80, 160, 55, -30).mean - 500) < 15);
  const wide = await reconstructCt({ ...readings, ...image, sliceZ: [4.5], fovMm: 780, matrix: 256 });
  assert.is(wide[0], -1024, 'outside the scan field');
});

test.run();
