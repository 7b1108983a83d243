import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { DimseChannel } from '../../runtime/dicom/dimse/channel.js';
import { decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { requestAssociation } from '../../runtime/dicom/upper-layer/request.js';
import { clock, EXPLICIT, localNode, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { associateAc, commandPdu, type RawPeer, rawServer, VERIFICATION } from '../helpers/raw-peer.js';

const test = suite('requestor against odd peers');
const folder = scratch();
const ABORT = 7;
const timeouts = {
  connectMs: 2000,
  associateMs: 400,
  responseMs: 400,
  releaseMs: 400,
  networkMs: 400,
  storeMs: 2000,
  closingMs: 400,
};

async function against<T>(serve: (peer: RawPeer) => Promise<void>, use: (port: number) => Promise<T>): Promise<T> {
  const server = await rawServer(serve);
  try {
    return await use(server.port);
  } finally {
    server.close();
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as ScannerError).code;
  }
  return 'none';
}

/** What an echo against such a peer ends with, and the PDU types the peer saw after its own doing. */
async function echoAgainst(
  serve: (peer: RawPeer) => Promise<void>,
  signal?: AbortSignal,
): Promise<{ code: string; after: number[] }> {
  let seen: (types: number[]) => void = () => {};
  const after = new Promise<number[]>((resolve) => (seen = resolve));
  return against(
    async (peer) => {
      await peer.next();
      await serve(peer);
      seen(await peer.typesToEnd());
    },
    async (port) => ({ code: await codeOf(echo(scu(localNode(port), { timeouts, signal }))), after: await after }),
  );
}

const echoResponse = (id: number) => commandPdu(1, { CommandField: 0x8030, MessageIDBeingRespondedTo: id, Status: 0 });

async function messageId(peer: RawPeer): Promise<number> {
  return decodeCommand((await peer.next()).body.subarray(6)).MessageID!;
}

test('a peer that never answers the request is aborted in time', async () => {
  assert.equal(await echoAgainst(async () => {}), { code: 'peer.timeout', after: [ABORT] });
});

test('a peer that never answers the echo is aborted in time', async () => {
  const result = await echoAgainst(async (peer) => {
    peer.send(associateAc());
    await messageId(peer);
  });
  assert.equal(result, { code: 'peer.timeout', after: [ABORT] });
});

test('a peer that hangs up, aborts or talks nonsense is told apart', async () => {
  const hangsUp = await echoAgainst(async (peer) => peer.end());
  assert.is(hangsUp.code, 'peer.aborted');
  const abort = await echoAgainst(async (peer) => {
    peer.send(associateAc());
    await messageId(peer);
    peer.send({ type: 'abort', source: 2, reason: 0 });
  });
  assert.is(abort.code, 'peer.aborted');
  const nonsense = await echoAgainst(async (peer) => peer.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')));
  assert.equal(nonsense, { code: 'protocol.pdu', after: [ABORT] });
  const dataFirst = await echoAgainst(async (peer) => peer.send(echoResponse(1)));
  assert.equal(dataFirst, { code: 'protocol.pdu', after: [ABORT] });
  const badLength = await echoAgainst(async (peer) => {
    peer.send(associateAc());
    await messageId(peer);
    peer.send(Buffer.from([4, 0, 0xff, 0xff, 0xff, 0xff]));
  });
  assert.equal(badLength, { code: 'protocol.pdu', after: [ABORT] });
});

test('a rejection tells its reason, a refused context its class', async () => {
  const rejected = echoAgainst(async (peer) => peer.send({ type: 'associate-rj', result: 1, source: 1, reason: 7 }));
  assert.is((await rejected).code, 'peer.rejected');
  const refused = await echoAgainst(async (peer) => {
    const answer = associateAc();
    peer.send({ ...answer, contexts: [{ id: 1, result: 3, transferSyntax: '' }] });
  });
  assert.equal(refused, { code: 'peer.context', after: [ABORT] });
});

test('an answer given twice counts once', async () => {
  const result = await echoAgainst(async (peer) => {
    peer.send(associateAc());
    const id = await messageId(peer);
    peer.send(echoResponse(id), echoResponse(id));
    assert.is((await peer.next()).type, 5);
    peer.send({ type: 'release-rp' });
  });
  assert.equal(result, { code: 'none', after: [] });
});

test('both sides may release at once', async () => {
  const result = await echoAgainst(async (peer) => {
    peer.send(associateAc());
    const id = await messageId(peer);
    peer.send(echoResponse(id));
    assert.is((await peer.next()).type, 5);
    peer.send({ type: 'release-rq' });
    assert.is((await peer.next()).type, 6);
    peer.send({ type: 'release-rp' });
  });
  assert.equal(result, { code: 'none', after: [] });
});

test('a cancelled call ends at once and tells the peer', async () => {
  const abort = new AbortController();
  const result = await echoAgainst(async () => abort.abort(), abort.signal);
  assert.equal(result, { code: 'timeout.aborted', after: [ABORT] });
});

test('message IDs wrap from 65535 to 1', async () => {
  await against(
    async (peer) => {
      await peer.next();
      peer.send(associateAc());
      peer.send(echoResponse(await messageId(peer)));
      await peer.next();
      peer.send({ type: 'release-rp' });
    },
    async (port) => {
      const proposal = { abstractSyntax: VERIFICATION, transferSyntaxes: ['1.2.840.10008.1.2'] };
      const association = await requestAssociation(scu(localNode(port), { timeouts }), [proposal]);
      const channel = new DimseChannel(association, { clock, log });
      for (let i = 1; i < 65535; i++) assert.is(channel.nextMessageId(), i);
      const context = association.contextFor(VERIFICATION)!;
      const response = await channel.request(context, { CommandField: 0x30 }, undefined, 1000);
      assert.is(response.command.MessageIDBeingRespondedTo, 65535);
      assert.is(channel.nextMessageId(), 1);
      await channel.release();
    },
  );
});

for (const limit of [0, 300, 16384]) {
  test(`a store obeys a maximum length of ${limit} and loses nothing`, async () => {
    const file = await makeObject(folder, { bytes: 700_001 });
    const got: Buffer[] = [];
    let longest = 0;
    const [result] = await against(
      async (peer) => {
        await peer.next();
        peer.send(associateAc(1, EXPLICIT, limit));
        for (let last = false; !last; ) {
          const { body } = await peer.next();
          longest = Math.max(longest, body.length);
          if (body[5]! & 1) continue;
          got.push(Buffer.from(body.subarray(6)));
          last = (body[5]! & 2) === 2;
        }
        peer.send(commandPdu(1, { CommandField: 0x8001, MessageIDBeingRespondedTo: 1, Status: 0xb000 }));
        await peer.next();
        peer.send({ type: 'release-rp' });
      },
      (port) => storeFiles(scu(localNode(port), { timeouts: { ...timeouts, networkMs: 5000 } }), [file.path]),
    );
    assert.equal([result!.outcome, result!.status], ['warning', 'B000']);
    assert.ok(
      Buffer.concat(got).equals(readFileSync(file.path).subarray((await readFileMeta(file.path)).datasetOffset)),
    );
    assert.ok(longest <= (limit || 262144) && longest > (limit || 262144) - 400, `${longest}`);
  });
}

test('after a failure status nothing more is sent: the association is aborted', async () => {
  const files = [await makeObject(folder), await makeObject(folder)];
  let seen: (types: number[]) => void = () => {};
  const after = new Promise<number[]>((resolve) => (seen = resolve));
  const results = await against(
    async (peer) => {
      await peer.next();
      peer.send(associateAc(1, EXPLICIT));
      while (((await peer.next()).body[5]! & 3) !== 2);
      peer.send(commandPdu(1, { CommandField: 0x8001, MessageIDBeingRespondedTo: 1, Status: 0xa700 }));
      seen(await peer.typesToEnd());
    },
    async (port) => {
      const settled = await storeFiles(
        scu(localNode(port), { timeouts }),
        files.map(({ path }) => path),
      );
      assert.equal(await after, [ABORT]);
      return settled;
    },
  );
  assert.equal(
    results.map(({ outcome, status }) => [outcome, status]),
    [
      ['refused', 'A700'],
      ['unsent', undefined],
    ],
  );
});

test('a peer that stops reading in mid-store is given up', async () => {
  const file = await makeObject(folder, { bytes: 40_000_000 });
  const [result] = await against(
    async (peer) => {
      await peer.next();
      peer.send(associateAc(1, EXPLICIT));
      peer.socket.pause();
    },
    (port) => storeFiles(scu(localNode(port), { timeouts }), [file.path]),
  );
  assert.equal([result!.outcome, result!.error!.code], ['unsent', 'peer.timeout']);
});

test.run();
