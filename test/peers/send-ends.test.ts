/** Send jobs that end otherwise than planned, and commitment of what was sent in lossy form: the program, storescp and Orthanc. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConfigInput } from '../../runtime/config.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import type { ServiceClient } from '../../runtime/service/client.js';
import type { SendDetail, SendJob, StudyDetail } from '../../runtime/service/send-methods.js';
import { localNode, makeObject, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { eventually, freePort, type Orthanc, type Peer, startOrthanc, startStorescp } from '../helpers/peers.js';
import { clientOf, killLeftOvers, type PetrigProcess, startServe, testFolder } from '../helpers/petrig.js';
import { makeImage } from '../helpers/pixels.js';

enterPrivateNetwork();

const test = suite('ends of send jobs');
const folder = testFolder('send-ends');
const into = join(folder, 'slow');
const OBJECTS = 3;
const STUDY = '2.25.1';
let config: ConfigInput;
let slow: Peer;
let orthanc: Orthanc;
let serve: PetrigProcess;
let client: ServiceClient;
let uids: string[];
let image: string;

test.before(async () => {
  const port = await freePort();
  const us = localNode(port, 'PETRIG');
  // a file of its own for each time that an object comes; a second between two objects
  slow = await startStorescp({ folder: into, aeTitle: 'SLOW', args: ['+uf', '--sleep-after', '1'] });
  orthanc = await startOrthanc({ folder: join(folder, 'orthanc'), modalities: { petrig: us } });
  const manual = { send: { automatic: false } };
  config = {
    dicom: { port },
    qualityFactor: 80,
    nodes: [
      { ...slow.node, ...manual, name: 'slow', services: ['storage'] },
      { ...orthanc.node, ...manual, name: 'archive', services: ['storage', 'commitment'] },
    ],
  };
  serve = await startServe(folder, config);
  const objects = scratch();
  const made = await Promise.all(Array.from({ length: OBJECTS }, () => makeObject(objects, { bytes: 100_000 })));
  uids = made.map(({ sopInstanceUid }) => sopInstanceUid);
  const eightBits = await makeImage(objects, {});
  image = eightBits.sopInstanceUid;
  const results = await storeFiles(scu(us), [...made.map(({ path }) => path), eightBits.path]);
  assert.ok(results.every(({ outcome }) => outcome === 'stored'));
  client = await clientOf(folder);
});
test.after(async () => {
  await killLeftOvers();
  await slow.stop();
  await orthanc.stop();
});

const start = (node: string, sopInstanceUids: string[]) =>
  client.call<SendJob>('send.start', { node, sopInstanceUids });
const waited = ({ sendId }: SendJob) => client.call<SendJob>('send.wait', { sendId });
const detail = ({ sendId }: SendJob) => client.call<SendDetail>('send.get', { sendId });
/** Under way, with some of its objects answered. */
const answered = (job: SendJob) => eventually(async () => ((await detail(job)).sent >= 1 ? true : undefined));

/** SOP Instance UIDs in the order of their files' names, one for each time that an object has come. */
async function arrived(): Promise<string[]> {
  const metas = readdirSync(into).map((name) => readFileMeta(join(into, name)));
  return (await Promise.all(metas)).map(({ sopInstanceUid }) => sopInstanceUid);
}

test('send.cancel in mid-send aborts the association; what was answered counts as sent, and nothing is lost', async () => {
  const job = await start('slow', uids);
  await answered(job);
  await client.call('send.cancel', { sendId: job.sendId });
  const end = await waited(job);
  assert.is(end.state, 'cancelled');
  await eventually(() => (/abort/i.test(slow.output()) ? true : undefined));
  const { sent, instances } = await detail(job);
  const told = instances.filter(({ state }) => state === 'sent').map(({ sopInstanceUid }) => sopInstanceUid);
  assert.equal([end.sent, sent, end.failed], [told.length, told.length, 0]);
  assert.ok(sent >= 1 && sent < OBJECTS, `${sent} of ${OBJECTS} were sent before`);
  const there = await arrived();
  assert.ok(told.every((uid) => there.includes(uid)));
  assert.ok(there.length <= sent + 1, 'at most the object under way has come without an answer');
  const refused = await client.call('send.cancel', { sendId: job.sendId }).catch((error: Error) => error);
  assert.match(String(refused), /cancelled/);
  // the objects are still here, and another job sends them all
  const again = await waited(await start('slow', uids));
  assert.equal([again.state, again.sent], ['done', OBJECTS]);
});

test('killed in a send of what was sent before: the next process goes on with the rest, and says what may come twice', async () => {
  const before = await arrived();
  const job = await start('slow', uids);
  await answered(job);
  await serve.kill();
  client.close();
  serve = await startServe(folder, config);
  client = await clientOf(folder);
  const end = await waited(job);
  assert.equal([end.state, end.sent, end.failed], ['done', OBJECTS, 0]);
  const since = [...(await arrived())];
  for (const uid of before) since.splice(since.indexOf(uid), 1);
  assert.equal([...new Set(since)].sort(), [...uids].sort(), 'each has come again');
  assert.ok(since.length <= OBJECTS + 1, `${since.length} objects of ${OBJECTS}`);
  assert.match(serve.output(), /may arrive twice/);
});

test('an image that was sent in lossy form is committed under the UID that it was sent with, and flagged under its own', async () => {
  const job = await waited(await start('archive', [image]));
  assert.equal([job.state, job.sent, job.committed], ['done', 1, 1]);
  const held = (await orthanc.get('/instances?expand')) as { MainDicomTags: { SOPInstanceUID: string } }[];
  assert.is(held.length, 1);
  const [there] = held.map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID);
  assert.is.not(there, image);
  const { instances } = await detail(job);
  assert.equal([instances[0]?.sopInstanceUid, instances[0]?.commitment], [image, 'committed']);
  const { series } = await client.call<StudyDetail>('studies.get', { studyInstanceUid: STUDY });
  const flags = series.flatMap((one) => one.instances).find(({ sopInstanceUid }) => sopInstanceUid === image)?.flags;
  assert.is(flags, 'SC');
  await serve.stop();
});

test.run();
