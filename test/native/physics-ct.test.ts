import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { CT_GEOMETRY, type CtOptions, simulateCt } from '../../native/physics.js';
import { exposeCt } from '../../sim/physics/ct.js';
import { flattenPhantom } from '../../sim/physics/flatten.js';
import { attenuationAboveAir } from '../../sim/physics/materials.js';
import { loadPhantom, type Phantom, parsePhantom } from '../../sim/physics/phantom.js';
import { photonsPerMas, tubeSpectrum } from '../../sim/physics/spectra.js';
import { march } from '../helpers/marching.js';

const { channels, sourceRadiusMm: R, channelAngle, channelOffset } = CT_GEOMETRY;
const phantomOf = (...shapes: object[]) => parsePhantom({ name: 't', description: '', source: '', shapes }, 'test');
const flat = (...shapes: object[]) => flattenPhantom(phantomOf(...shapes));
const water = { label: 'w', material: 'water', centreMm: [0, 0, 0] };

/** One energy, one reading an angle, 4 rows of 20 mm so that the cone is steep. */
function mono(phantom: Phantom, mu: Record<string, number>, angles: number[], z = 0): CtOptions {
  const flattened = flattenPhantom(phantom);
  return {
    phantom: flattened,
    attenuation: Float64Array.from(flattened.materialNames, (name) => mu[name] ?? 0),
    energiesKeV: Float64Array.of(60),
    spectrum: Float64Array.of(1),
    angles: Float64Array.from(angles),
    sourceZ: new Float64Array(angles.length).fill(z),
    photons: new Float64Array(angles.length).fill(1e6),
    rows: 4,
    rowPitchMm: 20,
    seed: 1,
    electronicNoise: 'none',
    out: new Uint16Array(angles.length * 4 * channels),
  };
}

function ray(angle: number, row: number, channel: number, z = 0) {
  const gamma = (channel - (channels - 1) / 2 + channelOffset) * channelAngle;
  const slope = ((row - 1.5) * 20) / R;
  const norm = Math.hypot(1, slope);
  const p = [R * Math.sin(angle), -R * Math.cos(angle), z] as const;
  const d = [-Math.sin(angle + gamma) / norm, Math.cos(angle + gamma) / norm, slope / norm] as const;
  return { p, d };
}

const MU = { water: 0.02, pmma: 0.023, 'lung-insert': 0.006, 'bone-cortical': 0.05 };

test('line integrals equal a walk through the phantom in small steps, at every kind of shape', async () => {
  const tilted = { ...water, kind: 'cylinder', axis: [0, 0, 1], radiusMm: 30, lengthMm: 60, centreMm: [-60, 0, 10] };
  const straight = { ...tilted, axis: 'z' };
  const mixed = phantomOf(
    { ...water, kind: 'ellipsoid', semiAxesMm: [140, 90, 60] },
    { ...straight, material: 'lung-insert' },
    {
      ...water,
      kind: 'cylinder',
      axis: 'x',
      radiusMm: 12,
      lengthMm: 150,
      material: 'bone-cortical',
      centreMm: [10, 20, 5],
    },
    {
      ...water,
      kind: 'box',
      sizeMm: [40, 60, 50],
      material: 'pmma',
      centreMm: [70, -20, 0],
      clips: [{ normal: 'x', offsetMm: 80 }],
    },
  );
  for (const phantom of [loadPhantom('nema-body'), mixed]) {
    const angles = [0, 0.7, 2.1, 3.9, 5.5];
    const options = mono(phantom, MU, angles, 4);
    await simulateCt(options);
    let worst = 0;
    for (const [i, angle] of angles.entries())
      for (let row = 0; row < 4; row++)
        for (let channel = 60 + row; channel < channels; channel += 83) {
          const { p, d } = ray(angle, row, channel, 4);
          const near = p.map((v, k) => v + 400 * d[k]!) as unknown as typeof p;
          const expected = march(phantom, near, d, 420, 0.05, (s) => MU[s.material as keyof typeof MU]);
          const word = options.out[(i * 4 + row) * channels + channel]!;
          worst = Math.max(worst, Math.abs((word - 1024) / 4096 - expected));
        }
    // half a word, and steps of 0.05 mm at some ten faces of up to 0.05 /mm
    assert.ok(worst < 0.004, `${phantom.name}: ${worst}`);
  }
});

test('a cylinder about any direction reads as the same cylinder about an axis', async () => {
  const shape = { ...water, kind: 'cylinder', radiusMm: [50, 20], lengthMm: 120 };
  const turned = { ...shape, axis: [1e-9, 0, 2] };
  const [a, b] = [mono(phantomOf({ ...shape, axis: 'z' }), MU, [0.3]), mono(phantomOf(turned), MU, [0.3])];
  await simulateCt(a);
  await simulateCt(b);
  assert.equal(a.out, b.out);
  const oblique = mono(phantomOf({ ...water, kind: 'cylinder', axis: [1, 1, 0], radiusMm: 40, lengthMm: 400 }), MU, [
    Math.PI / 4,
  ]);
  await simulateCt(oblique);
  // the central ray is at right angles to the cylinder's axis
  const middle = Math.round((channels - 1) / 2 - channelOffset);
  const { p, d } = ray(Math.PI / 4, 1, middle);
  const along = (d[0] + d[1]) / Math.SQRT2;
  const start = (p[0] + p[1]) / Math.SQRT2;
  assert.ok(Math.abs(along) < 2e-3 && Math.abs(start) < 1e-6);
  const word = oblique.out[channels + middle]!;
  const chord = 2 * Math.sqrt(40 ** 2 - 10 ** 2) * Math.hypot(1, 10 / R); // 10 mm above the axis
  assert.ok(Math.abs((word - 1024) / 4096 - 0.02 * chord) < 3e-3, `${(word - 1024) / 4096}`);
});

test('crowded blocks take the slow way and give the same answer', async () => {
  const shells = Array.from({ length: 40 }, (_, i) => ({
    ...water,
    kind: 'sphere',
    radiusMm: 80 - i,
    material: i % 2 ? 'pmma' : 'water',
  }));
  const many = mono(phantomOf(...shells), { water: 0.02, pmma: 0.02 }, [0, 1]);
  const one = mono(phantomOf({ ...water, kind: 'sphere', radiusMm: 80 }), MU, [0, 1]);
  await simulateCt(many);
  await simulateCt(one);
  for (let i = 0; i < one.out.length; i++) assert.ok(Math.abs(one.out[i]! - many.out[i]!) <= 1, `word ${i}`);
});

test('patient left is seen at low channels from above, the head in high rows', async () => {
  const options = mono(loadPhantom('offset-insert'), { 'bone-cortical': 0.05 }, [0]);
  await simulateCt(options);
  const strength = (row: number) => {
    const line = options.out.subarray(row * channels, (row + 1) * channels);
    let weight = 0;
    let place = 0;
    for (let c = 0; c < channels; c++) {
      weight += line[c]! - 1024;
      place += (line[c]! - 1024) * c;
    }
    return { weight, channel: place / weight };
  };
  const gamma = -Math.atan2(50, R - 30);
  const expected = gamma / channelAngle + (channels - 1) / 2 - channelOffset;
  assert.ok(Math.abs(strength(2).channel - expected) < 0.5, `${strength(2).channel} for ${expected}`);
  assert.is(strength(1).weight, 0);
  assert.ok(strength(2).weight > 1000);
});

test('behind water a polychromatic beam reads what its spectrum says', async () => {
  const spectrum = tubeSpectrum(120);
  const angles = new Float64Array(1);
  const words = await exposeCt({
    phantom: flat({ ...water, kind: 'box', sizeMm: [400, 250, 100] }),
    kVp: 120,
    angles,
    sourceZ: angles,
    mAsPerReading: Float64Array.of(1),
    rows: 1,
    rowPitchMm: 0.6,
    seed: 1,
    noise: false,
  });
  const mu = attenuationAboveAir(['water'], spectrum.energiesKeV);
  for (const channel of [300, 367, 368, 450]) {
    const gamma = (channel - (channels - 1) / 2 + channelOffset) * channelAngle;
    let air = 0;
    let through = 0;
    spectrum.energiesKeV.forEach((e, i) => {
      air += e * spectrum.photons[i]!;
      through += e * spectrum.photons[i]! * Math.exp((-mu[i]! * 250) / Math.cos(gamma));
    });
    const word = Math.round(-4096 * Math.log(through / air)) + 1024;
    assert.ok(Math.abs(words[channel]! - word) <= 1, `channel ${channel}: ${words[channel]} for ${word}`);
  }
});

const still = (n: number) => ({ angles: new Float64Array(n), sourceZ: new Float64Array(n), rows: 1, rowPitchMm: 0.6 });

async function spread(mAs: number, thicknessMm: number) {
  const words = await exposeCt({
    phantom: flat({ ...water, kind: 'box', sizeMm: [500, thicknessMm, 200] }),
    kVp: 120,
    ...still(400),
    mAsPerReading: new Float64Array(400).fill(mAs),
    seed: 5,
  });
  let sum = 0;
  let square = 0;
  let n = 0;
  for (let r = 0; r < 400; r++)
    for (let c = 360; c < 376; c++, n++) {
      const p = (words[r * channels + c]! - 1024) / 4096;
      sum += p;
      square += p * p;
    }
  return { mean: sum / n, deviation: Math.sqrt(square / n - (sum / n) ** 2) };
}

test('air reads zero, and noise is that of the energy-weighted quanta', async () => {
  const { mean, deviation } = await spread(0.05, 1e-3);
  assert.ok(Math.abs(mean) < 3e-4, `${mean}`);
  const { energiesKeV, photons } = tubeSpectrum(120);
  const total = photons.reduce((a, b) => a + b, 0);
  const moment = (k: number) => photons.reduce((sum, n, i) => sum + n * energiesKeV[i]! ** k, 0) / total;
  const quanta = (photonsPerMas(tubeSpectrum(120), 0.6) * 0.05 * moment(1) ** 2) / moment(2);
  const expected = Math.hypot(1 / Math.sqrt(quanta), 1 / 4096 / Math.sqrt(12));
  assert.ok(Math.abs(deviation / expected - 1) < 0.04, `${deviation} for ${expected}`);
});

test('noise falls with the square root of the dose', async () => {
  const [low, high] = [await spread(0.05, 150), await spread(0.2, 150)];
  assert.ok(Math.abs(low.deviation / high.deviation - 2) < 0.1, `${low.deviation / high.deviation}`);
  assert.ok(Math.abs(low.mean - high.mean) < 1e-3);
});

test('five quanta scatter as a Poisson count, empty readings included', async () => {
  const box = phantomOf({ ...water, kind: 'box', sizeMm: [500, 150, 400] });
  const options = { ...mono(box, MU, new Array<number>(300).fill(0)), electronicNoise: 0 };
  options.photons.fill(5 * Math.exp(3));
  await simulateCt(options);
  let sum = 0;
  let square = 0;
  let empty = 0;
  let n = 0;
  for (let r = 0; r < 300; r++)
    for (let c = 360; c < 376; c++, n++) {
      const word = options.out[(r * 4 + 1) * channels + c]!;
      const quanta = word === 65535 ? 0 : 5 * Math.exp(3 - (word - 1024) / 4096);
      sum += quanta;
      square += quanta * quanta;
      empty += quanta === 0 ? 1 : 0;
    }
  const mean = sum / n;
  assert.ok(Math.abs(mean - 5) < 0.15, `mean ${mean}`);
  assert.ok(Math.abs(square / n - mean ** 2 - 5) < 0.6, `variance ${square / n - mean ** 2}`);
  assert.ok(empty > 10 && empty < 65, `${empty} empty for ${n * Math.exp(-5)}`);
});

const spiral = (n: number) => ({
  phantom: flattenPhantom(loadPhantom('nema-body')),
  kVp: 120,
  angles: Float64Array.from({ length: n }, (_, i) => i * 0.11),
  sourceZ: Float64Array.from({ length: n }, (_, i) => i * 0.3 - 10),
  mAsPerReading: new Float64Array(n).fill(0.04),
  rows: 5,
  rowPitchMm: 1.2,
  seed: 9,
});

test('seeds repeat; threads and cuts change nothing', async () => {
  const whole = await exposeCt(spiral(60), { threads: 1 });
  assert.equal(await exposeCt(spiral(60), { threads: 3 }), whole);
  assert.not.equal(await exposeCt({ ...spiral(60), seed: 10 }), whole);
  const all = spiral(60);
  const rest = await exposeCt({
    ...all,
    angles: all.angles.subarray(37),
    sourceZ: all.sourceZ.subarray(37),
    mAsPerReading: all.mAsPerReading.subarray(37),
    firstReading: 37,
  });
  assert.equal(rest, whole.subarray(37 * 5 * channels));
});

test('cancels within one chunk of work', async () => {
  const stop = new AbortController();
  const running = exposeCt(spiral(20_000), { signal: stop.signal, threads: 1 });
  const started = performance.now();
  setTimeout(() => stop.abort(), 20);
  try {
    await running;
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'timeout.aborted');
  }
  assert.ok(performance.now() - started < 2000);
});

const REFUSED: [string, (o: CtOptions) => CtOptions, string][] = [
  ['sourceZ of another length', (o) => ({ ...o, sourceZ: new Float64Array(3) }), 'sourceZ.length'],
  ['an angle that is no number', (o) => ({ ...o, angles: Float64Array.of(Number.NaN) }), 'angles'],
  ['no photons', (o) => ({ ...o, photons: Float64Array.of(0) }), 'photons'],
  ['a short output', (o) => ({ ...o, out: new Uint16Array(7) }), 'out.length'],
  ['rows that are no count', (o) => ({ ...o, rows: 1.5 }), 'rows'],
  ['a negative seed', (o) => ({ ...o, seed: -1 }), 'seed'],
  ['an attenuation table of another size', (o) => ({ ...o, attenuation: new Float64Array(9) }), 'attenuation.length'],
  ['an empty spectrum', (o) => ({ ...o, spectrum: Float64Array.of(0) }), 'spectrum'],
  ['a torn phantom', (o) => ({ ...o, phantom: { ...o.phantom, frames: new Float64Array(5) } }), 'phantom'],
];

for (const [name, spoil, what] of REFUSED)
  test(`refuses ${name}`, async () => {
    try {
      await simulateCt(spoil(mono(loadPhantom('water-cylinder'), MU, [0])));
      assert.unreachable();
    } catch (error) {
      assert.is((error as ScannerError).code, 'native.argument');
      assert.is((error as ScannerError).context.what, what);
    }
  });

test.run();
