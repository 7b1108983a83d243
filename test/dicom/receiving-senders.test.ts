/** Objects that were damaged on the way, and senders that do not do what they should. */

import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memoryBytes } from '../../runtime/dicom/codecs/bytes.js';
import { CodecPool } from '../../runtime/dicom/codecs/pool.js';
import { setElement, text } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { COMMAND_FIELD, type Command, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { hexStatus } from '../../runtime/dicom/dimse/status.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { inspect } from '../../runtime/network/receiving/findings.js';
import { receivingService } from '../../runtime/network/receiving/receiving.js';
import { CT_IMAGE, clock, EXPLICIT, log, scratch } from '../helpers/dicom.js';
import { ctObject, withPrivateItem } from '../helpers/incoming.js';
import { eventually } from '../helpers/peers.js';
import { associateRq, commandPdu, pdv, RawPeer } from '../helpers/raw-peer.js';
import { type Receiver, startReceiver } from '../helpers/receiver.js';

const test = suite('receiving from bad senders');
const folder = scratch();
const IMPLICIT = '1.2.840.10008.1.2';
const [DATA, ABORT, CLOSED] = [4, 7, 0];
let receiver: Receiver;

test.before(async () => {
  receiver = await startReceiver({
    timeouts: { networkMs: 400, artimMs: 400, closingMs: 200 },
    maxObjectBytes: 300_000,
  });
});
test.after(() => receiver.close());

async function open(): Promise<RawPeer> {
  const peer = await RawPeer.connect(receiver.node.port);
  peer.send(associateRq({ 1: CT_IMAGE }));
  assert.is((await peer.next()).type, 2);
  return peer;
}

function store(uid: string): Command {
  return {
    CommandField: COMMAND_FIELD['C-STORE'],
    MessageID: 1,
    AffectedSOPClassUID: CT_IMAGE,
    AffectedSOPInstanceUID: uid,
    Priority: 0,
  };
}

/** The status of the next response, and what the connection brings behind it. */
async function answer(peer: RawPeer): Promise<{ status: string; after: number[] }> {
  const { type, body } = await peer.next();
  assert.is(type, DATA);
  const status = hexStatus(decodeCommand(body.subarray(6)).Status!);
  return { status, after: await peer.typesToEnd() };
}

/** Nothing of what a sender left behind stays. */
async function clean(): Promise<void> {
  await eventually(() => readdirSync(receiver.incoming).length === 0 || undefined, 5000);
}

function object(bytes = 1000) {
  const ds = ctObject();
  setElement(ds, 'PixelData', 'OW', [Buffer.alloc(bytes, 5)]);
  return { uid: text(ds, 'SOPInstanceUID')!, bytes: encodeDataset(ds, IMPLICIT) };
}

test('a dataset shorter than its elements say is A900, then the association is aborted', async () => {
  const { uid, bytes } = object();
  const peer = await open();
  peer.send(commandPdu(1, store(uid), true), pdv(1, bytes.subarray(0, -300), { command: false }));
  assert.equal(await answer(peer), { status: 'A900', after: [ABORT] });
  await clean();
});

test('an empty dataset is A900', async () => {
  const peer = await open();
  peer.send(commandPdu(1, store(makeUid()), true), pdv(1, Buffer.alloc(0), { command: false }));
  assert.equal(await answer(peer), { status: 'A900', after: [ABORT] });
});

test('a dataset under another UID than its command is A900', async () => {
  const peer = await open();
  peer.send(commandPdu(1, store(makeUid()), true), pdv(1, object().bytes, { command: false }));
  assert.equal(await answer(peer), { status: 'A900', after: [ABORT] });
  assert.is(receiver.kept.size, 0);
});

const PDU_BYTES = 16_000;
for (const [name, size] of [
  ['by far', 400_000],
  ['by its last PDU', 303_000],
] as const) {
  test(`an object larger than what is taken is A700, ${name}`, async () => {
    const { uid, bytes } = object(size);
    const peer = await open();
    const pdus = [commandPdu(1, store(uid), true)];
    for (let at = 0; at < bytes.length; at += PDU_BYTES) {
      const last = at + PDU_BYTES >= bytes.length;
      pdus.push(pdv(1, bytes.subarray(at, at + PDU_BYTES), { command: false, last }));
    }
    // at once, so that much of it is there before a thread takes over
    peer.send(...pdus);
    const { status, after } = await answer(peer);
    assert.is(status, 'A700');
    assert.is(after[0], ABORT);
    assert.is(receiver.kept.size, 0);
    await clean();
  });
}

for (const [name, end] of [
  ['aborts', (peer: RawPeer) => peer.send(Buffer.from([7, 0, 0, 0, 0, 4, 0, 0, 0, 0]))],
  ['closes the connection', (peer: RawPeer) => peer.end()],
  ['stays silent', () => {}],
] as const) {
  test(`a sender that ${name} in the middle of a PDU leaves nothing behind, small or large`, async () => {
    for (const size of [1000, 200_000]) {
      const { uid, bytes } = object(size);
      const peer = await open();
      peer.send(commandPdu(1, store(uid), true));
      for (let at = 0; at + 16_000 < bytes.length; at += 16_000) {
        peer.send(pdv(1, bytes.subarray(at, at + 16_000), { command: false, last: false }));
      }
      peer.send(pdv(1, bytes.subarray(-900), { command: false }).subarray(0, 500));
      end(peer);
      assert.not.ok((await peer.typesToEnd()).includes(DATA));
      await clean();
    }
    assert.is(receiver.kept.size, 0);
  });
}

test('a PDU whose length lies ends the association, and the next sender is served', async () => {
  const { uid, bytes } = object();
  const peer = await open();
  const lying = pdv(1, bytes, { command: false });
  lying.writeUInt32BE(lying.length - 6 + 900, 6); // the PDV claims more than its PDU holds
  peer.send(commandPdu(1, store(uid), true), lying);
  assert.equal(await peer.typesToEnd(), [ABORT]);
  await clean();
  const good = await open();
  good.send(commandPdu(1, store(uid), true), pdv(1, bytes, { command: false }));
  const { type, body } = await good.next();
  assert.is(type, DATA);
  assert.is(decodeCommand(body.subarray(6)).Status, 0);
  good.end();
  assert.is(receiver.kept.size, 1);
  assert.is((await good.next()).type, CLOSED);
});

test('127 contexts are accepted, every class of the table in every syntax of its list', async () => {
  const wanted = Object.entries(storageSyntaxes()).flatMap(([abstractSyntax, syntaxes]) =>
    syntaxes.map((syntax) => ({ abstractSyntax, transferSyntaxes: [syntax] })),
  );
  assert.ok(wanted.length > 128, String(wanted.length));
  for (let start = 0; start < wanted.length; start += 127) {
    const contexts = wanted.slice(start, start + 127).map((context, i) => ({ id: 2 * i + 1, ...context }));
    const peer = await RawPeer.connect(receiver.node.port);
    peer.send(associateRq({}, { contexts }));
    const { type, body } = await peer.next();
    assert.is(type, 2);
    const { accepted, total } = resultsOf(body);
    assert.equal({ accepted, total }, { accepted: contexts.length, total: contexts.length });
    peer.end();
  }
});

/** How many presentation contexts an A-ASSOCIATE-AC answers, and accepts: PS3.8 9.3.3.2. */
function resultsOf(body: Buffer): { accepted: number; total: number } {
  let [accepted, total] = [0, 0];
  for (let at = 68; at + 4 <= body.length; at += 4 + body.readUInt16BE(at + 2)) {
    if (body[at] !== 0x21) continue;
    total++;
    if (body[at + 6] === 0) accepted++;
  }
  return { accepted, total };
}

test('10,000 objects with damaged headers are taken, changed or refused, and nothing else happens', async () => {
  const codecs = new CodecPool({ clock, log });
  let kept: Buffer = Buffer.alloc(0);
  const service = receivingService({
    archive: {
      importFile: async () => assert.unreachable('these are small'),
      importBytes: async (part10) => void (kept = part10),
      saveState: async () => {},
    },
    folder,
    codecs,
    importFrom: () => 'statement',
    reserveBytes: 0,
    clock,
    log,
  });
  const good = [EXPLICIT, IMPLICIT].map((transferSyntax) => {
    const ds = withPrivateItem(ctObject());
    setElement(ds, 'PixelData', 'OW', [Buffer.alloc(100)]);
    return { transferSyntax, bytes: encodeDataset(ds, transferSyntax), uid: text(ds, 'SOPInstanceUID')! };
  });
  const damage = fc.record({
    which: fc.nat(1),
    cut: fc.nat(3000),
    flips: fc.array(fc.tuple(fc.nat(800), fc.nat(255)), { minLength: 1, maxLength: 4 }),
  });
  const outcomes: Record<string, number> = {};
  const property = fc.asyncProperty(damage, async ({ which, cut, flips }) => {
    const { transferSyntax, bytes, uid } = good[which]!;
    const broken = Buffer.from(cut > 0 && cut < 800 ? bytes.subarray(0, cut) : bytes);
    for (const [at, value] of flips) broken[at % broken.length] = value;
    let aborted = 0;
    const request = requestFor(broken, transferSyntax, uid, () => aborted++);
    const { status } = await (service.operations['C-STORE']!(request) as Promise<Reply>);
    await Promise.resolve();
    assert.is(aborted, status === 0 ? 0 : 1);
    if (status === 0) await readable(kept);
    outcomes[hexStatus(status)] = (outcomes[hexStatus(status)] ?? 0) + 1;
  });
  await fc.assert(property, { numRuns: 10_000, seed: 3 });
  await codecs.close();
  assert.equal(Object.keys(outcomes).sort(), ['0000', 'A900']);
  assert.ok(Math.min(...Object.values(outcomes)) > 1000, JSON.stringify(outcomes));
});

/** What was kept is whole: its structure holds to the last byte. */
async function readable(part10: Buffer): Promise<void> {
  const dataset = part10.subarray(144 + part10.readUInt32LE(140));
  const syntax = part10.includes(`${EXPLICIT}\0`) ? EXPLICIT : IMPLICIT;
  await inspect(memoryBytes(dataset), syntax);
}

/** A C-STORE request as the performer hands it on, without a network. */
function requestFor(bytes: Buffer, transferSyntax: string, uid: string, abort: () => void): DimseRequest {
  const request = {
    command: { AffectedSOPClassUID: CT_IMAGE, AffectedSOPInstanceUID: uid },
    context: { abstractSyntax: CT_IMAGE, transferSyntax, weAreScp: true },
    association: { info: { callingAe: 'X', calledAe: 'Y' }, over: false, abort },
    data: (async function* () {
      yield bytes;
    })(),
    replied: Promise.resolve(),
  };
  return request as unknown as DimseRequest;
}

test.run();
