import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { type Command, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import type { Reply } from '../../runtime/dicom/dimse/performer.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { encodePdu } from '../../runtime/dicom/upper-layer/pdu.js';
import { Pacs } from '../../sim/hospital/pacs.js';
import { Worklist } from '../../sim/hospital/worklist.js';
import { CT_IMAGE, clock, log, scratch } from '../helpers/dicom.js';
import { associateRq, commandPdu, ECHO, pdv, RawPeer, VERIFICATION } from '../helpers/raw-peer.js';

const test = suite('acceptor against odd peers');
const folder = scratch();
const IMPLICIT = '1.2.840.10008.1.2';
const ABORT = 7;
let server: DicomServer;
let port: number;
const stored: string[] = [];
let gate: Promise<void> = Promise.resolve();

test.before(async () => {
  const pacs = new Pacs({ aeTitle: 'PEER', folder, clock, log, callbacks: [] });
  server = new DicomServer({
    port: 0,
    clock,
    log,
    maxAssociations: 4,
    strictApplicationContext: true,
    timeouts: { artimMs: 400, closingMs: 400, networkMs: 400, idleMs: 60_000 },
    services: [
      verificationService(),
      new Worklist().service(),
      ...pacs.services().slice(1),
      storageService({
        syntaxes: { [CT_IMAGE]: [IMPLICIT] },
        pathFor: async ({ sopInstanceUid }) => {
          await gate;
          return join(folder, 'in', `${sopInstanceUid}.dcm`);
        },
        onStored: async ({ sopInstanceUid }): Promise<Reply | undefined> => void stored.push(sopInstanceUid),
      }),
    ],
  });
  port = await server.listen();
});
test.after(() => server.close());

async function open(contexts: Record<number, string> = { 1: VERIFICATION }): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  peer.send(associateRq(contexts));
  assert.is((await peer.next()).type, 2);
  return peer;
}

async function nextCommand(peer: RawPeer): Promise<Command> {
  const { type, body } = await peer.next();
  assert.is(type, 4);
  return decodeCommand(body.subarray(6));
}

/** [result, source, reason] of a rejection. */
async function rejection(rq: Parameters<RawPeer['send']>[0]): Promise<number[]> {
  const peer = await RawPeer.connect(port);
  peer.send(rq);
  const { type, body } = await peer.next();
  assert.is(type, 3);
  peer.end();
  return [...body.subarray(1)];
}

async function aborts(bytes: Buffer, peer?: RawPeer): Promise<void> {
  const mine = peer ?? (await open());
  mine.send(bytes);
  assert.equal(await mine.typesToEnd(), [ABORT]);
}

const store = (id: number, uid: string): Command => ({
  CommandField: 1,
  MessageID: id,
  Priority: 0,
  AffectedSOPClassUID: CT_IMAGE,
  AffectedSOPInstanceUID: uid,
});

test('context IDs may come in any order', async () => {
  const peer = await RawPeer.connect(port);
  const rq = associateRq({ 1: VERIFICATION, 3: '1.2.3.4', 5: CT_IMAGE });
  peer.send({ ...rq, contexts: [...rq.contexts].reverse() });
  const { body } = await peer.next();
  const results: number[][] = [];
  for (let at = 68; at < body.length; at += 4 + body.readUInt16BE(at + 2)) {
    if (body[at] === 0x21) results.push([body[at + 4]!, body[at + 6]!]);
  }
  assert.equal(results, [
    [5, 0],
    [3, 3],
    [1, 0],
  ]);
  peer.send(commandPdu(1, ECHO(9)));
  assert.is((await nextCommand(peer)).MessageIDBeingRespondedTo, 9);
  peer.send({ type: 'release-rq' });
  assert.is((await peer.next()).type, 6);
  peer.end();
});

test('even and repeated context IDs, unknown PDU types and absurd lengths are aborted', async () => {
  const rq = associateRq({ 1: VERIFICATION });
  await aborts(encodePdu({ ...rq, contexts: [{ ...rq.contexts[0]!, id: 2 }] }), await RawPeer.connect(port));
  await aborts(encodePdu({ ...rq, contexts: [rq.contexts[0]!, rq.contexts[0]!] }), await RawPeer.connect(port));
  await aborts(Buffer.from([4, 0, 0xff, 0xff, 0xff, 0xff, 0, 0]));
  await aborts(Buffer.from([1, 0, 0xff, 0xff, 0xff, 0xff, 0, 0]), await RawPeer.connect(port));
  await aborts(Buffer.from([42, 0, 0, 0, 0, 4, 0, 0, 0, 0]));
  await aborts(encodePdu(rq));
});

test('what is not acceptable is rejected with its reason', async () => {
  const rq = associateRq({ 1: VERIFICATION });
  assert.equal(await rejection({ ...rq, protocolVersion: 2 }), [1, 2, 2]);
  assert.equal(await rejection({ ...rq, applicationContext: '1.2.3' }), [1, 1, 2]);
});

test('associations above the limit are rejected for now, and taken again later', async () => {
  const peers = await Promise.all(Array.from({ length: 4 }, () => open()));
  assert.equal(await rejection(associateRq({ 1: VERIFICATION })), [2, 3, 2]);
  for (const peer of peers) {
    peer.send({ type: 'release-rq' });
    assert.is((await peer.next()).type, 6);
    peer.end();
  }
  while (server.associations > 0) await new Promise((resolve) => setImmediate(resolve));
  (await open()).end();
});

test('bytes may arrive one at a time, PDVs several to a PDU, and messages in many fragments', async () => {
  const peer = await open({ 1: VERIFICATION, 3: CT_IMAGE });
  for (const byte of commandPdu(1, ECHO(65535))) peer.send(Buffer.from([byte]));
  assert.is((await nextCommand(peer)).MessageIDBeingRespondedTo, 65535);
  const uid = '2.25.77';
  const object = encodeDataset(dataset({ SOPInstanceUID: uid, PatientName: 'A^B' }), IMPLICIT);
  const command = commandPdu(3, store(1, uid), true).subarray(6);
  const [head, tail] = [object.subarray(0, 5), object.subarray(5)];
  const items = [
    command,
    pdv(3, head, { command: false, last: false }),
    pdv(3, Buffer.alloc(0), { command: false, last: false }),
    pdv(3, tail, { command: false }),
  ];
  const body = Buffer.concat(items.map((item, i) => (i === 0 ? item : item.subarray(6))));
  const header = Buffer.from([4, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  peer.send(header, body);
  const answer = await nextCommand(peer);
  assert.equal([answer.Status, answer.AffectedSOPInstanceUID], [0, uid]);
  assert.equal(stored, [uid]);
  peer.end();
});

test('an unknown command field is answered as unrecognized, a dataset with it is swallowed', async () => {
  const peer = await open();
  peer.send(commandPdu(1, { CommandField: 0x0777, MessageID: 5 }, true), pdv(1, Buffer.alloc(100), { command: false }));
  assert.equal([(await nextCommand(peer)).Status, 0x0211], [0x0211, 0x0211]);
  peer.send(commandPdu(1, ECHO(6)));
  assert.is((await nextCommand(peer)).Status, 0);
  peer.end();
});

test('messages that cannot be are aborted: no message ID, a context that was not accepted, a dataset first', async () => {
  await aborts(commandPdu(1, { CommandField: 0x30 }));
  await aborts(commandPdu(9, ECHO(1)));
  await aborts(pdv(1, Buffer.alloc(8), { command: false }));
  await aborts(pdv(1, Buffer.alloc(8), { command: true }));
});

test('a response to nothing is ignored', async () => {
  const peer = await open();
  peer.send(commandPdu(1, { CommandField: 0x8030, MessageIDBeingRespondedTo: 3, Status: 0 }), commandPdu(1, ECHO(4)));
  assert.is((await nextCommand(peer)).MessageIDBeingRespondedTo, 4);
  peer.end();
});

test('N-ACTION without a dataset, and a query that is no dataset, get a status', async () => {
  const peer = await open({ 1: UIDS.storageCommitment, 3: UIDS.modalityWorklist });
  const action: Command = {
    CommandField: 0x130,
    MessageID: 1,
    ActionTypeID: 1,
    RequestedSOPClassUID: UIDS.storageCommitment,
    RequestedSOPInstanceUID: UIDS.storageCommitmentInstance,
  };
  peer.send(commandPdu(1, action));
  assert.is((await nextCommand(peer)).Status, 0x0120);
  const find: Command = { CommandField: 0x20, MessageID: 2, Priority: 0, AffectedSOPClassUID: UIDS.modalityWorklist };
  const lie = Buffer.from('E07F1000FEFFFFFF0000', 'hex');
  peer.send(commandPdu(3, find, true), pdv(3, lie, { command: false }));
  assert.is((await nextCommand(peer)).Status, 0xc000);
  peer.end();
});

test('a path cannot hide in an instance UID', async () => {
  const peer = await open({ 1: CT_IMAGE });
  peer.send(commandPdu(1, store(1, '../../evil'), true), pdv(1, Buffer.alloc(64), { command: false }));
  assert.is((await nextCommand(peer)).Status, 0x0117);
  peer.end();
});

test('an A-ABORT or a lost connection in mid-store leaves nothing behind', async () => {
  for (const how of ['abort', 'vanish']) {
    const peer = await open({ 1: CT_IMAGE });
    peer.send(commandPdu(1, store(1, '2.25.78'), true), pdv(1, Buffer.alloc(9000), { command: false, last: false }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (how === 'abort') peer.send({ type: 'abort', source: 0, reason: 0 });
    else peer.end();
    while (server.associations > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(readdirSync(join(folder, 'in')), ['2.25.77.dcm'], how);
    peer.end();
  }
});

test('a slow peer that moves is waited for, one that stops in mid-PDU is aborted', async () => {
  const peer = await open({ 1: CT_IMAGE });
  const message = Buffer.concat([
    commandPdu(1, store(1, '2.25.79'), true),
    pdv(1, Buffer.alloc(200, 1), { command: false }),
  ]);
  for (let at = 0; at < message.length; at += 40) {
    peer.send(message.subarray(at, at + 40));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.is((await nextCommand(peer)).Status, 0);
  peer.send(message.subarray(0, message.length - 50));
  assert.equal(await peer.typesToEnd(), [ABORT]);
});

test('a peer that connects and says nothing is cut off by ARTIM', async () => {
  const peer = await RawPeer.connect(port);
  assert.equal(await peer.typesToEnd(), []);
});

test('a handler that does not keep up holds the sender back instead of filling memory', async () => {
  let openGate = () => {};
  gate = new Promise((resolve) => (openGate = resolve));
  const peer = await open({ 1: CT_IMAGE });
  peer.send(commandPdu(1, store(1, '2.25.80'), true));
  const fragment = pdv(1, Buffer.alloc(16_000, 1), { command: false, last: false });
  for (let i = 0; i < 4000; i++) peer.send(fragment);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const taken = peer.socket.bytesWritten - peer.socket.writableLength;
  assert.ok(taken < 24e6, `${taken} of ${peer.socket.bytesWritten} bytes taken`); // what is left are the kernel's buffers
  peer.send(pdv(1, Buffer.alloc(10), { command: false }));
  openGate();
  assert.is((await nextCommand(peer)).Status, 0);
  peer.end();
});

test.run();
