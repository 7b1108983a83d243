import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SerialPort } from 'serialport';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openPtyPair } from '../../native/pty.js';

function open(path: string): Promise<SerialPort> {
  return new Promise((resolve, reject) => {
    const port = new SerialPort({ path, baudRate: 115200 }, (error) => (error ? reject(error) : resolve(port)));
  });
}

const close = (port: SerialPort) =>
  new Promise<void>((resolve, reject) => port.close((error) => (error ? reject(error) : resolve())));

async function receive(port: SerialPort, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of port.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size >= bytes) break;
  }
  return Buffer.concat(parts);
}

test('1 MB of random bytes crosses both ways at once', async () => {
  const pair = openPtyPair();
  const [a, b] = await Promise.all([open(pair.a), open(pair.b)]);
  const [east, west] = [randomBytes(1 << 20), randomBytes(1 << 20)];
  const arrived = Promise.all([receive(b, east.length), receive(a, west.length)]);
  a.write(east);
  b.write(west);
  const [atB, atA] = await arrived;
  assert.ok(atB.equals(east), 'a to b');
  assert.ok(atA.equals(west), 'b to a');
  await Promise.all([close(a), close(b)]);
  pair.close();
});

test('a reader that pauses holds its writer back and loses nothing', async () => {
  const pair = openPtyPair();
  const [a, b] = await Promise.all([open(pair.a), open(pair.b)]);
  const sent = randomBytes(300_000);
  let written = false;
  a.write(sent);
  a.drain(() => {
    written = true;
  });
  const cpu = process.cpuUsage();
  await sleep(500);
  const { user, system } = process.cpuUsage(cpu);
  assert.not.ok(written, 'the writer waits');
  assert.ok(user + system < 250_000, `no busy loop: ${user + system} us of CPU in 500 ms`);
  assert.ok((await receive(b, sent.length)).equals(sent));
  await Promise.all([close(a), close(b)]);
  pair.close();
});

test('either end is closed and opened again', async () => {
  const pair = openPtyPair();
  let [a, b] = await Promise.all([open(pair.a), open(pair.b)]);
  for (let round = 0; round < 3; round++) {
    const ping = randomBytes(1000);
    const heard = receive(b, ping.length);
    a.write(ping);
    assert.ok((await heard).equals(ping));
    await close(round % 2 ? b : a);
    if (round % 2) b = await open(pair.b);
    else a = await open(pair.a);
  }
  await Promise.all([close(a), close(b)]);
  pair.close();
});

test('a small message crosses in a few milliseconds', async () => {
  const pair = openPtyPair();
  const [a, b] = await Promise.all([open(pair.a), open(pair.b)]);
  b.on('data', (bytes: Buffer) => b.write(bytes));
  const laps: number[] = [];
  for (let i = 0; i < 50; i++) {
    const started = performance.now();
    const echo = receive(a, 16);
    a.write(randomBytes(16));
    await echo;
    laps.push(performance.now() - started);
  }
  const median = laps.sort((x, y) => x - y)[25]!;
  assert.ok(median < 20, `median round trip ${median.toFixed(2)} ms`);
  await Promise.all([close(a), close(b)]);
  pair.close();
});

test('sixteen pairs share the thread, and a closed pair is gone', async () => {
  const pairs = Array.from({ length: 16 }, () => openPtyPair());
  assert.is(new Set(pairs.flatMap((pair) => [pair.a, pair.b])).size, 32);
  pairs[3]!.close();
  pairs[3]!.close();
  let refused = false;
  await open(pairs[3]!.a).catch(() => {
    refused = true;
  });
  assert.ok(refused);
  const last = pairs[15]!;
  const [a, b] = await Promise.all([open(last.a), open(last.b)]);
  const heard = receive(b, 5);
  a.write('hello');
  assert.is((await heard).toString(), 'hello');
  await Promise.all([close(a), close(b)]);
  for (const pair of pairs) pair.close();
});

test.run();
