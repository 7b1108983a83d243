import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { histogramListmode, scanListmode, sortListmode } from '../../native/pet.js';
import { PET } from '../../native/petgeometry.js';
import {
  decodeWord,
  delayedWord,
  promptWord,
  R_WAVE_TAG,
  singlesTag,
  timeTag,
} from '../../runtime/raw/listmodewords.js';
import { seeded } from './petsource.js';

const test = suite('pet list mode');

/** Random words of every kind, a time tag every `perMs` words, some of them corrupt. */
function randomWords(count: number, seed: number, perMs = 50): Uint32Array {
  const random = seeded(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  return Uint32Array.from({ length: count }, (_, i) => {
    if (i % perMs === 0) return timeTag(i / perMs);
    const kind = random();
    if (kind < 0.7) return promptWord(upTo(40), upTo(168), upTo(621), upTo(13));
    if (kind < 0.9) return delayedWord(upTo(400), upTo(168), upTo(621));
    if (kind < 0.95) return singlesTag(upTo(192), upTo(1000));
    return kind < 0.97 ? R_WAVE_TAG : 0x4000_0000 + PET.bins * 13 + upTo(1000);
  });
}

/** Plain counts by word, from the TypeScript decoder. */
function reference(words: Uint32Array) {
  const [prompts, delayeds, tofCells] = [
    new Map<number, number>(),
    new Map<number, number>(),
    new Map<number, number>(),
  ];
  const bump = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1);
  for (const word of words) {
    const w = decodeWord(word);
    if (w.kind !== 'prompt' && w.kind !== 'delayed') continue;
    const bin = w.radial + 400 * (w.angle + 168 * w.plane);
    bump(w.kind === 'prompt' ? prompts : delayeds, bin);
    if (w.kind === 'prompt') bump(tofCells, (w.angle * 400 + w.radial) * 16384 + w.plane * 13 + w.tof);
  }
  return { prompts, delayeds, tofCells };
}

test('a scan counts every kind of word and the singles of each block', async () => {
  const words = randomWords(600_000, 3);
  const kinds: Record<string, number> = {};
  for (const word of words) {
    const { kind } = decodeWord(word);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const scan = await scanListmode({ words }, { threads: 2 });
  assert.is(scan.prompts, kinds.prompt);
  assert.is(scan.delayeds, kinds.delayed);
  assert.is(scan.corrupt, kinds.corrupt);
  assert.is(scan.singlesTags, kinds.singles);
  assert.is(scan.timeTags, 12_000);
  assert.is(scan.otherTags, kinds.gate);
  assert.equal([scan.firstMs, scan.lastMs, scan.gaps], [0, 11_999, 0]);
  const block7 = [...words].map(decodeWord).flatMap((w) => (w.kind === 'singles' && w.block === 7 ? [w.count] : []));
  assert.ok(Math.abs(scan.singles[7]! - block7.reduce((a, b) => a + b, 0) / block7.length) < 1e-9);
});

test('a frame holds exactly the events between its time tags', async () => {
  const event = promptWord(200, 0, 0, 6);
  const words = Uint32Array.of(
    event,
    timeTag(0),
    event,
    timeTag(1),
    event,
    event,
    timeTag(2),
    event,
    timeTag(5),
    event,
  );
  const count = async (startMs?: number, endMs?: number) => (await scanListmode({ words, startMs, endMs })).prompts;
  assert.equal(
    [await count(), await count(0, 1), await count(1, 2), await count(2, 5), await count(3, 9), await count(6, 9)],
    [6, 2, 2, 1, 1, 0],
  );
  const scan = await scanListmode({ words });
  assert.equal([scan.gaps, scan.missingMs], [1, 2]);
});

test('time tags that run backwards are counted and skipped', async () => {
  const event = promptWord(1, 2, 3, 4);
  const words = Uint32Array.of(timeTag(10), event, timeTag(4), event, timeTag(11), event);
  const scan = await scanListmode({ words, startMs: 10, endMs: 11 });
  assert.equal([scan.prompts, scan.backwardTags, scan.corrupt, scan.gaps], [2, 1, 1, 0]);
});

test('sinograms equal the plain reference, with 1 and 2 threads', async () => {
  const words = randomWords(400_000, 5);
  const { prompts, delayeds } = reference(words);
  for (const threads of [1, 2]) {
    const sinograms = await histogramListmode({ words }, { threads });
    let sum = 0;
    for (const n of sinograms.prompts) sum += n;
    assert.is(
      sum,
      [...prompts.values()].reduce((a, b) => a + b),
    );
    for (const [bin, n] of prompts)
      if (sinograms.prompts[bin] !== n) assert.is(sinograms.prompts[bin], n, `bin ${bin}`);
    for (const [bin, n] of delayeds)
      if (sinograms.delayeds[bin] !== n) assert.is(sinograms.delayeds[bin], n, `bin ${bin}`);
  }
});

test('a full cell stays full', async () => {
  const words = new Uint32Array(40_000).fill(promptWord(3, 2, 1, 0));
  const { prompts } = await histogramListmode({ words }, { threads: 2 });
  assert.is(prompts[3 + 400 * (2 + 168)], 32_767);
});

test('sorted cells equal the plain reference, with 1 and 2 threads', async () => {
  const words = randomWords(300_000, 8);
  const { tofCells } = reference(words);
  const scan = await scanListmode({ words });
  const [one, two] = await Promise.all(
    [1, 2].map((threads) => sortListmode({ words, prompts: scan.prompts }, { threads })),
  );
  assert.equal(one, two);
  assert.is(one!.cells.length, tofCells.size);
  let last = -1;
  for (let line = 0; line < 67_200; line++) {
    for (let c = one!.lineStart[line]!; c < one!.lineStart[line + 1]!; c++) {
      const key = line * 16384 + one!.cells[c]!;
      if (tofCells.get(key) !== one!.counts[c] || key <= last) assert.unreachable(`cell ${key}`);
      last = key;
    }
  }
});

test('random bits are survived and accounted for', async () => {
  const random = seeded(99);
  const words = Uint32Array.from({ length: 500_000 }, () => random() * 2 ** 32);
  const scan = await scanListmode({ words, endMs: 0x2000_0000 });
  const { prompts, delayeds, timeTags, singlesTags, otherTags, corrupt } = scan;
  assert.is(prompts + delayeds + timeTags + singlesTags + otherTags + corrupt, scan.endWord - scan.firstWord);
  assert.is(
    (await sortListmode({ words, prompts })).counts.reduce((a, b) => a + b, 0),
    prompts,
  );
});

test.run();
