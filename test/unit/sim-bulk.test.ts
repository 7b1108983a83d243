import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Link } from '../../hal/link/link.js';
import { memoryPair } from '../../hal/link/memory.js';
import { serveActionLines } from '../../sim/actionlines.js';
import { BulkOutlet } from '../../sim/bulkoutlet.js';
import { mixSeed } from '../../sim/seed.js';
import { collect } from './sim-host.js';

/** A host that takes nothing until its line is closed. */
function stuckLink(): Link {
  let release = () => {};
  let state: 'open' | 'closed' = 'open';
  return {
    where: 'stuck',
    get state() {
      return state;
    },
    send: () => new Promise<void>((resolve) => (release = resolve)),
    onData() {},
    onClose() {},
    async close() {
      state = 'closed';
      release();
    },
  };
}

const block = (first: number) => ({ frameId: 1, first, words: new Uint32Array(100).fill(first) });

test('data without a host are counted as lost; a host that is stuck is let go when the next one comes', async () => {
  const outlet = new BulkOutlet();
  await outlet.words(block(0), 0n);
  assert.is(outlet.lostBlocks, 1);
  outlet.connect(stuckLink());
  let done = false;
  const sending = outlet.words(block(100), 0n).then(() => (done = true));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(done, false, 'held back');
  const [near, far] = memoryPair();
  const got = collect(far);
  outlet.connect(near);
  await sending;
  await outlet.words(block(200), 0n);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(
    got.words.map(({ first }) => first),
    [200],
  );
  assert.equal(got.problems, []);
});

test('action lines come in pieces; an endless line is given up', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const done: string[] = [];
  serveActionLines(input, output, (action) => {
    done.push(action.do);
    return { beamOn: false, beamOffLatencyMs: null, ctBlocksSent: 0, petBlocksSent: 0, bulkBlocksLost: 0, phantom: '' };
  });
  input.write('{"do":"open');
  input.write('Door"}\n{"do":"closeDoor"}\n\n{"do"');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done, ['openDoor', 'closeDoor']);
  for (let i = 0; i < 20 && !input.destroyed; i++) {
    input.write('x'.repeat(100_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(input.destroyed);
  assert.match(String(output.read()), 'limit.size');
});

test('seeds of parts differ, and are the same each time', () => {
  const seeds = new Set(Array.from({ length: 1000 }, (_, i) => mixSeed(5, 1, i)));
  assert.is(seeds.size, 1000);
  assert.is(mixSeed(5, 1, 2), mixSeed(5, 1, 2));
  assert.is.not(mixSeed(5, 1, 2), mixSeed(5, 2, 1));
});

test.run();
