import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import type { PetEvents } from '../../native/physics.js';
import { flattenPhantom } from '../../sim/physics/flatten.js';
import { attenuationPerMm } from '../../sim/physics/materials.js';
import { nuclide } from '../../sim/physics/nuclides.js';
import { crystalEfficiencies, type PetScan, RINGS, ratesOf, scanPet } from '../../sim/physics/pet.js';
import { loadPhantom, parsePhantom } from '../../sim/physics/phantom.js';

const flat = (...shapes: object[]) =>
  flattenPhantom(parsePhantom({ name: 't', description: '', source: '', shapes }, 'test'));
/** A point of one MBq in air. */
const point = (x: number, y: number, z: number, bq = 1e6) => ({
  kind: 'sphere',
  label: 'point',
  material: 'air',
  centreMm: [x, y, z],
  radiusMm: 0.5,
  activityBqPerMl: bq / ((4 / 3) * Math.PI * 0.5 ** 3 * 1e-3),
});
const scan = (shapes: object[], seconds: number, more: Partial<PetScan> = {}): PetScan => ({
  phantom: flat(...shapes),
  petCentreZMm: 0,
  nuclide: 'F-18',
  startSeconds: 0,
  durationSeconds: seconds,
  seed: 3,
  ...more,
});
const F18 = nuclide('F-18').positronBranching;
const perfect = { efficiencies: crystalEfficiencies(1, 0) };
const close = (got: number, expected: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(got / expected - 1) < tolerance, `${what}: ${got} for ${expected}`);
const PLANES = 621;
const isPrompt = (word: number) => word >>> 30 === 1;
const isDelayed = (word: number) => word >>> 30 === 0;
function unpack(word: number) {
  const address = word & 0x3fffffff;
  const radial = address % 400;
  const angle = Math.floor(address / 400) % 168;
  const rest = Math.floor(address / 67200);
  return { radial, angle, plane: rest % PLANES, tof: Math.floor(rest / PLANES) };
}

test('a point in the centre counts what its solid angle says', async () => {
  const { trues } = await scanPet(scan([point(0, 0, 0)], 4, perfect));
  // ring differences to 49 (half a ring more at each end), 7 mm into the crystals
  const half = (49.5 / 2) * 4.054;
  const cosine = half / Math.hypot(428, half);
  // opposite crystals lie at the same place of their blocks; photons that are not quite collinear part near the gaps
  const aside = (428 * RINGS.noncollinearFwhmDegrees * Math.PI) / 180 / 2.355;
  const parted = (aside * Math.sqrt(2 / Math.PI)) / 4;
  const gaps = (1 - (1 / 14) * (1 + parted)) * (1 - (3 / 50) * (1 + parted));
  close(trues, 4e6 * F18 * cosine * gaps * RINGS.photonEfficiency ** 2, 0.02, 'trues');
});

test('a line source in the centre has the published sensitivity', async () => {
  const line = {
    ...point(0, 0, 0),
    kind: 'cylinder',
    radiusMm: 1,
    lengthMm: 700,
    activityBqPerMl: 1e6 / (0.7 * Math.PI),
  };
  const { truesPerSecond } = await ratesOf(scan([line], 1));
  close(truesPerSecond, 9600, 0.03, 'kcps/MBq');
});

test('expected rates are those that are counted', async () => {
  const body = { ...scan([], 1), phantom: flattenPhantom(loadPhantom('nema-body')) };
  const rates = await ratesOf(body);
  const events = await scanPet({ ...body, rates });
  close(events.trues, rates.truesPerSecond, 0.015, 'trues');
  const all = rates.singles.reduce((a, b) => a + b, 0);
  close(
    events.singles.reduce((a, b) => a + b, 0),
    all,
    0.005,
    'singles',
  );
  assert.is(events.prompts, events.trues + events.randoms);
});

test('activity decays with its half life', async () => {
  const oxygen = { nuclide: 'O-15', ...perfect };
  const half = Math.round(nuclide('O-15').halfLifeSeconds);
  const shapes = [point(0, 0, 0, 2e5)];
  const first = await scanPet(scan(shapes, 6, oxygen));
  const later = await scanPet(scan(shapes, 6, { ...oxygen, startSeconds: half }));
  const early = await scanPet(scan(shapes, 6, { ...oxygen, referenceSeconds: half }));
  const share = 2 ** (-half / nuclide('O-15').halfLifeSeconds);
  assert.ok(Math.abs(later.trues - first.trues * share) < 5 * Math.sqrt(first.trues), `${first.trues} ${later.trues}`);
  assert.ok(
    Math.abs(early.trues - first.trues / share) < 5 * Math.sqrt(early.trues) * 2,
    `${first.trues} ${early.trues}`,
  );
  const sharp = scan(shapes, 1, { ...oxygen, nuclide: 'Cu-64' });
  close((await scanPet(sharp)).trues * 6, (first.trues * 0.1752) / 0.999, 0.06, 'branching');
});

test('water around a point absorbs what its thickness says', async () => {
  const water = { kind: 'cylinder', label: 'w', material: 'water', centreMm: [0, 0, 0], radiusMm: 100, lengthMm: 400 };
  const still = { ...point(0, 0, 0, 4e6), material: 'water' };
  const inAir = await scanPet(scan([point(0, 0, 0, 4e6)], 2, perfect));
  const inWater = await scanPet(scan([water, still], 2, perfect));
  const mu = attenuationPerMm('water', 511);
  const most = 0.2275; // largest accepted cosine, as above
  let factor = 0;
  for (let i = 0; i < 1000; i++)
    factor += Math.exp((-mu * 200) / Math.sqrt(1 - (((i + 0.5) / 1000) * most) ** 2)) / 1000;
  close(inWater.trues / inAir.trues, factor, 0.015, 'attenuation');
});

test('the later shape wins: a cold sphere takes the activity away', async () => {
  const ball = { ...point(0, 0, 0), radiusMm: 40, activityBqPerMl: 1000 };
  const [full, hollow] = await Promise.all([
    ratesOf(scan([ball], 1, perfect)),
    ratesOf(scan([ball, { ...ball, radiusMm: 40 / 2 ** (1 / 3), activityBqPerMl: 0 }], 1, perfect)),
  ]);
  close(hollow.truesPerSecond / full.truesPerSecond, 0.5, 0.03, 'share left');
});

test('activity sampled by lines and by points looks the same to the detector', async () => {
  const whole = {
    kind: 'cylinder',
    label: 'c',
    material: 'water',
    centreMm: [20, 0, 30],
    radiusMm: 60,
    lengthMm: 120,
    activityBqPerMl: 2000,
  };
  // sixty slabs of one sixtieth each are too small a part of the whole to be worth lines
  const slabs = Array.from({ length: 60 }, (_, i) => ({ ...whole, centreMm: [20, 0, -29 + 2 * i], lengthMm: 2 }));
  const tallies = await Promise.all(
    [[whole], slabs].map(async (shapes) => {
      const { words, trues, randoms } = await scanPet(scan(shapes, 6, { ...perfect, seed: shapes.length }));
      const tally = {
        radial: new Float64Array(20),
        angle: new Float64Array(14),
        plane: new Float64Array(109),
        tof: new Float64Array(13),
      };
      for (const word of words) {
        if (!isPrompt(word)) continue;
        const at = unpack(word);
        tally.radial[Math.floor(at.radial / 20)]!++;
        tally.angle[Math.floor(at.angle / 12)]!++;
        tally.tof[at.tof]!++;
        if (at.plane < 109) tally.plane[at.plane]!++;
      }
      return { tally, trues, randoms };
    }),
  );
  const [lines, points] = [tallies[0]!, tallies[1]!];
  assert.ok(Math.abs(lines.trues - points.trues) < 4 * Math.sqrt(2 * lines.trues), `${lines.trues} ${points.trues}`);
  for (const key of ['radial', 'angle', 'plane', 'tof'] as const) {
    const [a, b] = [lines.tally[key], points.tally[key]];
    let chi2 = 0;
    let n = 0;
    a.forEach((v, i) => {
      if (v + b[i]! < 20) return;
      chi2 += (v - b[i]!) ** 2 / (v + b[i]!);
      n++;
    });
    assert.ok(n >= 7 && chi2 / n < 1 + 4 * Math.sqrt(2 / n), `${key}: chi2 ${chi2} of ${n}`);
  }
});

test('randoms are 2 tau S1 S2 summed over crystal pairs, and delayeds equal them', async () => {
  const body = {
    ...scan([], 0.5),
    phantom: flattenPhantom(loadPhantom('uniform-cylinder'), { activityScale: 4 }),
    ...perfect,
  };
  const rates = await ratesOf(body);
  const events = await scanPet({ ...body, rates });
  // the cylinder is round and centred: the crystals of a row of blocks are alike
  const row = [0, 1, 2, 3].map((r) => rates.singles.subarray(48 * r, 48 * (r + 1)).reduce((a, b) => a + b, 0));
  const real = Array.from({ length: 672 }, (_, c) => (c % 14 === 13 ? 0 : 1));
  let facing = 0; // share of transaxial pairs inside the sinogram: radial offset -200..199 of 336 about the diameter
  for (let a = 0; a < 672; a++)
    for (let b = 0; b < 672; b++)
      if (Math.abs(((a - b + 672) % 672) - 336) <= 199) facing += (real[a]! * real[b]!) / 624 ** 2;
  let pairs = 0; // rate squared, summed over ordered ring pairs within the ring difference
  for (let a = 0; a < 55; a++)
    for (let b = 0; b < 55; b++)
      if (a % 14 < 13 && b % 14 < 13 && Math.abs(a - b) <= 49)
        pairs += (row[Math.floor(a / 14)]! / 13) * (row[Math.floor(b / 14)]! / 13);
  const expected = ((RINGS.windowPs * 1e-12) / 2) * pairs * facing * 0.5;
  close(events.delayeds, expected, 0.02, 'delayeds');
  assert.ok(
    Math.abs(events.delayeds - events.randoms) < 4 * Math.sqrt(2 * expected),
    `${events.delayeds} ${events.randoms}`,
  );
});

test('time of flight: width from the timing resolution, shift from the place', async () => {
  const tofOf = (events: PetEvents, keep: (e: ReturnType<typeof unpack>) => boolean) => {
    let [n, sum, square] = [0, 0, 0];
    for (const word of events.words) {
      if (!isPrompt(word)) continue;
      const at = unpack(word);
      if (!keep(at)) continue;
      n++;
      sum += at.tof;
      square += at.tof ** 2;
    }
    return { mean: sum / n, deviation: Math.sqrt(square / n - (sum / n) ** 2) };
  };
  const centre = tofOf(await scanPet(scan([point(0, 0, 0)], 6)), () => true);
  assert.ok(Math.abs(centre.mean - 6) < 0.03, `${centre.mean}`);
  const sigma = RINGS.tofFwhmPs / Math.sqrt(8 * Math.log(2)) / 312;
  close(centre.deviation, Math.hypot(sigma, 1 / Math.sqrt(12)), 0.03, 'width in bins');
  // lines along x: end A stands at +x, so a source there arrives early at A
  const left = tofOf(await scanPet(scan([point(60, 0, 0)], 6)), (at) => Math.abs(at.angle - 84) < 3);
  const shift = (2 * 60) / 0.299792458 / 312;
  assert.ok(Math.abs(left.mean - (6 - shift)) < 0.1, `${left.mean} for ${6 - shift}`);
});

test('a point appears where it is: radial bins at right angles, planes along the axis', async () => {
  const events = await scanPet(scan([point(0, 80, 830)], 3, { petCentreZMm: 800 }));
  let [n, sum] = [0, 0];
  const planes = new Map<number, number>();
  for (const word of events.words) {
    if (!isPrompt(word)) continue;
    const at = unpack(word);
    if (at.plane < 109) planes.set(at.plane, (planes.get(at.plane) ?? 0) + 1);
    if (Math.abs(at.angle - 84) > 1) continue;
    n++;
    sum += at.radial - 200;
  }
  // lines along x at y = 80: crystals an angle asin(80 / 428) off the diameter, two crystal steps a radial bin
  const bins = ((Math.asin(80 / 428) * 672) / (2 * Math.PI)) * 2;
  assert.ok(n > 100);
  assert.ok(Math.abs(Math.abs(sum / n) - bins) < 2, `${sum / n} for ${bins}`);
  const direct = [...planes].reduce((s, [p, k]) => s + p * k, 0) / [...planes.values()].reduce((s, k) => s + k, 0);
  assert.ok(Math.abs(direct - (54 + 30 / 2.027)) < 0.5, `plane ${direct}`);
});

test('the stream: a time tag every millisecond, each block polled once in two seconds, counts as reported', async () => {
  const phantom = flattenPhantom(loadPhantom('uniform-cylinder'), { activityScale: 0.1 });
  const body = { ...scan([], 4, { startSeconds: 10 }), phantom };
  const rates = await ratesOf(body);
  const { words, prompts, delayeds } = await scanPet({ ...body, rates });
  let next = 10_000;
  const counts = { prompts: 0, delayeds: 0 };
  const polled = new Array<number[]>(192).fill([]).map(() => [] as number[]);
  assert.is(words[0]! >>> 29, 4);
  for (const word of words) {
    if (isPrompt(word)) counts.prompts++;
    else if (isDelayed(word)) {
      counts.delayeds++;
      assert.is(unpack(word).tof, 13);
    } else if (word >>> 29 === 4) assert.is(word & 0x1fffffff, next++);
    else if (word >>> 29 === 5) polled[(word >>> 19) & 0x3ff]!.push((word & 0x7ffff) * 8);
    else assert.unreachable(`word ${word.toString(16)}`);
  }
  assert.is(next, 14_000);
  assert.equal(counts, { prompts, delayeds });
  polled.forEach((values, block) => {
    assert.is(values.length, 2);
    for (const value of values)
      assert.ok(Math.abs(value - rates.singles[block]!) < 5 * Math.sqrt(rates.singles[block]! / 2) + 8);
  });
});

test('seeds repeat, threads change nothing, slices join', async () => {
  const body = { ...scan([], 0.5), phantom: flattenPhantom(loadPhantom('nema-body')) };
  const rates = await ratesOf(body, { threads: 1 });
  assert.equal(await ratesOf(body, { threads: 2 }), rates);
  const whole = await scanPet({ ...body, rates }, { threads: 1 });
  assert.equal(await scanPet({ ...body, rates }, { threads: 2 }), whole);
  assert.not.equal((await scanPet({ ...body, rates, seed: 4 })).words, whole.words);
  const first = await scanPet({ ...body, rates, durationSeconds: 0.123 });
  const rest = await scanPet({ ...body, rates, startSeconds: 0.123, durationSeconds: 0.377 });
  assert.equal(Uint32Array.from([...first.words, ...rest.words]), whole.words);
  assert.is(first.trues + rest.trues, whole.trues);
});

test('an empty bore gives tags and nothing else', async () => {
  const { words, prompts, delayeds } = await scanPet({ ...scan([], 0.1), phantom: flattenPhantom(loadPhantom('air')) });
  assert.is(prompts + delayeds, 0);
  assert.is(words.filter((w) => w >>> 29 === 4).length, 100);
});

test('crystals differ as told, and virtual ones never count', () => {
  const table = crystalEfficiencies(7, 0.05);
  const real = table.filter((e) => e > 0);
  assert.is(real.length, 32448);
  const mean = real.reduce((a, b) => a + b, 0) / real.length;
  const deviation = Math.sqrt(real.reduce((a, b) => a + (b - mean) ** 2, 0) / real.length);
  close(mean, RINGS.photonEfficiency, 0.002, 'mean');
  close(deviation / mean, 0.05, 0.02, 'spread');
  assert.equal(crystalEfficiencies(7, 0.05), table);
  assert.not.equal(crystalEfficiencies(8, 0.05), table);
});

const refusal = async (run: () => Promise<unknown>): Promise<ScannerError> => {
  try {
    await run();
  } catch (error) {
    return error as ScannerError;
  }
  throw new Error('nothing was refused');
};

test('refuses what makes no sense, by name', async () => {
  const good = scan([point(0, 0, 0)], 1);
  const bad: [Partial<PetScan>, string][] = [
    [{ durationSeconds: 0.0005 }, 'durationSeconds'],
    [{ startSeconds: -1 }, 'startSeconds'],
    [{ seed: 0.5 }, 'seed'],
    [{ petCentreZMm: Number.NaN }, 'petCentreZMm'],
    [{ efficiencies: new Float32Array(3) }, 'efficiencies'],
    [{ efficiencies: new Float32Array(55 * 672) }, 'efficiencies'],
    [{ phantom: flat(point(430, 0, 0)) }, 'centre of active shape 0'],
    [{ rates: { singles: new Float64Array(5), truesPerSecond: 1, strongestLine: 1 } }, 'rates'],
  ];
  for (const [change, what] of bad) {
    const error = await refusal(() => scanPet({ ...good, ...change }));
    assert.is(error.code, 'native.argument', what);
    assert.is(error.context.what, what);
  }
  assert.is((await refusal(() => scanPet({ ...good, nuclide: 'Xx-1' }))).code, 'operator.unknown');
  assert.is(
    (await refusal(() => scanPet(scan([{ ...point(0, 0, 0), radiusMm: 20, activityBqPerMl: 1e11 }], 1)))).code,
    'limit.range',
  );
});

test('a buffer that proves too small is grown, not overrun', async () => {
  const body = { ...scan([point(0, 0, 0, 2e7)], 1), ...perfect };
  const rates = await ratesOf(body);
  const whole = await scanPet({ ...body, rates });
  // rates that promise too few trues: the first buffer cannot hold them
  const again = await scanPet({ ...body, rates: { ...rates, truesPerSecond: 0 } });
  assert.equal(again.words, whole.words);
});

test.run();
