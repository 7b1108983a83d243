import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reconstructCt } from '../../native/ct.js';
import { type Body, disc, ENDLESS, MU_WATER, scan, waterCylinder } from '../helpers/ctphantom.js';
import { referenceSlice } from '../helpers/ctreference.js';

test('a slice agrees with a plain fan-beam reconstruction of the same readings', async () => {
  const insert = (x: number, y: number, radius: number, contrast: number): Body => ({
    x,
    y,
    radius,
    mu: contrast * MU_WATER,
    fromZ: -ENDLESS,
    toZ: ENDLESS,
  });
  const bodies = [waterCylinder(110), insert(60, 20, 12, 1), insert(-50, -50, 15, -0.4), insert(0, 70, 10, 0.05)];
  const plan = { rows: 2, rowPitchMm: 1.2, turns: 1, feedMm: 0, startZ: 0, readingsPerTurn: 720 };
  const readings = scan(bodies, plan);
  const [matrix, fovMm] = [128, 256];
  const reference = referenceSlice(readings, 0, matrix, fovMm, MU_WATER);
  const image = { muWaterPerMm: MU_WATER, coefficients: [1], thicknessMm: 2.4, centreXMm: 0, centreYMm: 0 };
  const data = await reconstructCt({ ...readings, ...image, sliceZ: [0], matrix, fovMm, kernel: 'B50f' });
  for (const [x, y, radius] of [
    [0, 0, 15],
    [60, 20, 7],
    [-50, -50, 9],
    [0, 70, 5],
    [90, -30, 8],
    [-10, 122, 4],
  ] as const) {
    const at = [x / 2 + 63.5, y / 2 + 63.5, radius / 2] as const;
    const [ours, theirs] = [disc(data, matrix, ...at), disc(reference, matrix, ...at)];
    assert.ok(Math.abs(ours.mean - theirs.mean) < 4, `(${x}, ${y}): ${ours.mean} against ${theirs.mean}`);
  }
});

test.run();
