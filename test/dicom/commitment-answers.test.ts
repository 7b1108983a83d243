/** Commitment as SCP: what we hold, how the result gets out, and requests that are wrong. Our SCU asks where no free program can. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { commitmentService } from '../../runtime/committing.js';
import { parseConfig } from '../../runtime/config.js';
import { type Dataset, dataset } from '../../runtime/dicom/dataset/dataset.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { COMMAND_FIELD } from '../../runtime/dicom/dimse/command.js';
import { hexStatus } from '../../runtime/dicom/dimse/status.js';
import { actionDataset, type CommitmentResult } from '../../runtime/dicom/services/commitment-dataset.js';
import { reportResult } from '../../runtime/dicom/services/commitment-scp.js';
import { CommitmentScu } from '../../runtime/dicom/services/commitment-scu.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { needContext, withChannel } from '../../runtime/dicom/services/session.js';
import { MAX_INSTANCES } from '../../runtime/network/commitment-answers.js';
import { rememberConversion } from '../../runtime/network/receiving/conversions.js';
import { openCommitmentSite } from '../helpers/commitment-site.js';
import { CT_IMAGE, clock, localNode, log, scratch, scu } from '../helpers/dicom.js';
import { eventually, freePort } from '../helpers/peers.js';

const test = suite('commitment answers');
const PUSH_MODEL = '1.2.840.10008.1.20.1';
const INSTANCE = '1.2.840.10008.1.20.1.1';
const MR_IMAGE = '1.2.840.10008.5.1.4.1.1.4';

/** A requestor that listens. */
async function startRequestor(port = 0) {
  const asked = new CommitmentScu({ clock, log });
  const server = new DicomServer({ port, clock, log, services: [asked.service()] });
  return { scu: asked, node: localNode(await server.listen(), 'ASKER'), close: () => server.close() };
}

test('what we hold is committed, what we do not is 0112, another class 0119; on both kinds of association', async () => {
  const asker = await startRequestor();
  const site = await openCommitmentSite();
  const [first, second] = site.instances;
  const unknown = { sopClassUid: CT_IMAGE, sopInstanceUid: makeUid() };
  const instances = [first!, { ...second!, sopClassUid: MR_IMAGE }, unknown];
  const ask = (keepOpenMs: number) =>
    asker.scu.request({ ...scu(site.us), callingAe: 'ASKER', instances, keepOpenMs, timeouts: { commitMs: 10_000 } });
  const same = await ask(10_000);
  assert.equal(same.committed, [first]);
  assert.equal(
    same.failed.map(({ reason, sopInstanceUid }) => [sopInstanceUid, reason]),
    [
      [second!.sopInstanceUid, '0119'],
      [unknown.sopInstanceUid, '0112'],
    ],
  );
  assert.is(same.retrieveAeTitle, 'PETRIG');
  site.peers.set('ASKER', asker.node);
  const separate = await ask(0);
  assert.equal([separate.committed.length, separate.failed.length], [1, 2]);
  const held = await ask(10_000);
  assert.is(held.committed.length, 1, 'the address is known, and the association is still open');
  await eventually(() => (site.answers.waiting === 0 ? true : undefined));
  assert.equal(await site.archive.states('commitment.answers'), []);
  await site.close();
  await asker.close();
});

test('an object of a retired class is committed under the UID that its sender knows', async () => {
  const asker = await startRequestor();
  const site = await openCommitmentSite();
  const retired = { sopClassUid: '1.2.840.10008.5.1.4.1.1.6', sopInstanceUid: makeUid() };
  const request = { ...scu(site.us), callingAe: 'ASKER', instances: [retired], keepOpenMs: 5000 };
  assert.is((await asker.scu.request(request)).failed[0]?.reason, '0112');
  await rememberConversion(site.archive, retired.sopInstanceUid, site.instances[0]!.sopInstanceUid);
  const wrongClass = await asker.scu.request(request);
  assert.is(wrongClass.failed[0]?.reason, '0119', 'kept as a CT image, which is not what its class becomes');
  await site.close();
  await asker.close();
});

test('a result waits for its requestor, over a restart, and is given up when its time is over', async () => {
  const root = scratch();
  const port = await freePort();
  const peers = new Map([['ASKER', localNode(port, 'ASKER')]]);
  const before = await openCommitmentSite({ root, peers });
  const silent = new CommitmentScu({ clock, log });
  const transactionUid = makeUid();
  const asked = { ...scu(before.us), callingAe: 'ASKER', instances: before.instances, transactionUid };
  await (await silent.ask(asked, new Promise(() => {}))).closed;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.is(before.answers.waiting, 1);
  await before.close();
  const results: string[] = [];
  const take = async (result: { transactionUid: string; committed: unknown[] }) => {
    results.push(`${result.transactionUid} ${result.committed.length}`);
    return true;
  };
  const listening = new CommitmentScu({ clock, log, onUnclaimed: take });
  const server = new DicomServer({ port, clock, log, services: [listening.service()] });
  const after = await openCommitmentSite({ root, peers });
  assert.is(after.answers.waiting, 1);
  await server.listen();
  assert.is(await eventually(() => results[0]), `${transactionUid} 4`);
  await eventually(() => (after.answers.waiting === 0 ? true : undefined));
  await server.close();
  await after.close();

  const short = await openCommitmentSite({ root, peers, expiryMs: 300 });
  await (await silent.ask({ ...asked, node: short.us, transactionUid: makeUid() }, new Promise(() => {}))).closed;
  await eventually(() => (short.answers.waiting === 0 ? true : undefined), 5000);
  assert.equal(await short.archive.states('commitment.answers'), []);
  await short.close();
});

test('where no archive system is installed no commitment is given, and results for us are still taken', async () => {
  const site = await openCommitmentSite();
  const { archive, desk: commitment, instances } = site;
  for (const archiveInstalled of [true, false]) {
    const config = parseConfig({ commitment: { archiveInstalled } });
    const { service, close } = await commitmentService(config, { archive, commitment, clock, log });
    const server = new DicomServer({ port: 0, clock, log, services: [service] });
    const node = localNode(await server.listen(), 'PETRIG');
    const asker = new CommitmentScu({ clock, log });
    const codeOf = (asked: Promise<unknown>) =>
      asked.then(
        () => 'none',
        ({ code, context }: ScannerError) => `${code} ${context.status}`,
      );
    const asked = asker.request({ ...scu(node), callingAe: 'ASKER', instances, keepOpenMs: 5000 });
    assert.is(await codeOf(asked), archiveInstalled ? 'none' : 'peer.status 0211');
    // a result for nobody is refused, which takes the service that hears it
    const result: CommitmentResult = { transactionUid: makeUid(), committed: [...instances], failed: [] };
    assert.is(await codeOf(reportResult(scu(node), result)), 'peer.status 0115');
    await server.close();
    await close();
  }
  await site.close();
});

test('requests that are wrong are refused with a status that says how', async () => {
  const site = await openCommitmentSite({ peers: new Map([['ASKER', localNode(await freePort(), 'ASKER')]]) });
  const command = {
    CommandField: COMMAND_FIELD['N-ACTION'],
    RequestedSOPClassUID: PUSH_MODEL,
    RequestedSOPInstanceUID: INSTANCE,
    ActionTypeID: 1,
  };
  const proposal = { abstractSyntax: PUSH_MODEL, transferSyntaxes: ['1.2.840.10008.1.2'] };
  const uid = makeUid();
  const good = actionDataset(uid, site.instances);
  const send = (data: Dataset | undefined, changes = {}) =>
    withChannel({ ...scu(site.us), callingAe: 'ASKER' }, [proposal], async (channel) =>
      hexStatus(
        (await channel.request(needContext(channel, PUSH_MODEL), { ...command, ...changes }, data, 60_000)).status,
      ),
    );
  const reference = dataset({ ReferencedSOPClassUID: CT_IMAGE });
  assert.is(await send(undefined), '0120', 'no dataset');
  assert.is(await send(dataset({ ReferencedSOPSequence: [] })), '0120', 'no Transaction UID');
  assert.is(await send(dataset({ TransactionUID: 'no uid', ReferencedSOPSequence: [] })), '0120');
  assert.is(await send(dataset({ TransactionUID: uid })), '0121', 'no sequence');
  assert.is(await send(dataset({ TransactionUID: uid, ReferencedSOPSequence: [] })), '0121', 'an empty sequence');
  assert.is(await send(dataset({ TransactionUID: uid, ReferencedSOPSequence: [reference] })), '0120', 'half an item');
  assert.is(await send(good, { ActionTypeID: 2 }), '0123');
  assert.is(await send(good, { RequestedSOPInstanceUID: '1.2.3' }), '0112');
  assert.is(site.answers.waiting, 0, 'nothing is promised');
  assert.is(await send(good), '0000');
  assert.is(await send(good), '0000', 'the same again, before its result is out');
  assert.is(await send(actionDataset(uid, site.instances.slice(1))), '0115', 'the same UID for others');
  assert.is(site.answers.waiting, 1);
  await site.close();
});

test('100,000 instances in one request are answered, one more is too many', async () => {
  const asker = await startRequestor();
  const site = await openCommitmentSite({ count: 1 });
  const strangers = Array.from({ length: MAX_INSTANCES }, (_, i) => ({
    sopClassUid: CT_IMAGE,
    sopInstanceUid: `1.2.3.${i}`,
  }));
  const request = { ...scu(site.us), callingAe: 'ASKER', keepOpenMs: 20_000, timeouts: { commitMs: 20_000 } };
  const all = await asker.scu.request({ ...request, instances: [...strangers.slice(1), ...site.instances] });
  assert.equal([all.committed.length, all.failed.length], [1, MAX_INSTANCES - 1]);
  const more = asker.scu.request({ ...request, instances: [...strangers, ...site.instances] });
  const refused = await more.then(
    () => 'taken',
    (error: Error) => error.message,
  );
  assert.match(refused, /0213/);
  assert.is((await asker.scu.request({ ...request, instances: site.instances })).committed.length, 1, 'still served');
  await site.close();
  await asker.close();
});

test.run();
