import { PNG } from 'pngjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  encodePng,
  fusionPicture,
  type Picture,
  sliceGrid,
  slicePicture,
  windowOf,
} from '../../runtime/recon/preview.js';
import type { Volume } from '../../runtime/recon/volume.js';

/** A volume whose value is a function of the patient position. */
function volume(
  size: [number, number, number],
  spacing: [number, number, number],
  unit: Volume['unit'],
  f: (p: number[]) => number,
) {
  const origin = size.map((n, k) => -((n - 1) / 2) * spacing[k]!) as [number, number, number];
  const [nx, ny, nz] = size;
  const data = Float32Array.from({ length: nx * ny * nz }, (_, i) => {
    const index = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    return f(index.map((n, k) => origin[k]! + n * spacing[k]!));
  });
  return { data, size, spacing, origin, unit } satisfies Volume;
}

const spot = ([x, y, z]: number[]) => Math.hypot(x! - 40, y! + 30, z! - 10);
const ct = volume([128, 128, 12], [1.5, 1.5, 5], 'HU', (p) => (Math.hypot(p[0]!, p[1]!) < 80 ? 0 : -1000));
const pet = volume([40, 40, 30], [4, 4, 4], 'BQML', (p) => Math.max(0, 20_000 * (1 - spot(p) / 20)));

const at = (picture: Picture, x: number, y: number) => {
  const column = Math.round(x / 1.5 + 63.5);
  const row = Math.round(y / 1.5 + 63.5);
  return [...picture.rgb.subarray((row * picture.width + column) * 3, (row * picture.width + column) * 3 + 3)];
};

test('a CT slice is grey by its window', async () => {
  const picture = await slicePicture(ct, sliceGrid(ct, 7), windowOf(40, 400), 'grey');
  assert.equal([picture.width, picture.height], [128, 128]);
  assert.equal(at(picture, 0, 0), [102, 102, 102]);
  assert.equal(at(picture, 90, 0), [0, 0, 0]);
});

test('PET is cut along the CT slice by position', async () => {
  const grid = sliceGrid(ct, 8);
  assert.is(grid.origin[2], 7.5, 'the nearest slice');
  const picture = await slicePicture(pet, grid, { low: 0, high: 20_000 }, 'inverted');
  assert.ok(at(picture, 40, -30)[0]! < 80, 'hot is dark');
  for (const [x, y] of [
    [-40, -30],
    [40, 30],
    [-40, 30],
    [92, 0],
  ] as const)
    assert.equal(at(picture, x, y), [255, 255, 255], `${x}, ${y}`);
});

test('a fusion shows CT where no activity is, and colour where it is', async () => {
  const window = windowOf(40, 400);
  const layers = { ct, ctWindow: window, pet, petWindow: { low: 0, high: 20_000 } };
  const picture = await fusionPicture(layers, sliceGrid(ct, 8));
  assert.equal(at(picture, 0, 40), [102, 102, 102]);
  const [red, , blue] = at(picture, 40, -30) as [number, number, number];
  assert.ok(red > 180 && blue < red - 60, `${red}, ${blue}`);
  const clear = await fusionPicture({ ...layers, alpha: 0 }, sliceGrid(ct, 8));
  assert.equal(clear.rgb, (await slicePicture(ct, sliceGrid(ct, 8), window, 'grey')).rgb);
});

test('a picture survives as a PNG file', async () => {
  const picture = await slicePicture(ct, sliceGrid(ct, 0), windowOf(40, 400), 'hot');
  const png = PNG.sync.read(await encodePng(picture));
  assert.equal([png.width, png.height], [128, 128]);
  for (const pixel of [0, 5000, 8256, 16383])
    assert.equal([...png.data.subarray(pixel * 4, pixel * 4 + 3)], [...picture.rgb.subarray(pixel * 3, pixel * 3 + 3)]);
});

test.run();
