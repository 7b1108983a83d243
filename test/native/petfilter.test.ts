import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { type PetFilter, resampleVolume, smoothVolume, type VolumeGrid } from '../../native/petvolume.js';

const test = suite('pet filters and grids');
const LENGTH = 255;
const SPACING = 2;

/** Point response along x (0) or z (2): `LENGTH` samples about their middle. */
async function pointResponse(filter: PetFilter, axis: 0 | 2): Promise<Float32Array> {
  const size = axis === 0 ? [LENGTH, 1, 1] : [1, 1, LENGTH];
  const volume = new Float32Array(LENGTH);
  volume[(LENGTH - 1) / 2] = 1;
  await smoothVolume({ volume, size, spacing: [SPACING, 3, SPACING], filter }, { threads: 1 });
  return volume;
}

/** Modulation transfer of a symmetric response at `f` (1/mm). */
function transfer(response: Float32Array, f: number): number {
  return response.reduce((sum, v, i) => sum + v * Math.cos(2 * Math.PI * f * SPACING * (i - (LENGTH - 1) / 2)), 0);
}

/** FWHM times cutoff of windows that end at their cutoff: where the kernel, written out by hand, is half its middle. */
const HANN = (x: number) => (x > 1 ? 0 : 0.5 + 0.5 * Math.cos(Math.PI * x));
const HAMM = (x: number) => (x > 1 ? 0 : 0.54 + 0.46 * Math.cos(Math.PI * x));
const PARZ = (x: number) => (x > 1 ? 0 : x < 0.5 ? 1 - 6 * x * x + 6 * x ** 3 : 2 * (1 - x) ** 3);
const SHEP = (x: number) => (x > 1 ? 0 : x === 0 ? 1 : Math.sin((Math.PI * x) / 2) / ((Math.PI * x) / 2));

/** FWHM x cutoff of a window by a fine sum: independent of the kernel's own search. */
function widthOf(window: (x: number) => number): number {
  const at = (u: number) => {
    let sum = 0;
    for (let i = 0; i < 4000; i++) sum += window((i + 0.5) / 4000) * Math.cos((2 * Math.PI * u * (i + 0.5)) / 4000);
    return sum;
  };
  let u = 0;
  while (at(u) > at(0) / 2) u += 0.001;
  return 2 * u;
}

const FWHM = 9;
const gauss = (f: number) => Math.exp(-((Math.PI * f * FWHM) ** 2) / (4 * Math.LN2));
/** The point response of 1 / (1 + (f / c)^2) is exp(-2 pi c |x|). */
const butterworth1 = (f: number) => 1 / (1 + ((f * FWHM * Math.PI) / Math.LN2) ** 2);
/** That of order 2 is exp(-a) (cos a + sin a), a = sqrt(2) pi c |x|, half its middle at a = 1.0136. */
const butterworth2 = (f: number) => 1 / (1 + ((f * FWHM * Math.PI) / Math.SQRT2 / 1.0136) ** 4);
const windowed = (window: (x: number) => number) => {
  const width = widthOf(window);
  return (f: number) => window((f * FWHM) / width);
};

for (const [filter, expected, tolerance] of [
  [{ window: 'Gauss', fwhmMm: FWHM }, gauss, 0.003],
  [{ window: 'Hanning', fwhmMm: FWHM }, windowed(HANN), 0.005],
  [{ window: 'Parzen', fwhmMm: FWHM }, windowed(PARZ), 0.005],
  [{ window: 'Hamming', fwhmMm: FWHM }, windowed(HAMM), 0.03],
  [{ window: 'Shepp', fwhmMm: FWHM }, windowed(SHEP), 0.05],
  [{ window: 'Butterworth', fwhmMm: FWHM, order: 1 }, butterworth1, 0.02],
  [{ window: 'Butterworth', fwhmMm: FWHM, order: 2 }, butterworth2, 0.02],
  [{ window: 'box' }, (f: number) => (1 + 2 * Math.cos(2 * Math.PI * f * SPACING)) / 3, 1e-6],
] as [PetFilter, (f: number) => number, number][]) {
  test(`${filter.window} ${filter.order ?? ''} has its modulation transfer along every axis`, async () => {
    for (const axis of [0, 2] as const) {
      const response = await pointResponse(filter, axis);
      for (let f = 0; f < 0.24; f += 0.007) {
        const [got, wanted] = [transfer(response, f), expected(f)];
        // windows that end in a step ring close to it
        const step = Math.abs(expected(f + 0.006) - expected(Math.max(0, f - 0.006))) > 0.2;
        if (step) continue;
        assert.ok(Math.abs(got - wanted) < tolerance, `axis ${axis}, ${f.toFixed(3)} 1/mm: ${got}, expected ${wanted}`);
      }
    }
  });
}

test("Hanning's width is its cutoff's inverse", () => {
  assert.ok(Math.abs(widthOf(HANN) - 1) < 0.005);
});

test('a constant stays constant up to the border, and nothing is smoothed without a filter', async () => {
  const size = [20, 12, 9];
  for (const filter of [{ window: 'Shepp', fwhmMm: 8 }, { window: 'Gauss', fwhmMm: 8 }, { window: 'box' }] as const) {
    const volume = new Float32Array(20 * 12 * 9).fill(3);
    await smoothVolume({ volume, size, spacing: [2, 2, 3], filter });
    assert.ok(volume.every((value) => Math.abs(value - 3) < 1e-4));
  }
  const volume = Float32Array.from({ length: 20 * 12 * 9 }, (_, i) => i % 7);
  const before = volume.slice();
  await smoothVolume({ volume, size, spacing: [2, 2, 3], filter: { window: 'none' } });
  assert.equal(volume, before);
});

const source: VolumeGrid = { size: [40, 40, 20], spacing: [2, 2, 2], origin: [-39, -39, -19] };
const gridOf = (n: number, spacing: number, at = 0): VolumeGrid => ({
  size: [n, n, 20],
  spacing: [spacing, spacing, 2],
  origin: [at - ((n - 1) / 2) * spacing, at - ((n - 1) / 2) * spacing, -19],
});
const smooth = (x: number, y: number, z: number) => 10 + Math.cos(x / 9) * Math.cos(y / 11) * 5 + z / 10;
const volume = Float32Array.from({ length: 32_000 }, (_, i) =>
  smooth(-39 + 2 * (i % 40), -39 + 2 * (Math.floor(i / 40) % 40), -19 + 2 * Math.floor(i / 1600)),
);

test('finer and coarser grids, zoomed and moved, show the same image; outside is 0', async () => {
  for (const target of [gridOf(60, 0.8), gridOf(64, 0.5, 14), gridOf(20, 3.1)]) {
    const data = await resampleVolume({ data: volume, source, target });
    const [n] = target.size;
    // the mean over a coarse voxel lies off its middle where the image is curved
    const tolerance = target.spacing[0] > 2 ? 0.1 : 0.06;
    data.forEach((value, i) => {
      const [x, y] = [i % n, Math.floor(i / n) % n].map((k, axis) => target.origin[axis]! + k * target.spacing[axis]!);
      const z = -19 + 2 * Math.floor(i / (n * n));
      assert.ok(Math.abs(value - smooth(x!, y!, z)) < tolerance, `${value} at ${x} ${y} ${z}`);
    });
  }
  const wide = await resampleVolume({ data: volume, source, target: gridOf(100, 2) });
  assert.is(wide[0], 0);
  const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum(wide) / sum(volume) - 1) < 1e-5);
  // what a point holds stays in it
  const point = new Float32Array(32_000);
  point[10 * 1600 + 20 * 40 + 20] = 1;
  const coarse = await resampleVolume({ data: point, source, target: gridOf(13, 6.16) });
  assert.ok(Math.abs(sum(coarse) * (6.16 / 2) ** 2 - 1) < 1e-4);
  const fine = await resampleVolume({ data: point, source, target: gridOf(160, 0.5) });
  assert.ok(Math.min(...fine.subarray(10 * 25_600, 11 * 25_600)) >= 0, 'nothing undershoots');
});

test('wrong filters and grids are named', async () => {
  const what = async (work: Promise<unknown>) =>
    await work.then(
      () => 'accepted',
      (error) => (error as ScannerError).context.what,
    );
  const v = new Float32Array(8);
  const job = { volume: v, size: [2, 2, 2], spacing: [1, 1, 1] };
  assert.is(await what(smoothVolume({ ...job, filter: { window: 'Parzen', fwhmMm: 0 } })), 'filter.fwhmMm');
  assert.is(await what(smoothVolume({ ...job, filter: { window: 'box', order: 0 } })), 'filter.order');
  assert.is(await what(smoothVolume({ ...job, filter: { window: 'Bartlett' as 'box' } })), 'filter.window');
  const target = { ...source, spacing: [0, 1, 1] as const };
  assert.is(await what(resampleVolume({ data: volume, source, target })), 'target');
  assert.is(await what(resampleVolume({ data: v, source, target: source })), 'source');
});

test.run();
