import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { paintPhantom } from '../../native/phantom.js';
import { flattenPhantom } from '../../sim/physics/flatten.js';
import { attenuationPerMm, MATERIAL_NAMES } from '../../sim/physics/materials.js';
import { decayed, NUCLIDE_NAMES, nuclide } from '../../sim/physics/nuclides.js';
import { loadPhantom, parsePhantom, phantomNames } from '../../sim/physics/phantom.js';
import { photonsPerMas, tubeSpectrum } from '../../sim/physics/spectra.js';
import { shapeAt } from '../helpers/marching.js';

const codeOf = (run: () => unknown): ScannerError => {
  try {
    run();
  } catch (error) {
    return error as ScannerError;
  }
  throw new Error('nothing was thrown');
};

test('every shipped phantom loads and flattens', () => {
  assert.equal(phantomNames(), ['air', 'nema-body', 'offset-insert', 'uniform-cylinder', 'water-cylinder']);
  for (const name of phantomNames()) {
    const phantom = loadPhantom(name);
    assert.is(phantom.name, name);
    const flat = flattenPhantom(phantom);
    assert.is(flat.frames.length, 12 * phantom.shapes.length);
    assert.is(flat.clips.length, 4 * flat.clipStart.at(-1)!);
  }
});

test('the body phantom is the published one', () => {
  const body = loadPhantom('nema-body');
  const hot = body.shapes.filter((s) => s.kind === 'sphere' && s.activityBqPerMl > 0);
  const diameters = hot.map((s) => (s.kind === 'sphere' ? 2 * s.radiusMm : 0)).sort((a, b) => a - b);
  assert.equal(diameters, [10, 13, 17, 22, 28, 37]);
  const background = body.shapes.find((s) => s.label.startsWith('background'))!.activityBqPerMl;
  for (const s of hot) {
    assert.is(s.activityBqPerMl, 8 * background);
    assert.ok(Math.abs(2 * Math.hypot(s.centreMm[0], s.centreMm[1]) - 114.5) < 1e-3);
    assert.is(s.centreMm[2], 0);
  }
  const inside = (x: number, y: number, z: number) => shapeAt(body, [x, y, z]) !== undefined;
  assert.ok(inside(149.9, 34.9, 0) && !inside(150.1, 34.9, 0) && inside(-149.9, 35.1, 0));
  assert.ok(inside(0, -114.9, 0) && !inside(0, -115.1, 0));
  assert.ok(inside(0, 114.9, 0) && !inside(0, 115.1, 0));
  assert.ok(inside(0, 0, 69.9) && !inside(0, 0, 70.1) && inside(0, 0, -143.9) && !inside(0, 0, -144.1));
  assert.is(shapeAt(body, [0, 0, 0])?.material, 'lung-insert');
});

test('the volume of a sphere is that of its half axes, and its wall is 1 mm', () => {
  const body = loadPhantom('nema-body');
  const flat = flattenPhantom(body);
  body.shapes.forEach((s, i) => {
    if (s.kind !== 'sphere' || s.activityBqPerMl === 0) return;
    const f = flat.frames.subarray(12 * i);
    const length = (k: number) => Math.hypot(f[3 * k]!, f[3 * k + 1]!, f[3 * k + 2]!);
    const volumeMl = ((4 / 3) * Math.PI * length(1) * length(2) * length(3)) / 1000;
    assert.ok(Math.abs(volumeMl - (Math.PI * (2 * s.radiusMm) ** 3) / 6000) < 1e-9);
    const wall = shapeAt(body, [s.centreMm[0], s.centreMm[1], s.radiusMm + 0.5]);
    assert.is(wall?.material, 'pmma');
    assert.ok(shapeAt(body, [s.centreMm[0], s.centreMm[1], s.radiusMm + 1.5])!.label.startsWith('background'));
  });
});

test('a phantom can be moved and diluted', () => {
  const body = loadPhantom('nema-body');
  const [at, moved] = [flattenPhantom(body), flattenPhantom(body, { offsetMm: [1, 2, 3], activityScale: 0.5 })];
  for (let i = 0; i < at.kinds.length; i++) {
    assert.ok(Math.abs(moved.frames[12 * i + 2]! - at.frames[12 * i + 2]! - 3) < 1e-12);
    assert.is(moved.activity[i], at.activity[i]! / 2);
  }
  for (let c = 0; c < at.clips.length / 4; c++) {
    const [n, d] = [at.clips.subarray(4 * c, 4 * c + 3), at.clips[4 * c + 3]!];
    assert.ok(Math.abs(moved.clips[4 * c + 3]! - (d + n[0]! + 2 * n[1]! + 3 * n[2]!)) < 1e-12);
  }
});

const good = { name: 'x', description: '', source: '', shapes: [] as object[] };
const sphere = { kind: 'sphere', label: 's', material: 'water', centreMm: [0, 0, 0], radiusMm: 10 };
const BAD: [string, unknown, string][] = [
  ['an unknown material', { ...good, shapes: [sphere, { ...sphere, material: 'cheese' }] }, 'shapes[1].material'],
  ['a negative radius', { ...good, shapes: [{ ...sphere, radiusMm: -1 }] }, 'shapes[0].radiusMm'],
  ['an unknown key', { ...good, shapes: [{ ...sphere, radiusCm: 1 }] }, 'shapes[0]'],
  ['an unknown kind', { ...good, shapes: [{ ...sphere, kind: 'torus' }] }, 'shapes[0].kind'],
  [
    'an axis without length',
    { ...good, shapes: [{ ...sphere, kind: 'cylinder', lengthMm: 5, axis: [0, 0, 0] }] },
    'shapes[0].axis',
  ],
  ['negative activity', { ...good, shapes: [{ ...sphere, activityBqPerMl: -3 }] }, 'shapes[0].activityBqPerMl'],
  ['no shapes', { name: 'x', description: '', source: '' }, 'shapes'],
  ['a list', [], 'phantom'],
];

for (const [name, value, path] of BAD)
  test(`refuses ${name} and says where`, () => {
    const error = codeOf(() => parsePhantom(value, 'bad.json'));
    assert.is(error.code, 'config.invalid');
    assert.is(error.context.where, `bad.json: ${path}`);
  });

test('a file is read by its path; what cannot be read is named', () => {
  const dir = mkdtempSync(join(tmpdir(), 'phantom-'));
  try {
    writeFileSync(join(dir, 'ball.json'), JSON.stringify({ ...good, shapes: [sphere] }));
    assert.is(loadPhantom(join(dir, 'ball.json')).shapes.length, 1);
    writeFileSync(join(dir, 'torn.json'), '{');
    assert.is(codeOf(() => loadPhantom(join(dir, 'torn.json'))).code, 'config.invalid');
    const missing = codeOf(() => loadPhantom('no-such-phantom'));
    assert.is(missing.code, 'operator.unknown');
    assert.match(missing.message, 'nema-body');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('attenuation: known values, and interpolation between them', () => {
  assert.ok(Math.abs(attenuationPerMm('water', 511) - 0.0096) < 2e-5);
  assert.ok(Math.abs(attenuationPerMm('water', 60) - 0.02059) < 1e-9);
  assert.ok(Math.abs(attenuationPerMm('water', 70) - 0.01936) < 2e-4); // NIST: 0.1936 cm2/g near 70 keV
  for (const name of MATERIAL_NAMES)
    for (let e = 21; e < 600; e++) assert.ok(attenuationPerMm(name, e) < attenuationPerMm(name, e - 1), `${name} ${e}`);
  assert.is(codeOf(() => attenuationPerMm('water', 5)).code, 'limit.range');
  assert.is(codeOf(() => attenuationPerMm('cheese', 60)).code, 'operator.unknown');
});

test('spectra harden and yield more with tube voltage', () => {
  const mean = (kVp: number) => {
    const { energiesKeV, photons } = tubeSpectrum(kVp);
    return energiesKeV.reduce((sum, e, i) => sum + e * photons[i]!, 0) / photons.reduce((a, b) => a + b, 0);
  };
  const [m80, m100, m120, m140] = [80, 100, 120, 140].map(mean) as [number, number, number, number];
  assert.ok(m80 > 45 && m80 < m100 && m100 < m120 && m120 < m140 && m140 < 70);
  const yields = [80, 100, 120, 140].map((kVp) => photonsPerMas(tubeSpectrum(kVp), 0.6));
  assert.ok(yields.every((y, i) => i === 0 || y > yields[i - 1]!));
  for (const kVp of [80, 120]) assert.ok(tubeSpectrum(kVp).energiesKeV.every((e) => e < kVp));
  assert.is(codeOf(() => tubeSpectrum(70)).code, 'operator.unknown');
});

test('seventeen nuclides, by name or code', () => {
  assert.is(NUCLIDE_NAMES.length, 17);
  assert.is(new Set(NUCLIDE_NAMES.map((n) => nuclide(n).code)).size, 17);
  assert.is(nuclide('C-111A1'), nuclide('F-18'));
  assert.ok(Math.abs(decayed(nuclide('F-18').halfLifeSeconds, 6586.2) - 0.5) < 1e-12);
  assert.is(codeOf(() => nuclide('U-235')).code, 'operator.unknown');
});

test('painted on a grid a phantom is what its shapes say, with any number of threads; its core keeps off the edges', async () => {
  const body = loadPhantom('nema-body');
  const grid = { size: [41, 37, 23], spacing: [8, 8, 10], origin: [-160, -140, -150] } as const;
  const phantom = flattenPhantom(body);
  const job = { phantom, grid, marginMm: 12 };
  const [one, many] = [await paintPhantom(job, { threads: 1 }), await paintPhantom(job, { threads: 4 })];
  assert.equal(one.shapes, many.shapes);
  assert.equal(one.core, many.core);
  const [nx, ny] = grid.size;
  const middle = (i: number) =>
    [i % nx, Math.floor(i / nx) % ny, Math.floor(i / nx / ny)].map(
      (n, axis) => grid.origin[axis]! + n * grid.spacing[axis]!,
    ) as [number, number, number];
  const activityAt = (p: [number, number, number]) => shapeAt(body, p)?.activityBqPerMl ?? 0;
  let kept = 0;
  for (let i = 0; i < one.shapes.length; i++) {
    const p = middle(i);
    const expected = shapeAt(body, p);
    assert.is(body.shapes[one.shapes[i]!]?.label, expected?.label, `at ${p}`);
    if (!expected || !one.core[i]) continue;
    kept += 1;
    for (const step of [
      [12, 0, 0],
      [0, -12, 0],
      [0, 0, 12],
    ])
      assert.is(activityAt(p.map((x, axis) => x + step[axis]!) as [number, number, number]), activityAt(p));
  }
  assert.ok(kept > 500, `${kept} voxels`);
});

test('a grid that is none is refused', async () => {
  const phantom = flattenPhantom(loadPhantom('air'));
  const grid = { size: [2, 2, 2], spacing: [1, 1, 1], origin: [0, 0, 0] } as const;
  const wrong = [
    { phantom, grid: { ...grid, size: [2, 2, 0.5] as const }, marginMm: 1 },
    { phantom, grid: { ...grid, spacing: [1, 1, -1] as const }, marginMm: 1 },
    { phantom, grid: { ...grid, origin: [0, Number.NaN, 0] as const }, marginMm: 1 },
    { phantom, grid, marginMm: Number.NaN },
  ];
  for (const job of wrong) {
    const error = await paintPhantom(job).then(
      () => undefined,
      (thrown: ScannerError) => thrown,
    );
    assert.is(error?.code, 'native.argument');
  }
});

test.run();
