/** Send jobs and files with DCMTK's storage SCPs, good ones and such that fail as told, through the program as users run it. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FlaggedStudy, SendDetail, SendJob } from '../../runtime/service/send-methods.js';
import { localNode, type MadeFile, makeObject } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { freePort, type Peer, startOrthanc, startStorescp } from '../helpers/peers.js';
import { clientOf, killLeftOvers, runPetrig, startServe, testFolder } from '../helpers/petrig.js';

enterPrivateNetwork();

const test = suite('sending to storescp');
const folder = testFolder('send');
const objects = join(folder, 'objects');
const peers: Peer[] = [];
let files: MadeFile[];

async function storescp(name: string, ...args: string[]): Promise<Peer> {
  const peer = await startStorescp({ folder: join(folder, name), aeTitle: name, args });
  peers.push(peer);
  return peer;
}

const at = ({ node }: Peer) => `${node.aeTitle}@${node.host}:${node.port}`;

test.before(async () => {
  mkdirSync(objects);
  files = [];
  for (let i = 0; i < 5; i++) files.push(await makeObject(objects, { bytes: 100_000 }));
});
test.after(async () => {
  await killLeftOvers();
  for (const peer of peers) await peer.stop();
});

test('files go without a server; bad ones are named, and what a peer refuses ends with 4', async () => {
  const good = await storescp('GOOD');
  const bad = join(objects, 'zz-bad.dcm');
  writeFileSync(bad, 'no DICOM at all');
  const run = await runPetrig(['send', at(good), objects, '--json']);
  const report = JSON.parse(run.stdout) as { sent: number; failed: number; files: { path: string; outcome: string }[] };
  assert.equal([run.code, report.sent, report.failed], [1, 5, 1]);
  assert.is(report.files.find(({ path }) => path === bad)?.outcome, 'unreadable');
  assert.match(run.stderr, /zz-bad/);
  assert.is(readdirSync(join(folder, 'GOOD')).length, 5);
  const refusing = await storescp('REFUSES', '--refuse');
  const refused = await runPetrig(['send', at(refusing), files[0]!.path, '--json']);
  assert.equal([refused.code, JSON.parse(refused.stdout).error.code], [4, 'peer.rejected']);
  const aborting = await storescp('ABORTS', '--abort-during');
  const aborted = await runPetrig(['send', at(aborting), files[0]!.path, '--json']);
  assert.equal([aborted.code, JSON.parse(aborted.stdout).sent], [4, 0]);
  assert.is((await runPetrig(['send', at(good)])).code, 2, 'nothing selected');
});

test('jobs of the archive go to several nodes at a time, each with its end; flags show it', async () => {
  const [good, aborting, dicomPort] = [
    await storescp('FINE'),
    await storescp('BREAKS', '--abort-during'),
    await freePort(),
  ];
  const us = localNode(dicomPort, 'PETRIG');
  const orthanc = await startOrthanc({ folder: join(folder, 'orthanc'), modalities: { petrig: us } });
  peers.push(orthanc);
  const manual = { send: { automatic: false } };
  const serve = await startServe(folder, {
    dicom: { port: dicomPort },
    sendAttempts: 1,
    nodes: [
      { ...good.node, ...manual, name: 'fine', services: ['storage'] },
      { ...aborting.node, ...manual, name: 'breaks', services: ['storage'] },
      {
        ...orthanc.node,
        name: 'archive',
        send: { automatic: false, archive: true },
        services: ['storage', 'commitment'],
      },
    ],
    rules: [{ on: 'commitment.completed', node: 'archive', do: 'send', to: 'fine' }],
  });
  const imported = await runPetrig(['send', `PETRIG@127.0.0.1:${dicomPort}`, ...files.map(({ path }) => path)]);
  assert.is(imported.code, 0, imported.stderr);
  const client = await clientOf(folder);
  const start = (node: string) => client.call<SendJob>('send.start', { node, studyInstanceUid: '2.25.1' });
  const jobs = await Promise.all([start('archive'), start('breaks')]);
  const [archived, broken] = await Promise.all(jobs.map(({ sendId }) => client.call<SendJob>('send.wait', { sendId })));
  assert.equal([archived?.state, archived?.sent, archived?.committed], ['done', 5, 5]);
  assert.is(broken?.state, 'failed');
  assert.match(broken?.error ?? '', /abort|closed/);
  const detail = await client.call<SendDetail>('send.get', { sendId: jobs[0]!.sendId });
  assert.ok(
    detail.instances.every((one) => one.state === 'sent' && one.status === '0000' && one.commitment === 'committed'),
  );
  // the rule has sent it on
  const rule = (await client.call<SendJob[]>('send.list')).find(({ origin }) => origin === 'rule');
  assert.is(rule?.node, 'fine');
  assert.is((await client.call<SendJob>('send.wait', { sendId: rule!.sendId })).state, 'done');
  assert.is(readdirSync(join(folder, 'FINE')).length, 5);
  client.close();
  const studies = await runPetrig(['studies', '--json', '--data', join(folder, 'data')]);
  assert.is((JSON.parse(studies.stdout) as FlaggedStudy[])[0]?.flags, 'AC S');
  const again = await runPetrig(['send', 'fine', '--study', '2.25.1', '--json', '--data', join(folder, 'data')]);
  assert.equal([again.code, (JSON.parse(again.stdout) as SendDetail).sent], [0, 5], again.stderr);
  await serve.stop();
});

test.run();
