/** A thread that keeps a connection from one object to the next: whatever comes instead is served as if it had not. */

import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { CT_IMAGE, clock, log, scratch } from '../helpers/dicom.js';
import { associateRq, commandPdu, ECHO, pdv, RawPeer, VERIFICATION } from '../helpers/raw-peer.js';

const test = suite('reception');
const IMPLICIT = '1.2.840.10008.1.2';
const LARGE = 300_000;
let folder: string;
let server: DicomServer;
let peer: RawPeer;

test.before.each(async () => {
  folder = mkdtempSync(join(scratch(), 'reception-'));
  const storage = storageService({
    syntaxes: { [CT_IMAGE]: [IMPLICIT] },
    pathFor: ({ sopInstanceUid }) =>
      sopInstanceUid.startsWith('1.9') ? { status: STATUS.outOfResources } : join(folder, sopInstanceUid),
  });
  const timeouts = { networkMs: 400, idleMs: 1500 };
  server = new DicomServer({ port: 0, clock, log, services: [verificationService(), storage], timeouts });
  peer = await RawPeer.connect(await server.listen());
  peer.send(associateRq({ 1: CT_IMAGE, 3: VERIFICATION }));
  assert.is((await peer.next()).type, 2);
});
test.after.each(async () => {
  peer.end();
  await server.close();
});

function store(id: number, uid: string, length: number): Buffer {
  const command = { CommandField: 1, MessageID: id, AffectedSOPClassUID: CT_IMAGE, AffectedSOPInstanceUID: uid };
  const parts = [commandPdu(1, command, true)];
  for (let at = 0; at < length; at += 16_000) {
    const data = Buffer.alloc(Math.min(16_000, length - at), id);
    parts.push(pdv(1, data, { command: false, last: at + data.length === length }));
  }
  return Buffer.concat(parts);
}

async function status(id: number): Promise<number> {
  const { type, body } = await peer.next();
  assert.is(type, 4, `P-DATA-TF, not PDU type ${type}`);
  const command = decodeCommand(body.subarray(6));
  assert.is(command.MessageIDBeingRespondedTo, id);
  return command.Status!;
}

/** What is kept of an object: all its bytes are its message's number. */
function kept(uid: string, id: number, length: number): void {
  const bytes = readFileSync(join(folder, uid));
  assert.ok(bytes.subarray(bytes.length - length).every((byte) => byte === id));
  assert.is(bytes.length - length, 144 + bytes.readUInt32LE(140), 'behind the meta header nothing but the dataset');
}

test('large and small objects, an echo, a refused one and one in pieces follow each other', async () => {
  const sizes = [LARGE, 500_000, 1000, LARGE, 45_000, 2 * LARGE];
  for (const [i, size] of sizes.entries()) {
    peer.send(store(i + 1, `1.2.${i}`, size));
    assert.is(await status(i + 1), 0);
    kept(`1.2.${i}`, i + 1, size);
  }
  peer.send(commandPdu(3, ECHO(20)));
  assert.is(await status(20), 0);
  for (const uid of ['1.3.1', '1.9.1', '1.3.2']) {
    peer.send(store(30, uid, LARGE));
    assert.is(await status(30), uid === '1.9.1' ? STATUS.outOfResources : 0);
  }
  const pieces = store(31, '1.3.3', LARGE);
  for (const [from, to] of [
    [0, 3],
    [3, 40],
    [40, 9000],
    [9000, 60_000],
    [60_000, pieces.length],
  ] as const) {
    peer.send(pieces.subarray(from, to));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.is(await status(31), 0);
  kept('1.3.3', 31, LARGE);
  peer.send({ type: 'release-rq' });
  assert.is((await peer.next()).type, 6);
  assert.is(readdirSync(folder).filter((name) => name.endsWith('.part')).length, 0);
});

test('requests that do not wait for their answers are served in order', async () => {
  peer.send(...[1, 2, 3, 4].map((id) => store(id, `1.2.${id}`, LARGE)), commandPdu(3, ECHO(5)));
  for (const id of [1, 2, 3, 4, 5]) assert.is(await status(id), 0);
  for (const id of [1, 2, 3, 4]) kept(`1.2.${id}`, id, LARGE);
});

test('a command that stops half way is given up after the network timeout', async () => {
  peer.send(store(1, '1.2.1', LARGE));
  assert.is(await status(1), 0);
  peer.send(store(2, '1.2.2', LARGE).subarray(0, 30));
  assert.is((await peer.next(3000)).type, 7);
});

test('a dataset that stops half way leaves no file', async () => {
  peer.send(store(1, '1.2.1', LARGE));
  assert.is(await status(1), 0);
  peer.send(store(2, '1.2.2', LARGE).subarray(0, 150_000));
  assert.is((await peer.next(3000)).type, 7);
  assert.equal(readdirSync(folder), ['1.2.1']);
});

test('a silent association ends after its idle time, with the thread or after it', async () => {
  peer.send(store(1, '1.2.1', LARGE));
  assert.is(await status(1), 0);
  const since = performance.now();
  assert.is((await peer.next(5000)).type, 7);
  assert.ok(performance.now() - since > 1300, 'not at once');
});

test('a peer that closes between objects, and within the first bytes of one, is noticed', async () => {
  for (const more of [Buffer.alloc(0), store(2, '1.2.9', LARGE).subarray(0, 70_000)]) {
    const other = await RawPeer.connect((peer.socket.remotePort ?? 0) as number);
    other.send(associateRq({ 1: CT_IMAGE }));
    assert.is((await other.next()).type, 2);
    other.send(store(1, `1.2.${more.length}`, LARGE));
    assert.is((await other.next()).type, 4);
    other.send(more);
    other.end();
    for (let i = 0; i < 200 && server.associations > 1; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.is(server.associations, 1);
  }
  assert.equal(readdirSync(folder).sort(), ['1.2.0', '1.2.70000']);
});

test('what breaks the protocol instead of the next object aborts the association', async () => {
  peer.send(store(1, '1.2.1', LARGE));
  assert.is(await status(1), 0);
  peer.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  assert.is((await peer.next()).type, 7);
});

test.run();
