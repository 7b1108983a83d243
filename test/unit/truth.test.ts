import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareWithTruth, type KnownPatient } from '../../runtime/recon/truth.js';
import type { Volume } from '../../runtime/recon/volume.js';
import { flattenPhantom } from '../../sim/physics/flatten.js';
import { parsePhantom } from '../../sim/physics/phantom.js';

const test = suite('images beside a known phantom');

const SPHERE = { radiusMm: 24, centreMm: [12, -8, 4] as [number, number, number] };
const half = { normal: 'x', offsetMm: 0 };
const patient: KnownPatient = (() => {
  const common = { material: 'water', centreMm: [0, 0, 0], kind: 'cylinder', radiusMm: 90, lengthMm: 120 };
  const shapes = [
    { ...common, label: 'right half', activityBqPerMl: 1000, clips: [half] },
    { ...common, label: 'left half', activityBqPerMl: 1000, clips: [{ ...half, sign: -1 }] },
    { ...SPHERE, kind: 'sphere', label: 'sphere', material: 'water', activityBqPerMl: 8000 },
    { kind: 'box', label: 'cold', material: 'air', centreMm: [-50, 0, 0], sizeMm: [40, 40, 40] },
  ];
  const phantom = parsePhantom({ name: 'test', description: '', source: 'none', shapes }, 'test');
  return { labels: phantom.shapes.map(({ label }) => label), phantom: flattenPhantom(phantom) };
})();

/** Voxels of 4 x 4 x 4 mm with what `value` says of their middles. */
function volumeOf(value: (x: number, y: number, z: number) => number, unit: Volume['unit'] = 'BQML'): Volume {
  const size: Volume['size'] = [50, 50, 34];
  const origin: Volume['origin'] = [-98, -98, -66];
  const data = new Float32Array(50 * 50 * 34);
  for (let i = 0; i < data.length; i++) {
    const at = [i % 50, Math.floor(i / 50) % 50, Math.floor(i / 2500)].map((n, axis) => origin[axis]! + 4 * n);
    data[i] = value(at[0]!, at[1]!, at[2]!);
  }
  return { data, size, spacing: [4, 4, 4], origin, unit };
}

const inSphere = (x: number, y: number, z: number) => {
  const [cx, cy, cz] = SPHERE.centreMm;
  return Math.hypot(x - cx, y - cy, z - cz) <= SPHERE.radiusMm;
};
const inBox = (x: number, y: number, z: number) => Math.abs(x + 50) <= 20 && Math.abs(y) <= 20 && Math.abs(z) <= 20;
const exact = (x: number, y: number, z: number) => {
  if (inBox(x, y, z)) return 0;
  if (inSphere(x, y, z)) return 8000;
  return Math.hypot(x, y) <= 90 && Math.abs(z) <= 60 ? 1000 : 0;
};

test('the true image recovers everything: each part has its voxels and its activity', async () => {
  const { regions, bias, rmsError } = await compareWithTruth(volumeOf(exact), patient, 1);
  assert.equal(
    regions.map(({ label, known, recovery }) => [label, known, recovery]),
    [
      ['right half', 1000, 1],
      ['left half', 1000, 1],
      ['sphere', 8000, 1],
      ['cold', 0, undefined],
    ],
  );
  const volume = ((4 / 3) * Math.PI * SPHERE.radiusMm ** 3) / 64;
  const sphere = regions[2]!;
  assert.ok(Math.abs(sphere.voxels / volume - 1) < 0.03, `${sphere.voxels} voxels, ${volume} by its volume`);
  const core = ((4 / 3) * Math.PI * (SPHERE.radiusMm - 10) ** 3) / 64;
  assert.ok(sphere.coreVoxels >= core * 0.9 && sphere.coreVoxels < core * 1.6, `${sphere.coreVoxels} of ${core}`);
  assert.is(regions[3]!.mean, 0);
  assert.ok(Math.abs(bias!) < 1e-6 && rmsError! < 1e-3, `${bias} ${rmsError}`);
});

test('where parts of one activity touch is no edge', async () => {
  const { regions } = await compareWithTruth(volumeOf(exact), patient, 1);
  const [right, left] = regions;
  const outside = (90 - 10) ** 2 / 90 ** 2;
  assert.ok(left!.coreVoxels + right!.coreVoxels < (left!.voxels + right!.voxels) * outside);
  assert.ok(right!.coreVoxels > 0.4 * right!.voxels, `${right!.coreVoxels} of ${right!.voxels}`);
});

test('bias and noise come out as they went in; decay before the series counts', async () => {
  let turn = 0;
  const noisy = volumeOf((x, y, z) => exact(x, y, z) * 0.9 * (turn++ % 2 === 0 ? 1.1 : 0.9));
  const { regions, bias, rmsError } = await compareWithTruth(noisy, patient, 0.9);
  assert.ok(Math.abs(bias!) < 0.01, `bias ${bias}`);
  assert.ok(Math.abs(rmsError! - 0.1) < 0.002, `error ${rmsError}`);
  const { coreNoise, known } = regions[1]!;
  assert.is(known, 900);
  assert.ok(Math.abs(coreNoise! - 0.1) < 0.005, `noise ${coreNoise}`);
});

test('images without a unit of activity are refused; a comparison can be cancelled', async () => {
  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (thrown: { code: string }) => thrown.code,
    );
  assert.is(await code(compareWithTruth(volumeOf(exact, 'PROPCPS'), patient, 1)), 'data.invalid');
  assert.is(await code(compareWithTruth(volumeOf(exact), patient, 1, AbortSignal.abort())), 'timeout.aborted');
});

test.run();
