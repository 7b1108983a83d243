import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { topogram } from '../../native/ct.js';
import { type Body, scan } from '../helpers/ctphantom.js';

const BALL: Body = { x: 60, y: -30, z: 25, radius: 10, mu: 0.02 };

/** A scout scan: the gantry stands at `angle`, the table moves 200 mm. */
function scout(angle: number, feedMm: number) {
  const plan = { rows: 4, rowPitchMm: 1.2, turns: 1, feedMm, startZ: feedMm > 0 ? -100 : 100, readingsPerTurn: 250 };
  const moving = scan([BALL], { ...plan, fixedAngle: angle });
  return topogram(moving);
}

function centroid(image: Awaited<ReturnType<typeof topogram>>) {
  const sum = { weight: 0, column: 0, row: 0 };
  image.data.forEach((value, i) => {
    sum.weight += value;
    sum.column += value * (i % image.width);
    sum.row += value * Math.floor(i / image.width);
  });
  const [column, row] = [sum.column / sum.weight, sum.row / sum.weight];
  const o = image.orientation;
  return image.origin.map((start, k) => start + image.pixelMm * (column * o[k]! + row * o[k + 3]!));
}

for (const feed of [200, -200])
  test(`a ball is seen where it is, tube above, table feed ${feed} mm`, async () => {
    const image = await scout(0, feed);
    assert.is(image.width, 512);
    assert.ok(Math.abs(image.height - 200) <= 1);
    const [x, , z] = centroid(image) as [number, number, number];
    // nearer to the tube than the isocentre: magnified by 595 / (595 - 30)
    assert.ok(Math.abs(x - (60 * 595) / 565) < 0.5, `x ${x}`);
    assert.ok(Math.abs(z - 25) < 0.5, `z ${z}`);
    assert.equal(image.orientation.slice(3), [0, 0, -1]);
  });

test('from the side, columns grow toward posterior; from below, toward patient left', async () => {
  const side = await scout(Math.PI / 2, 200);
  assert.ok(Math.abs(side.orientation[1] - 1) < 1e-9);
  const y = centroid(side)[1]!;
  assert.ok(Math.abs(y - (-30 * 595) / (595 - 60)) < 0.5, `y ${y}`);
  const below = await scout(Math.PI, 200);
  assert.ok(Math.abs(below.orientation[0] - 1) < 1e-9);
  const x = centroid(below)[0]!;
  assert.ok(Math.abs(x - (60 * 595) / (595 + 30)) < 0.5, `x ${x}`);
});

test('values are line integrals', async () => {
  const image = await scout(0, 200);
  const peak = Math.max(...image.data);
  assert.ok(Math.abs(peak - 0.4) < 0.02, `through the ball's middle ${peak}`);
});

test.run();
