/** Storage commitment with Orthanc, in both roles, over associations of each side's own. */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { committing, markSent, openCommitmentSite } from '../helpers/commitment-site.js';
import { localNode, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { eventually, freePort, type Orthanc, startOrthanc } from '../helpers/peers.js';

enterPrivateNetwork();

const test = suite('commitment: Orthanc');
let orthanc: Orthanc;
let port: number;

test.before(async () => {
  port = await freePort();
  orthanc = await startOrthanc({ folder: join(scratch(), 'o'), modalities: { petrig: localNode(port, 'PETRIG') } });
});
test.after(() => orthanc.stop());

test('Orthanc commits to what it was sent, and not to what it was not', async () => {
  const site = await openCommitmentSite({ port, nodes: [committing(orthanc.node)] });
  await markSent(site, 'ORTHANC');
  const [missing, ...sent] = (await site.archive.instances()).map(({ file }) => file);
  await storeFiles(scu(orthanc.node), sent);
  await site.desk.request('part', 'ORTHANC', site.instances);
  const end = await eventually(() => site.ends[0]);
  assert.equal([end.outcome, end.committed.length, end.failed.map(({ reason }) => reason)], ['failed', 3, [0x0112]]);
  await storeFiles(scu(orthanc.node), [missing!]);
  await site.desk.request('all', 'ORTHANC', site.instances);
  assert.is((await eventually(() => site.ends[1])).outcome, 'completed');
  const flags = await site.archive.deliveries({ node: 'ORTHANC' });
  assert.ok(flags.every(({ commitment }) => commitment === 'committed'));
  await site.close();
});

test('a request that Orthanc answers while nobody listens is claimed after the restart, or fails in time', async () => {
  const root = scratch();
  const nodes = [committing(orthanc.node, 'separate', 1500)];
  const away = await openCommitmentSite({ root, port, nodes, listens: false });
  await markSent(away, 'ORTHANC');
  await away.desk.request('away', 'ORTHANC', away.instances);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await away.close();
  const back = await openCommitmentSite({ root, port, nodes });
  const end = await eventually(() => back.ends[0], 10_000);
  // Orthanc offers a result once: it is gone with the association that nobody took
  assert.equal([end.sendId, end.outcome, end.failed.length], ['away', 'failed', 4]);
  await back.close();
});

test('Orthanc asks us: committed for what we hold, 0112 for what we do not', async () => {
  const site = await openCommitmentSite({ port, peers: new Map([['ORTHANC', orthanc.node]]) });
  const files = (await site.archive.instances()).map(({ file }) => file);
  const ask = async (instances: { sopClassUid: string; sopInstanceUid: string }[]) => {
    const asked = (await orthanc.post('/modalities/petrig/storage-commitment', {
      DicomInstances: instances.map(({ sopClassUid, sopInstanceUid }) => [sopClassUid, sopInstanceUid]),
      Timeout: 5,
    })) as { ID: string };
    return eventually(async () => {
      const answer = (await orthanc.get(`/storage-commitment/${asked.ID}`)) as Answer;
      return answer.Status === 'Pending' ? undefined : answer;
    }, 10_000);
  };
  const good = await ask(site.instances);
  assert.equal([good.Status, good.Success.length, good.Failures.length, files.length], ['Success', 4, 0, 4]);
  const unknown = { sopClassUid: site.instances[0]!.sopClassUid, sopInstanceUid: '1.2.3.4' };
  const mixed = await ask([site.instances[0]!, unknown]);
  assert.equal([mixed.Status, mixed.Success.length], ['Failure', 1]);
  assert.equal(
    mixed.Failures.map(({ SOPInstanceUID, FailureReason }) => [SOPInstanceUID, FailureReason]),
    [['1.2.3.4', 0x0112]],
  );
  await eventually(() => (site.answers.waiting === 0 ? true : undefined));
  await site.close();
});

interface Answer {
  Status: string;
  Success: unknown[];
  Failures: { SOPInstanceUID: string; FailureReason: number }[];
}

test.run();
