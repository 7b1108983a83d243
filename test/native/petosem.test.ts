import { monitorEventLoopDelay } from 'node:perf_hooks';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { type PetReconOptions, reconstructPet, scanListmode, sortListmode } from '../../native/pet.js';
import { perCrystal, uniformNormalisation } from '../../runtime/recon/petcalibration.js';
import { perfectScale, promptWord, type Source, seeded, simulatePrompts } from './petsource.js';

const test = suite('pet osem');
const VOXEL = 4.07283;

async function options(
  words: Uint32Array,
  change: Partial<PetReconOptions> = {},
  tof = true,
): Promise<PetReconOptions> {
  const { prompts } = await scanListmode({ words });
  return {
    matrix: 200,
    iterations: 2,
    subsets: 21,
    events: await sortListmode({ words, prompts, tof }),
    tofFwhmPs: 540,
    algorithm: 'osem',
    rebinned: false,
    psfFwhmMm: 0,
    filter: { window: 'Gauss', fwhmMm: 5 },
    scale: perfectScale(),
    normalisation: uniformNormalisation(),
    ...change,
  };
}

/** Mean inside a cylinder [r0, r1) about (x0, y0), slices [z0, z1). */
function mean(data: Float32Array, r0: number, r1: number, z0 = 15, z1 = 94, x0 = 0, y0 = 0): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < 200; y++) {
    for (let x = 0; x < 200; x++) {
      const r = Math.hypot((x - 99.5) * VOXEL - x0, (y - 99.5) * VOXEL - y0);
      if (r < r0 || r >= r1) continue;
      for (let z = z0; z < z1; z++) sum += data[(z * 200 + y) * 200 + x]!;
      count += z1 - z0;
    }
  }
  return sum / count;
}

/** mu map of a cylinder on the axis, edges averaged. */
function cylinderMu(radiusMm: number, mu: number): Float32Array {
  const slice = Float32Array.from({ length: 40_000 }, (_, i) => {
    let inside = 0;
    for (let k = 0; k < 16; k++) {
      const x = ((i % 200) - 99.5 + ((k % 4) - 1.5) / 4) * VOXEL;
      const y = (Math.floor(i / 200) - 99.5 + (Math.floor(k / 4) - 1.5) / 4) * VOXEL;
      if (Math.hypot(x, y) < radiusMm) inside++;
    }
    return (mu * inside) / 16;
  });
  const map = new Float32Array(109 * 40_000);
  for (let z = 0; z < 109; z++) map.set(slice, z * 40_000);
  return map;
}

const cylinder: Source = { radiusMm: 60, halfLengthMm: 130 };
const litres = (s: Source) => (Math.PI * s.radiusMm ** 2 * 2 * s.halfLengthMm) / 1e6;
const perMl = 4000;
const hot = simulatePrompts(cylinder, perMl * litres(cylinder) * 1000, 540, 1);

test('a uniform cylinder reads its activity with a flat profile; 1 and 2 threads give the same', async () => {
  const job = await options(hot);
  const { data, impossible } = await reconstructPet(job, { threads: 2 });
  assert.is(impossible, 0);
  const profile = [0, 10, 20, 30, 40].map((r) => mean(data, r, r + 10) / perMl);
  for (const value of [mean(data, 0, 45) / perMl, ...profile]) assert.ok(Math.abs(value - 1) < 0.05, `${profile}`);
  const slices = [14, 34, 54, 74].map((z) => mean(data, 0, 45, z, z + 20) / perMl);
  for (const value of slices) assert.ok(Math.abs(value - 1) < 0.05, `along z ${slices}`);
  assert.ok(mean(data, 100, 300) / perMl < 0.002, 'nothing outside');
  const one = await reconstructPet(job, { threads: 1 });
  assert.ok(one.data.every((value, i) => value === data[i]));
});

test('attenuation is corrected, with and without TOF', async () => {
  const body = { ...cylinder, mu: 0.0096, bodyRadiusMm: 60 };
  const words = simulatePrompts(body, 2 * perMl * litres(body) * 1000, 540, 2);
  assert.ok(words.length < hot.length, 'half of the photons are lost');
  for (const tof of [true, false]) {
    const { data } = await reconstructPet(await options(words, { mu: cylinderMu(60, 0.0096) }, tof));
    const profile = [0, 15, 30].map((r) => mean(data, r, r + 15) / (2 * perMl));
    for (const value of profile) assert.ok(Math.abs(value - 1) < 0.05, `tof ${tof}: ${profile}`);
  }
});

test('randoms are taken out, and prompts that no real crystals can make', async () => {
  const random = seeded(7);
  const below = (n: number) => Math.floor(random() * n);
  const real = (n: number) => {
    let c = below(n);
    while (c % 14 === 13) c = below(n);
    return c;
  };
  const randoms: number[] = [];
  while (randoms.length < hot.length / 2) {
    const word = promptWord(real(55), real(672), real(55), real(672), (random() - 0.5) * 13 * 312);
    if (word > 0) randoms.push(word);
  }
  // and two prompts whose bins hold no real crystal pair
  const impossible = [promptWord(5, 13, 5, 334, 0), promptWord(30, 348, 5, 27, 0)];
  const words = Uint32Array.from([...hot, ...randoms, ...impossible]);
  const singles = perCrystal(() => 1);
  const corrected = await reconstructPet(await options(words, { randoms: { delayeds: randoms.length, singles } }));
  assert.is(corrected.impossible, 2);
  const plain = await reconstructPet(await options(words));
  const [inside, outside] = [mean(corrected.data, 0, 45) / perMl, mean(corrected.data, 100, 250) / perMl];
  assert.ok(Math.abs(inside - 1) < 0.05, `inside ${inside}`);
  assert.ok(outside < 0.25 * (mean(plain.data, 100, 250) / perMl), `outside ${outside}`);
  assert.ok(mean(plain.data, 0, 45) / perMl > inside + 0.01);
});

test('a small source appears where it is, to a voxel', async () => {
  const [x, y, z] = [63, -41, 27];
  const words = simulatePrompts({ radiusMm: 6, halfLengthMm: 6, x, y, z }, 400_000, 540, 3);
  const matrix = 400;
  const { data } = await reconstructPet(await options(words, { matrix }));
  const voxel = (VOXEL * 200) / matrix;
  const centre = [0, 0, 0];
  let sum = 0;
  data.forEach((value, i) => {
    centre[0]! += value * ((i % matrix) - (matrix - 1) / 2) * voxel;
    centre[1]! += value * ((Math.floor(i / matrix) % matrix) - (matrix - 1) / 2) * voxel;
    centre[2]! += value * (Math.floor(i / matrix ** 2) - 54) * 2.027;
    sum += value;
  });
  const offset = [x, y, z].map((mm, i) => centre[i]! / sum - mm);
  assert.ok(
    offset.every((d) => Math.abs(d) < 1),
    `${offset} mm off`,
  );
  const total = (sum * voxel * voxel * 2.027) / 1000;
  assert.ok(Math.abs(total / 400_000 - 1) < 0.05, `${total} decays`);
});

test('cancelling takes effect within 200 ms', async () => {
  const job = await options(hot);
  const abort = new AbortController();
  const running = reconstructPet(job, { signal: abort.signal });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const from = performance.now();
  abort.abort();
  try {
    await running;
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'timeout.aborted');
  }
  const took = performance.now() - from;
  assert.ok(took < 200, `${took} ms`);
});

/** p99 of what the event loop comes late while `work` runs, ms. */
async function lagDuring(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  await work();
  delay.disable();
  return delay.percentile(99) / 1e6 - 10;
}

test('the event loop keeps its rhythm while it reconstructs', async () => {
  const job = { ...(await options(hot)), iterations: 1 };
  const lags: string[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    // a busy machine is late by itself: that much is measured first
    const idle = await lagDuring(() => new Promise((resolve) => setTimeout(resolve, 1000)));
    const progress: number[] = [];
    const lag = await lagDuring(() => reconstructPet(job, { onProgress: (fraction) => progress.push(fraction) }));
    assert.ok(progress.length > 3 && progress.every((p, i) => p >= (progress[i - 1] ?? 0)) && progress.at(-1) === 1);
    if (lag < 20 + Math.max(0, idle)) return;
    lags.push(`${lag} (idle ${idle})`);
  }
  assert.unreachable(`p99 ${lags} ms`);
});

test('wrong arguments are named', async () => {
  const job = await options(hot.subarray(0, 1000));
  const code = async (change: Partial<PetReconOptions>) => {
    try {
      await reconstructPet({ ...job, ...change });
    } catch (error) {
      assert.instance(error, ScannerError);
      assert.is((error as ScannerError).code, 'native.argument');
      return (error as ScannerError).context.what;
    }
    return 'accepted';
  };
  assert.is(await code({ subsets: 5 }), 'subsets');
  assert.is(await code({ matrix: 128 as 200 }), 'matrix');
  assert.is(await code({ mu: new Float32Array(7) }), 'mu');
  assert.is(await code({ scale: Number.NaN }), 'scale');
  assert.is(await code({ psfFwhmMm: -1 }), 'psfFwhmMm');
  assert.is(await code({ filter: { window: 'Gauss' } }), 'filter.fwhmMm');
  assert.is(await code({ algorithm: 'backprojection' }), 'rebinned');
  assert.is(await code({ events: { ...job.events, counts: new Uint16Array(3) } }), 'counts');
});

test.run();
