/** petrig serve, each of its services, against requestors that misbehave in each way, while DCMTK's programs are served. */

import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../runtime/config.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { type RunningController, startController } from '../../runtime/main.js';
import { localNode, makeObject, scratch, scu } from '../helpers/dicom.js';
import {
  goodRequests,
  MISBEHAVING_SCUS,
  type MisbehavingScu,
  type Outcome,
  outcome,
  type Request,
  requestOfAll,
} from '../helpers/misbehaving-scu.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { until } from '../helpers/observe.js';
import { type Peer, runTool, startStorescp } from '../helpers/peers.js';
import { RawPeer } from '../helpers/raw-peer.js';

enterPrivateNetwork();

const test = suite('petrig serve against requestors that misbehave');
const folder = scratch();
const data = join(folder, 'data');
/** That of `makeObject`. */
const STUDY = '2.25.1';
const OBJECTS = 3;
const [GOOD_MS, ENDED_MS] = [20_000, 10_000];
let petrig: RunningController;
let store: Peer;
/** Sockets that are open while nobody is there. */
let quiet = 0;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

test.before(async () => {
  mkdirSync(join(folder, 'sent'));
  store = await startStorescp({ folder: join(folder, 'store'), aeTitle: 'STORE' });
  petrig = await startController(
    parseConfig({
      data,
      dicom: {
        port: 0,
        maxAssociations: 30,
        timeouts: { networkMs: 1000, idleMs: 2000, artimMs: 1000, closingMs: 300 },
      },
      commitment: { archiveInstalled: true },
      service: { port: 0 },
      logLevel: 'silent',
      nodes: [{ ...store.node, services: ['storage'], send: { automatic: false } }],
    }),
  );
  const files = await Promise.all(Array.from({ length: OBJECTS }, () => makeObject(join(folder, 'sent'))));
  const results = await storeFiles(
    scu(localNode(petrig.ports.dicom, 'PETRIG')),
    files.map(({ path }) => path),
  );
  assert.ok(results.every(({ outcome: end }) => end === 'stored'));
  await new Promise((resolve) => setTimeout(resolve, 500));
  quiet = openSockets();
});
test.after(async () => {
  await petrig.close();
  await store.stop();
});

const openSockets = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;

/** Objects that were answered with success, and those whose sender did not stay for the answer. */
const whole = new Set<string>();
const perhaps = new Set<string>();
const kept = () => {
  const names = readdirSync(join(data, 'objects'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.dcm')).map((name) => basename(name, '.dcm'));
};

async function associated(): Promise<RawPeer> {
  const peer = await RawPeer.connect(petrig.ports.dicom);
  peer.send({ ...requestOfAll('RAW'), calledAe: 'PETRIG' });
  assert.is((await peer.next()).type, 2);
  return peer;
}

/** @returns what the SCP did; `gone` where the peer left before it could do anything */
async function misbehave({ act, ends }: MisbehavingScu, request: Request): Promise<Outcome> {
  const peer = await associated();
  try {
    await act(peer, request);
    return ends === undefined ? 'gone' : await outcome(peer);
  } finally {
    if (ends === undefined && !peer.socket.destroyed) await untilClosed(peer);
    peer.end();
  }
}

/** Reads on until the SCP has closed. */
async function untilClosed(peer: RawPeer): Promise<void> {
  while ((await peer.next()).type !== 0) {
    // whatever was on its way
  }
}

/** One program of DCMTK's for each service. */
async function goodPeers(): Promise<void> {
  const to = ['-aec', 'PETRIG', '127.0.0.1', String(petrig.ports.dicom)];
  const study = ['-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${STUDY}`];
  const into = join(folder, 'got');
  mkdirSync(into, { recursive: true });
  const file = await makeObject(join(folder, 'sent'));
  const runs = await Promise.all([
    runTool('echoscu', ['-v', ...to]),
    runTool('storescu', ['-v', ...to, file.path]),
    runTool('findscu', ['-v', ...study, ...to]),
    runTool('getscu', ['-v', ...study, '-od', into, ...to]),
    runTool('movescu', ['-v', ...study, '-aem', 'STORE', ...to]),
  ]);
  for (const { code, output } of runs) assert.is(code, 0, output);
  whole.add(file.sopInstanceUid);
  assert.match(runs[2]!.output, new RegExp(`StudyInstanceUID|${STUDY}`));
}

test('requests that are good are answered with success', async () => {
  const stored = [makeUid(), makeUid()] as const;
  for (const uid of stored) whole.add(uid);
  for (const [name, request] of Object.entries(goodRequests(STUDY, 'STORE', stored))) {
    const good: MisbehavingScu = { name, act: (peer, parts) => peer.send(...parts), ends: 'success' };
    assert.is(await misbehave(good, request), 'success', name);
  }
});

for (const way of MISBEHAVING_SCUS) {
  test(`a requestor that ${way.name}: ${way.ends ?? 'nothing is left of it'}`, async () => {
    await until(() => openSockets() <= quiet, ENDED_MS, 'the end of earlier connections');
    const stored = [makeUid(), makeUid()] as const;
    if (way.whole) for (const uid of stored) (way.ends === 'success' ? whole : perhaps).add(uid);
    const requests = goodRequests(STUDY, 'STORE', stored);
    const started = performance.now();
    const bad = Promise.all(Object.values(requests).map((request) => misbehave(way, request)));
    await goodPeers();
    assert.ok(performance.now() - started < GOOD_MS, 'good peers are served meanwhile');
    const expected = way.ends ?? 'gone';
    const outcomes = Object.fromEntries((await bad).map((end, i) => [Object.keys(requests)[i], end]));
    assert.equal(outcomes, Object.fromEntries(Object.keys(requests).map((name) => [name, expected])));
    await until(() => openSockets() <= quiet, ENDED_MS, 'the end of every connection');
    await until(() => readdirSync(join(data, 'incoming')).length === 0, ENDED_MS, 'an empty incoming folder');
    assert.equal(unhandled, []);
  });
}

test('what a requestor of C-GET refuses is counted, and the others are served', async () => {
  const peer = await associated();
  peer.send(...goodRequests(STUDY, 'STORE').get!);
  assert.is(await outcome(peer, 0xa700), 'status A702');
  peer.end();
  await goodPeers();
});

test('what was answered with success is kept, of what was not whole there is nothing', async () => {
  await until(() => [...whole].every((uid) => kept().includes(uid)), ENDED_MS, 'the file of every whole object');
  const others = kept().filter((uid) => !whole.has(uid) && !perhaps.has(uid));
  assert.is(others.length, OBJECTS, 'those of the beginning');
});

test.run();
