/** A minute under fire: mutated PDUs and messages, while good peers are served. */

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { PduParser } from '../../runtime/dicom/upper-layer/pdu-parser.js';
import { Pacs } from '../../sim/hospital/pacs.js';
import { clock, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { mutatedMessage, mutatedPdus, RECORDED } from '../helpers/hostile-messages.js';
import type { Outcome } from '../helpers/hostile-peer.js';
import { bytesInUse } from '../helpers/memory.js';
import { mutate } from '../helpers/mutations.js';
import { until } from '../helpers/observe.js';
import { Random } from '../helpers/random.js';
import { startReceiver } from '../helpers/receiver.js';

const test = suite('hostile minute');
const SEED = 20261123;
const [OVER_SOCKETS, IN_PROCESS] = [100_000, 100_000];
const LANES = 6;
/** The longest that a good peer may wait for an echo or a store, on a machine that others load as well. */
const BOUND_MS = 8000;
const MB = 1e6;

let teardown: () => Promise<void> = async () => {};
test.after(() => teardown());

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

/** Starts the hostile process; resolves with what came of it. */
function attack(port: number, messages: number): Promise<Outcome> {
  const script = fileURLToPath(new URL('../helpers/hostile-peer.ts', import.meta.url));
  const args = ['--import', 'tsx', script, String(port), String(SEED), String(messages), String(LANES)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`it ended with ${code}`)),
    );
  });
}

const openFiles = () => readdirSync('/proc/self/fd').length;

test('the parsers take 100,000 mutated PDUs, commands and datasets, and refuse what is wrong in their own words', () => {
  const random = new Random(SEED);
  const ends = { taken: 0, refused: 0 };
  const feed = (parse: () => void) => {
    try {
      parse();
      ends.taken++;
    } catch (error) {
      assert.instance(error, ScannerError, (error as Error).stack);
      assert.ok(['protocol', 'data', 'limit'].includes((error as ScannerError).kind), (error as Error).stack);
      ends.refused++;
    }
  };
  const one = (i: number) => {
    if (i % 3 === 0)
      return feed(() => void decodeCommand(mutate(random.pick(RECORDED).command, random, RECORDED[0]!.command)));
    const { dataset, command } = random.pick(RECORDED);
    if (i % 3 === 1)
      return feed(() => void decodeDataset(mutate(dataset ?? command, random, command), '1.2.840.10008.1.2'));
    const parser = new PduParser({ maxPduLength: 28672, onPdu: () => {}, onData: () => {} });
    const bytes = random.below(2) === 0 ? mutatedPdus(random) : mutatedMessage(random);
    feed(() => {
      for (let at = 0; at < bytes.length; at += 100) parser.push(bytes.subarray(at, at + 100));
    });
  };
  for (let i = 0; i < IN_PROCESS / 10; i++) one(i);
  const before = bytesInUse();
  for (let i = IN_PROCESS / 10; i < IN_PROCESS; i++) one(i);
  assert.ok(bytesInUse() - before < 8 * MB, `${bytesInUse() - before} bytes more`);
  assert.ok(ends.taken > 10_000 && ends.refused > 10_000, JSON.stringify(ends));
});

test('100,000 over sockets: good peers are served all the while, and nothing of the bad ones stays', async () => {
  const folder = scratch();
  const pacs = new Pacs({ aeTitle: 'RIG', folder: join(folder, 'pacs'), clock, log, callbacks: [] });
  const receiver = await startReceiver({
    maxAssociations: LANES + 8,
    maxMemoryBytes: 64 * MB,
    timeouts: { artimMs: 1000, closingMs: 300, networkMs: 1000, idleMs: 1000 },
    others: pacs.services().slice(1),
  });
  const { server } = receiver;
  teardown = () => receiver.close();
  const object = await makeObject(folder, { bytes: 100_000 });
  const wait = { good: 0, worstMs: 0 };
  const serveGood = async () => {
    const started = performance.now();
    await echo(scu(receiver.node));
    const [result] = await storeFiles(scu(receiver.node), [object.path]);
    assert.is(result?.outcome, 'stored', result?.error?.message);
    wait.good++;
    wait.worstMs = Math.max(wait.worstMs, performance.now() - started);
  };
  await attack(receiver.node.port, OVER_SOCKETS / 10); // everything is loaded and compiled once
  await serveGood();
  await until(() => server.associations === 0 && server.idleConnections === 0);
  const before = { heap: bytesInUse(), rss: process.memoryUsage().rss, files: openFiles() };
  let mostRss = 0;
  let mostWaiting = 0;
  let over = false;
  const attacking = attack(receiver.node.port, (OVER_SOCKETS * 9) / 10).finally(() => {
    over = true;
  });
  while (!over) {
    await serveGood();
    mostRss = Math.max(mostRss, process.memoryUsage().rss);
    mostWaiting = Math.max(mostWaiting, server.bytesWaiting);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const outcome = await attacking;
  await until(
    () => server.associations === 0 && server.idleConnections === 0,
    20_000,
    'the end of the bad associations',
  );
  const after = { heap: bytesInUse(), files: openFiles() };
  console.log(
    JSON.stringify({ ...outcome, ...wait, rssMb: [before.rss / MB, mostRss / MB].map(Math.round), mostWaiting }),
  );

  const { 2: accepted = 0, 4: responses = 0, 7: aborts = 0 } = outcome.answers;
  assert.ok(accepted > 500 && responses > 20_000 && aborts > 500, `not mixed: ${JSON.stringify(outcome)}`);
  assert.ok(wait.good > 10, `${wait.good} good peers served`);
  assert.ok(wait.worstMs < BOUND_MS, `a good peer waited ${wait.worstMs} ms`);
  assert.ok(after.heap - before.heap < 10 * MB, `heap grew by ${after.heap - before.heap}`);
  assert.ok(mostRss - before.rss < 120 * MB, `RSS grew from ${before.rss} to ${mostRss}`);
  assert.ok(after.files <= before.files + 1, `${before.files} files open before, ${after.files} after`);
  assert.is(server.bytesWaiting, 0);
  await until(() => readdirSync(receiver.incoming).length === 0, 5000, 'an empty incoming folder');
  assert.equal(unhandled, []);
});

test.run();
