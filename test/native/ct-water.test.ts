import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reconstructCt } from '../../native/ct.js';
import { waterCalibration } from '../../runtime/recon/ct.js';
import { exposeCt } from '../../sim/physics/ct.js';
import { flattenPhantom } from '../../sim/physics/flatten.js';
import { loadPhantom } from '../../sim/physics/phantom.js';
import { disc } from '../helpers/ctphantom.js';

const FOV_MM = 300;
const MATRIX = 256;

/** A noisy spiral of a phantom of the simulated scanner, 200 mA at 0.5 s. */
async function slice(phantom: string, kVp: number, z: number) {
  const count = 1152 * 2;
  const angles = Float64Array.from({ length: count }, (_, i) => (2 * Math.PI * i) / 1152);
  const sourceZ = angles.map((angle) => z - 15.36 + (15.36 * angle) / (2 * Math.PI));
  const geometry = { angles, sourceZ, rows: 16, rowPitchMm: 1.2 };
  const exposure = { phantom: flattenPhantom(loadPhantom(phantom)), kVp, seed: 5 };
  const mAsPerReading = angles.map(() => (200 * 0.5) / 1152);
  const readings = await exposeCt({ ...geometry, ...exposure, mAsPerReading });
  const image = { thicknessMm: 5, sliceZ: [z], fovMm: FOV_MM, matrix: MATRIX, centreXMm: 0, centreYMm: 0 };
  const data = await reconstructCt({ ...geometry, ...waterCalibration(kVp), ...image, readings });
  const pixel = FOV_MM / MATRIX;
  return (x: number, y: number, radius: number) =>
    disc(data, MATRIX, x / pixel + (MATRIX - 1) / 2, y / pixel + (MATRIX - 1) / 2, radius / pixel).mean;
}

for (const kVp of [80, 100, 120, 140])
  test(`at ${kVp} kV the simulated scanner's water is 0 HU and its air -1000 HU`, async () => {
    const hu = await slice('water-cylinder', kVp, 0);
    const centre = hu(0, 0, 20);
    assert.ok(Math.abs(centre) < 4, `centre ${centre}`);
    for (const [x, y] of [
      [85, 0],
      [-85, 0],
      [0, 85],
      [0, -85],
    ] as const) {
      assert.ok(Math.abs(hu(x, y, 8) - centre) < 10, `edge (${x}, ${y}) ${hu(x, y, 8)}, centre ${centre}`);
      assert.ok(Math.abs(hu(x * 1.45, y * 1.45, 8) + 1000) < 10, `air ${hu(x * 1.45, y * 1.45, 8)}`);
    }
  });

test('a dense sphere to the left, in front and toward the head is found there and nowhere else', async () => {
  const through = await slice('offset-insert', 120, 20);
  assert.ok(through(50, -30, 5) > 800, `in the sphere ${through(50, -30, 5)}`);
  for (const [x, y] of [
    [-50, -30],
    [50, 30],
    [-50, 30],
  ] as const)
    assert.ok(Math.abs(through(x, y, 5)) < 40, `(${x}, ${y}) ${through(x, y, 5)}`);
  const feet = await slice('offset-insert', 120, -20);
  assert.ok(Math.abs(feet(50, -30, 5)) < 40, `below ${feet(50, -30, 5)}`);
});

test.run();
