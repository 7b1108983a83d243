/** Traps that other implementations have fallen into, each set for ours: associations and PDUs. */

import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { encodePdu } from '../../runtime/dicom/upper-layer/pdu.js';
import { localNode, makeObject, scratch, scu } from '../helpers/dicom.js';
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
import { answers, CONTEXTS, PDU, response, smallObject, storeRequest, TrapSite } from '../helpers/trap-site.js';

const test = suite('traps in associations and PDUs');
let site: TrapSite;

test.before(async () => {
  site = await TrapSite.start();
});
test.after(() => site.receiver.close());

const TRAPS: Record<string, () => Promise<void>> = {
  'context IDs that do not ascend are legal': async () => {
    const rq = associateRq(CONTEXTS);
    const peer = await site.connected({ ...rq, contexts: [...rq.contexts].reverse() });
    assert.is((await peer.next()).type, PDU.accepted);
    await answers(peer);
  },

  'an even context ID ends it': async () => {
    const rq = associateRq({ 1: VERIFICATION });
    const peer = await site.connected({ ...rq, contexts: [{ ...rq.contexts[0]!, id: 2 }] });
    assert.equal(await peer.typesToEnd(), [PDU.abort]);
  },

  'a context ID used twice ends it': async () => {
    const rq = associateRq({ 1: VERIFICATION });
    const peer = await site.connected({ ...rq, contexts: [rq.contexts[0]!, rq.contexts[0]!] });
    assert.equal(await peer.typesToEnd(), [PDU.abort]);
  },

  'protocol version 2 alone is rejected, 1 and 2 together are not': async () => {
    const peer = await site.connected(associateRq(CONTEXTS, { protocolVersion: 2 }));
    const { type, body } = await peer.next();
    assert.equal([type, ...body.subarray(1)], [PDU.rejected, 1, 2, 2]);
    peer.end();
    await answers(await site.open(CONTEXTS, { protocolVersion: 3 }));
  },

  'a wrong application context is taken, and answered with the right one': async () => {
    const peer = await site.connected(associateRq(CONTEXTS, { applicationContext: '1.2.840.10008.3.1.1.9' }));
    const { type, body } = await peer.next();
    assert.is(type, PDU.accepted);
    assert.is(body.toString('latin1', 72, 72 + body.readUInt16BE(70)), '1.2.840.10008.3.1.1.1');
    await answers(peer);
  },

  'a second A-ASSOCIATE-RQ ends it, before the answer and after it': async () => {
    const after = await site.open();
    after.send(associateRq(CONTEXTS));
    assert.equal(await after.typesToEnd(), [PDU.abort]);
    const atOnce = await site.connected(associateRq(CONTEXTS), associateRq(CONTEXTS));
    assert.is((await atOnce.typesToEnd()).pop(), PDU.abort);
  },

  'several PDVs in one PDU, of command and dataset, are one message': async () => {
    const peer = await site.open();
    const { uid, bytes } = smallObject();
    const parts = [
      commandPdu(3, storeRequest(uid), true),
      pdv(3, bytes.subarray(0, 100), { command: false, last: false }),
      pdv(3, Buffer.alloc(0), { command: false, last: false }),
      pdv(3, bytes.subarray(100), { command: false }),
    ].map((part) => part.subarray(6));
    const header = Buffer.from([4, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(Buffer.concat(parts).length, 2);
    peer.send(header, ...parts);
    assert.is((await response(peer)).Status, 0);
    await answers(peer);
  },

  'a message split at every byte, each a PDV of its own, is one message': async () => {
    const peer = await site.open();
    const { uid, bytes } = smallObject();
    const command = commandPdu(3, storeRequest(uid), true).subarray(12);
    const split = (data: Buffer, isCommand: boolean) =>
      [...data].map((byte, i) => pdv(3, Buffer.from([byte]), { command: isCommand, last: i === data.length - 1 }));
    for (const part of [...split(command, true), ...split(bytes, false)]) peer.send(part);
    assert.is((await response(peer)).Status, 0);
    assert.ok(site.receiver.kept.has(uid));
    await answers(peer);
  },

  'bytes that arrive one at a time are one message': async () => {
    const peer = await site.open();
    for (const byte of commandPdu(1, ECHO(7))) {
      peer.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.is((await response(peer)).MessageIDBeingRespondedTo, 7);
    await answers(peer);
  },

  'a PDU that declares 4 GB ends it without a byte of memory': async () => {
    const before = process.memoryUsage().rss;
    for (const type of [1, 4, 5]) {
      const peer = type === 1 ? await RawPeer.connect(site.port) : await site.open();
      peer.send(Buffer.from([type, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
      assert.equal(await peer.typesToEnd(), [PDU.abort], `type ${type}`);
    }
    assert.ok(process.memoryUsage().rss - before < 100e6);
  },

  'a peer with the maximum length 0 sets no limit, one with 1 gets what still carries data': async () => {
    for (const maxPduLength of [0, 1]) {
      const server = await rawServer(async (peer) => {
        await peer.next();
        peer.send(associateAc(1, '1.2.840.10008.1.2.1', maxPduLength));
        for (let last = false, command = true; !last || command; ) {
          const { type, body } = await peer.next();
          if (type !== PDU.data) return;
          for (let at = 0; at < body.length; at += 4 + body.readUInt32BE(at)) {
            [command, last] = [(body[at + 5]! & 1) === 1, (body[at + 5]! & 2) === 2];
          }
        }
        peer.send(commandPdu(1, { CommandField: 0x8001, MessageIDBeingRespondedTo: 1, Status: 0 }));
        if ((await peer.next()).type === 5) peer.send({ type: 'release-rp' });
      });
      const { path } = await makeObject(scratch(), { bytes: 3000 });
      const [result] = await storeFiles(scu(localNode(server.port)), [path]);
      assert.is(result?.outcome, 'stored', result?.error?.message);
      server.close();
    }
  },

  'a PDU that ends within a PDV header, or a PDV longer than its PDU, ends it': async () => {
    for (const hex of ['040000000003000000', '04000000000a000000ff0103aabbccdd', '040000000006000000010103']) {
      const peer = await site.open();
      peer.send(Buffer.from(hex, 'hex'));
      assert.equal(await peer.typesToEnd(), [PDU.abort], hex);
    }
  },

  'an A-ASSOCIATE-RQ without user information or with an item longer than itself ends it': async () => {
    const whole = encodePdu(associateRq({ 1: VERIFICATION }));
    const cut = (bytes: Buffer) => {
      const out = Buffer.from(bytes);
      out.writeUInt32BE(out.length - 6, 2);
      return out;
    };
    const long = Buffer.from(whole);
    long.writeUInt16BE(0xffff, 6 + 68 + 2);
    for (const bytes of [cut(whole.subarray(0, 6 + 68)), long]) {
      const peer = await site.connected(bytes);
      assert.equal(await peer.typesToEnd(), [PDU.abort]);
    }
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
