import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import type { ScannerError } from '../../hal/base/errors.js';
import { bulkPort, controlPort, linksAt, parseEndpoint } from '../../hal/link/endpoints.js';
import { BACKED_UP_BYTES, type Link } from '../../hal/link/link.js';
import { memoryPair, PortLink } from '../../hal/link/memory.js';
import { openSerial } from '../../hal/link/serial.js';
import { connectTcp, listenTcp } from '../../hal/link/tcp.js';
import { readCtPayload, readWordPayload } from '../../hal/wire/blocks.js';
import { type BulkProblem, BulkReceiver, BulkSender } from '../../hal/wire/bulk.js';
import { encodeBulk } from '../../hal/wire/frame.js';
import { openPtyPair } from '../../native/pty.js';
import { until } from '../helpers/observe.js';

const test = suite('links');
const clock = new ScaledClock();

interface Pair {
  a: Link;
  b: Link;
  close(): Promise<void>;
}

const both = async (a: Link, b: Link) => void (await Promise.all([a.close(), b.close()]));

const KINDS: Record<string, () => Promise<Pair>> = {
  async memory() {
    const [a, b] = memoryPair();
    return { a, b, close: () => both(a, b) };
  },
  async port() {
    const { port1, port2 } = new MessageChannel();
    const [a, b] = [new PortLink(port1), new PortLink(port2)];
    return { a, b, close: () => both(a, b) };
  },
  async tcp() {
    const arrived: Link[] = [];
    const server = await listenTcp({ host: '127.0.0.1', port: 0, onLink: (link) => arrived.push(link) });
    const a = await connectTcp({ host: '127.0.0.1', port: server.port, device: 'test', clock });
    await until(() => arrived.length === 1);
    return {
      a,
      b: arrived[0]!,
      async close() {
        await both(a, arrived[0]!);
        await server.close();
      },
    };
  },
  async pty() {
    const pair = openPtyPair();
    const a = await openSerial({ path: pair.a, device: 'test' });
    const b = await openSerial({ path: pair.b, device: 'test' });
    return {
      a,
      b,
      async close() {
        await both(a, b);
        pair.close();
      },
    };
  },
};

for (const [kind, make] of Object.entries(KINDS)) {
  test(`${kind}: every byte arrives, in order, both ways, also what came before the listener`, async () => {
    const { a, b, close } = await make();
    const sent = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 131 + (i >> 8)) & 0xff));
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const got: Uint8Array[] = [];
      for (let at = 0; at < sent.length; at += 7000) void from.send(Buffer.from(sent.subarray(at, at + 7000)));
      await new Promise((resolve) => setTimeout(resolve, 5));
      to.onData((bytes) => got.push(Buffer.from(bytes)));
      await until(() => got.reduce((sum, bytes) => sum + bytes.length, 0) >= sent.length);
      assert.is(Buffer.concat(got).compare(sent), 0);
    }
    await close();
    assert.is(a.state, 'closed');
    assert.is(a.send(Buffer.from('into the void')), undefined);
  });

  test(`${kind}: a sender is held back when nobody takes the bytes`, async () => {
    const { a, b, close } = await make();
    let wait: undefined | Promise<void>;
    let sent = 0;
    while (!wait && sent < 64 * BACKED_UP_BYTES) {
      sent += 60_000;
      wait = a.send(Buffer.alloc(60_000, 1));
      await new Promise((resolve) => setImmediate(resolve));
      // the memory and TCP links move bytes on at once: pile them up within one turn
      for (let i = 0; i < 40 && !wait; i++) {
        sent += 60_000;
        wait = a.send(Buffer.alloc(60_000, 1));
      }
    }
    assert.ok(wait, 'no back-pressure');
    let taken = 0;
    b.onData((bytes) => {
      taken += bytes.byteLength;
    });
    await wait;
    await until(() => taken >= sent, 20_000, `${sent} bytes taken`);
    assert.is(taken, sent);
    await close();
  });
}

test('what cannot be opened says so', async () => {
  const code = (work: Promise<unknown>) =>
    work.then(
      () => 'opened',
      (error: ScannerError) => error.code,
    );
  assert.is(await code(openSerial({ path: '/dev/there-is-no-such-port', device: 'table' })), 'link.open');
  const server = await listenTcp({ host: '127.0.0.1', port: 0, onLink: () => {} });
  const taken = listenTcp({ host: '127.0.0.1', port: server.port, onLink: () => {} });
  assert.is(await code(taken), 'config.port');
  await server.close();
  assert.is(await code(connectTcp({ host: '127.0.0.1', port: server.port, device: 'table', clock })), 'link.open');
});

test('endpoints', async () => {
  assert.equal(parseEndpoint('serial:/tmp/bench'), { kind: 'serial', directory: '/tmp/bench' });
  assert.equal(parseEndpoint('tcp:rig.local:9000'), { kind: 'tcp', host: 'rig.local', port: 9000 });
  assert.equal(parseEndpoint('tcp:9000'), { kind: 'tcp', host: '127.0.0.1', port: 9000 });
  for (const wrong of ['', 'sim', 'tcp:', 'tcp:host', 'tcp:host:0', 'tcp:host:65530', 'serial:', 'usb:1']) {
    assert.throws(() => parseEndpoint(wrong), /serial:DIR or tcp:HOST:PORT/);
  }
  assert.equal([controlPort(9000, 'interlock'), controlPort(9000, 'gating')], [9000, 9006]);
  assert.equal([bulkPort(9000, 'ctdetector'), bulkPort(9000, 'petrings')], [9020, 9021]);

  const directory = mkdtempSync(join(tmpdir(), 'endpoints-'));
  const links = linksAt(parseEndpoint(`serial:${directory}`), clock);
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => 'opened',
      (error: ScannerError) => error.code,
    );
  assert.is(await failure(links.openControl('table')), 'link.open');
  assert.is(await failure(links.openBulk('petrings')), 'link.open');
  const server = await listenTcp({ host: '127.0.0.1', port: 0, onLink: () => {} });
  writeFileSync(join(directory, 'bulk.json'), JSON.stringify({ petrings: { host: '127.0.0.1', port: server.port } }));
  const link = await links.openBulk('petrings');
  assert.is(link.state, 'open');
  assert.is(await failure(links.openBulk('ctdetector')), 'link.open');
  await link.close();
  await server.close();
  rmSync(directory, { recursive: true });
});

test('blocks larger than a frame are cut and come together again', async () => {
  const [a, b] = memoryPair();
  const words = Uint32Array.from({ length: 200_001 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 0);
  const got: ReturnType<typeof readWordPayload>[] = [];
  const problems: BulkProblem[] = [];
  new BulkReceiver({
    link: b,
    onFrame: (frame) => got.push(readWordPayload(frame.payload)),
    onProblem: (problem) => problems.push(problem),
  });
  await new BulkSender(a).sendWords({ frameId: 3, first: 2 ** 33, words }, 9n);
  await until(() => got.reduce((sum, block) => sum + block.words.length, 0) === words.length);
  assert.equal(problems, []);
  assert.ok(got.length > 1);
  let at = 0;
  for (const block of got) {
    assert.equal([block.frameId, block.first], [3, 2 ** 33 + at]);
    assert.equal(block.words, words.slice(at, at + block.words.length));
    at += block.words.length;
  }
});

test('a bulk frame lost, damaged or come twice is noticed', async () => {
  const [a, b] = memoryPair();
  const got: number[] = [];
  const problems: BulkProblem[] = [];
  new BulkReceiver({
    link: b,
    onFrame: (frame) => got.push(frame.sequence),
    onProblem: (problem) => problems.push(problem),
  });
  const frame = (sequence: number) => encodeBulk({ stream: 2, sequence, time: 0n }, [Buffer.from('payload')]);
  const damaged = frame(4);
  damaged[damaged.indexOf('y')]! ^= 2;
  for (const bytes of [frame(0), frame(1), frame(1), frame(3), damaged, frame(5)]) void a.send(bytes);
  await until(() => got.includes(5));
  assert.equal(got, [0, 1, 3, 5]);
  assert.equal(problems, [
    { kind: 'lost', frames: 1 },
    { kind: 'damaged', reason: 'crc' },
    { kind: 'lost', frames: 1 },
  ]);
});

test('a payload whose sizes disagree is refused', () => {
  assert.throws(() => readCtPayload(new Uint8Array(10)), /header/);
  assert.throws(() => readCtPayload(new Uint8Array(24).fill(1)), /bytes, its header says/);
  assert.throws(() => readWordPayload(new Uint8Array(21)), /header says 20/);
  const nan = new Uint8Array(16 + 24 + 2);
  const view = new DataView(nan.buffer);
  view.setUint32(8, 1, true);
  view.setUint16(12, 1, true);
  view.setUint16(14, 1, true);
  view.setFloat64(24, Number.NaN, true);
  assert.throws(() => readCtPayload(nan), /finite/);
});

test('readings from another thread: fast, and without stopping the event loop', async () => {
  const { port1, port2 } = new MessageChannel();
  const shape = { blocks: 40, count: 144, rows: 32, channels: 736 };
  const bytes = shape.blocks * shape.count * shape.rows * shape.channels * 2;
  const entry = new URL('../helpers/bulk-worker.ts', import.meta.url).href;
  const script = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(entry)}); })`;
  const worker = new Worker(script, { eval: true, workerData: { port: port1, ...shape }, transferList: [port1] });
  let received = 0;
  let started = 0;
  const link = new PortLink(port2);
  const problems: BulkProblem[] = [];
  const lags: number[] = [];
  let last = performance.now();
  const ticker = setInterval(() => {
    const now = performance.now();
    lags.push(now - last - 5);
    last = now;
  }, 5);
  new BulkReceiver({
    link,
    onFrame: (frame) => {
      started ||= performance.now();
      received += readCtPayload(frame.payload).words.byteLength;
    },
    onProblem: (problem) => problems.push(problem),
  });
  await until(() => received >= bytes, 60_000, 'all readings');
  const rate = bytes / (performance.now() - started) / 1000;
  clearInterval(ticker);
  await worker.terminate();
  await link.close();
  lags.sort((x, y) => x - y);
  const p95 = lags[Math.floor(lags.length * 0.95)]!;
  console.error(`bulk over memory between threads: ${rate.toFixed(0)} MB/s, lag p95 ${p95.toFixed(1)} ms`);
  assert.equal(problems, []);
  assert.is(received, bytes);
  // a quarter of what an idle machine of this kind does, since others may use it as well
  assert.ok(rate > 60, `${rate} MB/s`);
  assert.ok(p95 < 40, `event loop late by ${p95} ms`);
});

test.run();
