/** Traps that other implementations have fallen into, each set for ours: messages and datasets. */

import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { DimseChannel } from '../../runtime/dicom/dimse/channel.js';
import { COMMAND_FIELD, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { needContext } from '../../runtime/dicom/services/session.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { requestAssociation } from '../../runtime/dicom/upper-layer/request.js';
import { CT_IMAGE, clock, EXPLICIT, localNode, log, scu } from '../helpers/dicom.js';
import { ctObject } from '../helpers/incoming.js';
import { until } from '../helpers/observe.js';
import {
  associateAc,
  associateRq,
  commandPdu,
  ECHO,
  pdv,
  RawPeer,
  rawServer,
  VERIFICATION,
} from '../helpers/raw-peer.js';
import { startReceiver } from '../helpers/receiver.js';
import {
  answers,
  CONTEXTS,
  IMPLICIT,
  PDU,
  response,
  smallObject,
  storeRequest,
  TrapSite,
} from '../helpers/trap-site.js';

const test = suite('traps in messages and datasets');
let site: TrapSite;

test.before(async () => {
  site = await TrapSite.start();
});
test.after(() => site.receiver.close());

const TRAPS: Record<string, () => Promise<void>> = {
  'an unknown command field is answered 0211': async () => {
    const peer = await site.open();
    peer.send(
      commandPdu(1, { CommandField: 0x0777, MessageID: 5 }, true),
      pdv(1, Buffer.alloc(50), { command: false }),
    );
    assert.is((await response(peer)).Status, 0x0211);
    await answers(peer);
  },

  'message IDs wrap from 65535 to 1, ours and theirs': async () => {
    const peer = await site.open();
    for (const id of [65535, 0, 1]) {
      peer.send(commandPdu(1, ECHO(id)));
      assert.is((await response(peer)).MessageIDBeingRespondedTo, id);
    }
    peer.end();
    const association = await requestAssociation(scu(localNode(site.port)), [
      { abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] },
    ]);
    const channel = new DimseChannel(association, { clock, log });
    for (let i = 0; i < 65534; i++) channel.nextMessageId();
    const context = needContext(channel, VERIFICATION);
    const ids: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      const command = { CommandField: COMMAND_FIELD['C-ECHO'], AffectedSOPClassUID: VERIFICATION };
      const { command: answer } = await channel.request(context, command, undefined, 5000);
      ids.push(answer.MessageIDBeingRespondedTo);
    }
    assert.equal(ids, [65535, 1, 2]);
    await channel.release();
  },

  'a slow transfer that moves is waited for, longer than its silence may last': async () => {
    const peer = await site.open();
    const { uid, bytes } = smallObject();
    const message = Buffer.concat([commandPdu(3, storeRequest(uid), true), pdv(3, bytes, { command: false })]);
    const step = Math.ceil(message.length / 8);
    for (let at = 0; at < message.length; at += step) {
      peer.send(message.subarray(at, at + step));
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    assert.is((await response(peer)).Status, 0);
    await answers(peer);
  },

  'a response given twice counts once, and one to nothing not at all': async () => {
    const server = await rawServer(async (peer) => {
      await peer.next();
      peer.send(associateAc());
      const { MessageID } = decodeCommand((await peer.next()).body.subarray(6));
      const ok = commandPdu(1, { CommandField: 0x8030, MessageIDBeingRespondedTo: MessageID!, Status: 0 });
      const stray = commandPdu(1, { CommandField: 0x8030, MessageIDBeingRespondedTo: 4711, Status: 0x0110 });
      peer.send(stray, ok, ok);
      if ((await peer.next()).type === 5) peer.send({ type: 'release-rp' });
    });
    assert.ok((await echo(scu(localNode(server.port)))).ms >= 0);
    server.close();
  },

  'an A-PDU.abort in mid-store leaves nothing behind, and no association': async () => {
    const peer = await site.open();
    const before = site.receiver.kept.size;
    const half = pdv(3, Buffer.alloc(15_000, 1), { command: false, last: false });
    peer.send(commandPdu(3, storeRequest(makeUid()), true), half, half, half, half, half, half);
    await new Promise((resolve) => setTimeout(resolve, 50));
    peer.send({ type: 'abort', source: 0, reason: 0 });
    await until(() => site.receiver.server.associations === 0 && readdirSync(site.receiver.incoming).length === 0);
    assert.is(site.receiver.kept.size, before);
  },

  'an N-ACTION without a dataset is answered 0120': async () => {
    const peer = await site.open();
    peer.send(
      commandPdu(5, {
        CommandField: COMMAND_FIELD['N-ACTION'],
        MessageID: 1,
        ActionTypeID: 1,
        RequestedSOPClassUID: UIDS.storageCommitment,
        RequestedSOPInstanceUID: UIDS.storageCommitmentInstance,
      }),
    );
    assert.is((await response(peer)).Status, 0x0120);
    await answers(peer);
  },

  'an element of undefined length and unknown VR passes through byte for byte': async () => {
    // a private creator, then (7FE1,1010) UN of undefined length: one item with Modality in it, as implicit VR
    const creator = Buffer.from('E17F10004C4F0E005349454D454E53204D4544204E4D', 'hex');
    const item = 'FEFF00E0FFFFFFFF08006000020000004354FEFF0DE000000000';
    const sequence = Buffer.from(`E17F1010554E0000FFFFFFFF${item}FEFFDDE000000000`, 'hex');
    const { uid, bytes } = smallObject(Buffer.concat([creator, sequence]), EXPLICIT);
    const receiverAsIs = await startReceiver({ importFrom: () => 'preserve' });
    const peer = await RawPeer.connect(receiverAsIs.node.port);
    const context = { id: 3, abstractSyntax: CT_IMAGE, transferSyntaxes: [EXPLICIT] };
    peer.send(associateRq({}, { contexts: [context] }));
    assert.is((await peer.next()).type, PDU.accepted);
    peer.send(commandPdu(3, storeRequest(uid), true), pdv(3, bytes, { command: false }));
    assert.is((await response(peer)).Status, 0);
    assert.ok((await receiverAsIs.dataset(uid)).equals(bytes));
    peer.end();
    await receiverAsIs.close();
  },

  'an OW that declares 0xFFFFFFFE bytes is refused, and its association aborted': async () => {
    const peer = await site.open();
    const before = site.receiver.kept.size;
    const ds = ctObject();
    delete ds['7FE00010'];
    const lie = Buffer.from('E07F1000FEFFFFFF0000', 'hex');
    const bytes = Buffer.concat([encodeDataset(ds, IMPLICIT), lie]);
    peer.send(commandPdu(3, storeRequest(text(ds, 'SOPInstanceUID')!), true), pdv(3, bytes, { command: false }));
    assert.is((await response(peer)).Status, 0xa900);
    assert.equal(await peer.typesToEnd(), [PDU.abort]);
    assert.is(site.receiver.kept.size, before);
  },

  'the same lie in a query is a status, and its association lives on': async () => {
    const find = '1.2.840.10008.5.1.4.1.2.2.1';
    const peer = await site.open({ ...CONTEXTS, 7: find });
    const command = { CommandField: COMMAND_FIELD['C-FIND'], MessageID: 1, Priority: 0, AffectedSOPClassUID: find };
    peer.send(commandPdu(7, command, true), pdv(7, Buffer.from('E07F1000FEFFFFFF0000', 'hex'), { command: false }));
    const { Status = 0 } = await response(peer);
    assert.ok(Status >> 12 === 0xc || Status === 0xa900, Status.toString(16));
    await answers(peer);
  },
};

for (const [name, run] of Object.entries(TRAPS)) test(name, run);

test('after all of them a good peer is served, and nothing is left of the bad ones', async () => {
  await until(() => site.receiver.server.associations === 0 && site.receiver.server.idleConnections === 0);
  assert.equal(readdirSync(site.receiver.incoming), []);
  assert.is(site.receiver.server.bytesWaiting, 0);
  const failure = await echo(scu(localNode(site.port))).catch((error: ScannerError) => error);
  assert.not.instance(failure, Error);
});

test.run();
