import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { binsOfPairs, blockOf, isVirtualCrystal, isVirtualRing, linesOfBins, PET } from '../../native/petgeometry.js';
import { promptWord } from './petsource.js';

const test = suite('pet geometry');

/** Crystal pairs over the whole detector, every bin's neighbourhood hit by some. */
function pairs(count: number): Int32Array {
  const all = new Int32Array(4 * count);
  for (let i = 0; i < count; i++) {
    all.set([(i * 7) % 55, (i * 31) % 672, (i * 13 + (i % 55)) % 55, (i * 31 + 150 + ((i * 17) % 372)) % 672], 4 * i);
  }
  return all;
}

test('segments have the published numbers of planes', async () => {
  // every ring pair of two opposite crystals, both orders
  const list: number[] = [];
  for (let a = 0; a < 55; a++) for (let b = 0; b < 55; b++) list.push(a, 0, b, 336);
  const { bins } = await binsOfPairs(Int32Array.from(list));
  const planes = new Set([...bins].filter((bin) => bin >= 0).map((bin) => Math.floor(bin / (400 * 168))));
  const table = [109, 97, 97, 75, 75, 53, 53, 31, 31];
  let first = 0;
  for (const size of table) {
    assert.is([...planes].filter((plane) => plane >= first && plane < first + size).length, size);
    first += size;
  }
  assert.is(first, PET.planes);
  assert.is([...bins].filter((bin) => bin < 0).length, 2 * (5 + 4 + 3 + 2 + 1), 'ring differences of 50 to 54');
});

test('all 400 x 168 in-plane bins are reached, two views in each', async () => {
  const list: number[] = [];
  for (let a = 0; a < 672; a++) for (let b = 0; b < a; b++) list.push(5, a, 5, b);
  const { bins } = await binsOfPairs(Int32Array.from(list));
  const hits = new Map<number, number>();
  for (const bin of bins) if (bin >= 0) hits.set(bin % 67_200, (hits.get(bin % 67_200) ?? 0) + 1);
  assert.is(hits.size, 67_200);
  assert.ok([...hits.values()].every((n) => n === 2));
});

test('bins agree with a plain search, in both orders of the pair', async () => {
  const list = pairs(50_000);
  const swappedList = list.map((_, i) => list[i ^ 2]!);
  const [forth, back] = await Promise.all([binsOfPairs(list), binsOfPairs(swappedList)]);
  for (let i = 0; i < forth.bins.length; i++) {
    const [r1, c1, r2, c2] = list.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    const word = promptWord(r1, c1, r2, c2, 0);
    const expected = word < 0 ? -1 : word - 0x4000_0000 - 6 * PET.bins;
    if (forth.bins[i] !== expected) assert.is(forth.bins[i], expected, `pair ${[r1, c1, r2, c2]}`);
    if (back.bins[i] !== forth.bins[i]) assert.unreachable(`pair ${[r1, c1, r2, c2]} the other way round`);
    if (expected >= 0 && back.swapped[i] === forth.swapped[i]) assert.unreachable('the ends must trade places');
  }
});

test('bin to line to bin is the identity', async () => {
  const bins = Uint32Array.from({ length: 20_000 }, (_, i) => (i * 2083) % PET.bins);
  const ends = await linesOfBins(bins);
  const crystal = (x: number, y: number) => (Math.atan2(x, -y) * 672) / (2 * Math.PI);
  const list: number[] = [];
  for (let i = 0; i < bins.length; i++) {
    const [ax, ay, az, bx, by, bz] = ends.subarray(6 * i, 6 * i + 6) as unknown as number[];
    // the line runs through the middle of two mashed views: a quarter crystal aside is one of them
    const a = (Math.floor(crystal(ax!, ay!) + 0.01) + 672) % 672;
    const b = (Math.floor(crystal(bx!, by!) + 0.01) + 672) % 672;
    const sum = Math.round((az! + bz!) / 4.054) + 54;
    const difference = Math.round((bz! - az!) / 4.054);
    // a ring pair of the plane whose difference is nearest to the line's
    const differences = Array.from({ length: 11 }, (_, k) => difference + (k % 2 ? 1 : -1) * ((k + 1) >> 1));
    const pair = differences.find(
      (d) => (sum - d) % 2 === 0 && Math.min(sum - d, sum + d) >= 0 && Math.max(sum - d, sum + d) <= 108,
    )!;
    const ringA = (sum - pair) / 2;
    list.push(ringA, a, sum - ringA, b);
  }
  const { bins: again } = await binsOfPairs(Int32Array.from(list));
  let wrong = 0;
  for (let i = 0; i < bins.length; i++) if (again[i] !== bins[i]) wrong++;
  assert.is(wrong, 0);
});

test('the first lines stand where the conventions put them', async () => {
  // radial 200 = through the axis; angle 0 = from the top down, view mashed with its neighbour half a crystal on
  const [ax, ay, az, bx, by, bz] = await linesOfBins(Uint32Array.of(200 + 400 * 168 * 54));
  assert.ok(Math.abs(ax! - 427.6 * Math.sin(Math.PI / 672)) < 1e-9 && ay! < -427, `${ax} ${ay}`);
  assert.ok(Math.abs(bx! + ax!) < 1e-9 && Math.abs(by! + ay!) < 1e-9);
  assert.ok(Math.abs(az!) < 1e-9 && Math.abs(bz!) < 1e-9, 'plane 54 of segment 0 is the middle');
  // a quarter turn on, A is at the patient's left
  const quarter = await linesOfBins(Uint32Array.of(200 + 400 * 84));
  assert.ok(quarter[0]! > 427 && Math.abs(quarter[1]!) < 3);
  assert.ok(quarter[2]! < -109, 'plane 0 is at the feet');
});

test('one crystal in 14 is virtual and blocks count around first', () => {
  assert.is(Array.from({ length: 672 }, (_, c) => c).filter((c) => !isVirtualCrystal(c)).length, 624);
  assert.is(Array.from({ length: 55 }, (_, r) => r).filter((r) => !isVirtualRing(r)).length, 52);
  assert.equal([blockOf(0, 0), blockOf(0, 671), blockOf(14, 0), blockOf(54, 671)], [0, 47, 48, 191]);
});

test.run();
