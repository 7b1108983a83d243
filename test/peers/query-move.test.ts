import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { clock, log, scratch } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { freePort, type Peer, startStorescp } from '../helpers/peers.js';
import { datasetBytes, type QuerySite, retrieveScu, seriesOf, startQuerySite } from '../helpers/query-site.js';
import { associateAc, rawServer } from '../helpers/raw-peer.js';

enterPrivateNetwork();

const test = suite('movescu');
const folder = scratch();
let site: QuerySite;

test.before(async () => {
  site = await startQuerySite(folder, [
    ...seriesOf(12, { patient: 1, study: 1, series: 1 }),
    ...seriesOf(3, { patient: 1, study: 1, series: 2 }),
    ...seriesOf(2, { patient: 2, study: 1, series: 1 }),
  ]);
});

test.after(() => site.close());

let runs = 0;

/** A storescp under a title that the site knows. */
async function destination(args: readonly string[] = []): Promise<Peer & { out: string; title: string }> {
  const title = `DEST${++runs}`;
  const out = join(folder, title);
  mkdirSync(out);
  const peer = await startStorescp({ folder: out, aeTitle: title, args: ['+B', '-d', ...args] });
  site.destinations.set(title, { node: peer.node, callingAe: 'PETRIG', clock, log });
  return { ...peer, out, title };
}

function move(title: string, keys: readonly string[], model = '-S') {
  return retrieveScu('movescu', site.port, keys, [model, '-aem', title]);
}

const STUDY = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1.1'];

test('a study goes byte for byte to the destination, which is told who asked', async () => {
  const peer = await destination();
  const { statuses, counters } = await move(peer.title, STUDY);
  assert.is(statuses[0], 'ff00');
  assert.is(statuses.at(-1), '0000');
  assert.equal(counters, { remaining: undefined, completed: 15, failed: 0, warning: 0 });
  const records = await site.archive.instances({ studyInstanceUid: '2.25.1.1' });
  const names = readdirSync(peer.out);
  assert.is(names.length, 15);
  for (const { sopInstanceUid, file } of records) {
    const name = names.find((candidate) => candidate.endsWith(`.${sopInstanceUid}`))!;
    assert.ok((await datasetBytes(file)).equals(await datasetBytes(join(peer.out, name))), sopInstanceUid);
  }
  assert.match(peer.output(), /Move Originator AE Title +: SCU/i);
  await peer.stop();
});

test('levels and lists of UIDs of each model', async () => {
  const peer = await destination();
  const cases: [string, string[], number][] = [
    ['-P', ['QueryRetrieveLevel=PATIENT', 'PatientID=P1'], 15],
    [
      '-P',
      ['QueryRetrieveLevel=SERIES', 'PatientID=P1', 'StudyInstanceUID=2.25.1.1', 'SeriesInstanceUID=2.25.1.1.2'],
      3,
    ],
    ['-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1.1\\2.25.2.1\\2.25.9'], 17],
    ['-O', ['QueryRetrieveLevel=STUDY', 'PatientID=P2', 'StudyInstanceUID=2.25.2.1'], 2],
    ['-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.9'], 0],
  ];
  for (const [model, keys, count] of cases) {
    const { statuses, counters } = await move(peer.title, keys, model);
    assert.is(statuses.at(-1), '0000', keys.join(' '));
    assert.is(counters.completed, count, keys.join(' '));
  }
  await peer.stop();
});

test('a destination that is not known is named in the refusal', async () => {
  const { statuses, output } = await move('NOBODY', STUDY);
  assert.equal(statuses, ['a801']);
  assert.ok(output.includes("'NOBODY'"));
});

test('a destination that refuses, aborts, or is not there fails everything, with the reason', async () => {
  const free = await freePort();
  const nowhere = { aeTitle: 'GONE', host: '127.0.0.1', port: free };
  site.destinations.set('GONE', { node: nowhere, callingAe: 'PETRIG', clock, log });
  const reasons: [string[], RegExp][] = [
    [['--refuse'], /rejected the association/],
    [['--abort-after'], /aborted the association/],
    [['--abort-during'], /aborted the association/],
  ];
  const check = async (title: string, reason: RegExp) => {
    const { statuses, counters, output } = await move(title, STUDY);
    assert.is(statuses.at(-1), 'a702', title);
    assert.equal(counters, { remaining: undefined, completed: 0, failed: 15, warning: 0 });
    assert.match(output, reason);
  };
  for (const [args, reason] of reasons) {
    const peer = await destination(args);
    await check(peer.title, reason);
    await peer.stop();
  }
  await check('GONE', /cannot connect to GONE/);
});

test('a destination that fills up in the middle: what came is told apart from what did not, and both are named', async () => {
  let stored = 0;
  const handler = async () =>
    ++stored > 4 ? { status: 0xa700, comment: 'full' } : { status: stored === 2 ? 0xb000 : 0 };
  const server = new DicomServer({
    port: 0,
    clock,
    log,
    services: [{ syntaxes: storageSyntaxes(), operations: { 'C-STORE': handler } }],
  });
  const node = { aeTitle: 'FULL', host: '127.0.0.1', port: await server.listen() };
  site.destinations.set('FULL', { node, callingAe: 'PETRIG', clock, log });
  const { statuses, counters, output } = await move('FULL', STUDY);
  assert.is(statuses.at(-1), 'b000');
  // 3.2.2: any status but success and warning ends the association
  assert.equal(counters, { remaining: undefined, completed: 3, failed: 11, warning: 1 });
  assert.is(stored, 5);
  assert.match(output, /11 of 15 failed/);
  await server.close();
});

test('a destination that says nothing ends in a timeout while the requestor hears of the progress every second', async () => {
  let asked = 0;
  const server = await rawServer(async (peer) => {
    await peer.next();
    peer.send(associateAc(2));
    await peer.next();
    asked++;
  });
  const node = { aeTitle: 'SILENT', host: '127.0.0.1', port: server.port };
  site.destinations.set('SILENT', { node, callingAe: 'PETRIG', clock, log, timeouts: { storeMs: 2500 } });
  const { statuses, counters, output } = await move('SILENT', STUDY);
  assert.is(asked, 1);
  assert.is(statuses.at(-1), 'a702');
  assert.ok(statuses.length >= 3, statuses.join(' '));
  assert.is(counters.failed, 15);
  assert.match(output, /did not answer/);
  server.close();
});

test.run();
