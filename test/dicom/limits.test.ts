import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command } from '../../runtime/dicom/dimse/command.js';
import { decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { NodeAccess } from '../../runtime/dicom/services/access.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { DicomServer, type DicomServerOptions, verificationService } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { requestAssociation, timeoutsOf } from '../../runtime/dicom/upper-layer/request.js';
import { DEFAULT_TIMEOUTS, responseTime } from '../../runtime/dicom/upper-layer/settings.js';
import { CT_IMAGE, clock, EXPLICIT, localNode, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { until } from '../helpers/observe.js';
import { associateRq, commandPdu, ECHO, pdv, RawPeer, VERIFICATION } from '../helpers/raw-peer.js';

const test = suite('limits of the network');
const folder = scratch();
const IMPLICIT = '1.2.840.10008.1.2';
const ABORT = 7;
const inbox = join(folder, 'in');
let gate: Promise<void> = Promise.resolve();

async function serve<T>(
  options: Partial<DicomServerOptions>,
  use: (port: number, server: DicomServer) => Promise<T>,
): Promise<T> {
  const storage = storageService({
    syntaxes: { [CT_IMAGE]: [EXPLICIT, IMPLICIT] },
    pathFor: async ({ sopInstanceUid }) => {
      await gate;
      return join(inbox, `${sopInstanceUid}.dcm`);
    },
  });
  const query = {
    syntaxes: { [UIDS.modalityWorklist]: [IMPLICIT] },
    operations: {
      'C-FIND': async (request: { dataset(): Promise<unknown> }) => ({ status: (await request.dataset()) ? 0 : 1 }),
    },
  };
  const services = [verificationService(), storage, query];
  const timeouts = { artimMs: 5000, closingMs: 400, networkMs: 5000 };
  const server = new DicomServer({ port: 0, clock, log, services, timeouts, ...options });
  try {
    return await use(await server.listen(), server);
  } finally {
    await server.close();
  }
}

async function open(port: number, more: object = {}, contexts: Record<number, string> = { 1: VERIFICATION }) {
  const peer = await RawPeer.connect(port);
  peer.send(associateRq(contexts, more));
  const { type, body } = await peer.next();
  return { peer, rejection: type === 3 ? [...body.subarray(1)] : undefined };
}

async function nextStatus(peer: RawPeer): Promise<number | undefined> {
  const { type, body } = await peer.next();
  assert.is(type, 4);
  return decodeCommand(body.subarray(6)).Status;
}

const store = (uid: string): Command => ({
  CommandField: 1,
  MessageID: 1,
  Priority: 0,
  AffectedSOPClassUID: CT_IMAGE,
  AffectedSOPInstanceUID: uid,
});

test('a peer has its own share of the associations, by its node or by its address', async () => {
  const node = (aeTitle: string) => ({ name: aeTitle, aeTitle, from: [], services: [] });
  const access = new NodeAccess({ nodes: [node('ONE'), node('TWO')], acceptUnknown: true, clock });
  await serve({ access, maxAssociations: 5, maxAssociationsPerPeer: 2 }, async (port, server) => {
    const as = async (callingAe: string) => (await open(port, { callingAe })).rejection;
    assert.equal([await as('ONE'), await as('ONE'), await as('ONE')], [undefined, undefined, [2, 3, 2]]);
    assert.equal([await as('A'), await as('B'), await as('C')], [undefined, undefined, [2, 3, 2]]);
    assert.equal([await as('TWO'), await as('TWO')], [undefined, [2, 3, 2]], 'the sixth of all');
    assert.is(server.associations, 5);
  });
});

test('a crowd that connects and says nothing keeps nobody out', async () => {
  await serve({ maxAssociations: 2 }, async (port, server) => {
    const crowd = await Promise.all(Array.from({ length: 60 }, () => RawPeer.connect(port)));
    await until(() => server.idleConnections === 32);
    await echo(scu(localNode(port)));
    assert.ok(server.idleConnections <= 32);
    for (const peer of crowd) peer.end();
    await until(() => server.idleConnections === 0);
  });
});

test('an object that outgrows the limit is answered A700, then the association is aborted and nothing is kept', async () => {
  await serve({ maxObjectBytes: 100_000 }, async (port, server) => {
    const { peer } = await open(port, {}, { 1: CT_IMAGE });
    peer.send(commandPdu(1, store('2.25.1'), true));
    for (let i = 0; i < 12; i++) peer.send(pdv(1, Buffer.alloc(10_000), { command: false, last: false }));
    assert.is(await nextStatus(peer), 0xa700);
    assert.equal(await peer.typesToEnd(), [ABORT]);
    const [small, large] = [await makeObject(folder, { bytes: 50_000 }), await makeObject(folder, { bytes: 3e6 })];
    const results = await storeFiles(scu(localNode(port)), [small.path, large.path, small.path]);
    assert.is(results[0]?.outcome, 'stored');
    assert.ok(results.slice(1).every(({ outcome }) => outcome === 'refused' || outcome === 'unsent'));
    await until(() => server.associations === 0);
    assert.equal(readdirSync(inbox), [`${small.sopInstanceUid}.dcm`]);
    await until(() => server.bytesWaiting === 0); // with the socket at the latest
  });
});

test('what waits in memory has one bound for all associations, and all of them get on', async () => {
  let openGate = () => {};
  gate = new Promise((resolve) => (openGate = resolve));
  const [peers, max] = [8, 512 * 1024];
  await serve({ maxMemoryBytes: max }, async (port, server) => {
    const senders = await Promise.all(Array.from({ length: peers }, () => open(port, {}, { 1: CT_IMAGE })));
    for (const [i, { peer }] of senders.entries()) {
      peer.send(commandPdu(1, store(`2.25.10${i}`), true));
      for (let n = 0; n < 200; n++) peer.send(pdv(1, Buffer.alloc(16_000, 1), { command: false, last: n === 199 }));
    }
    await until(() => server.bytesWaiting >= max / 2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(server.bytesWaiting <= max + peers * 65536, `${server.bytesWaiting} bytes wait`);
    openGate();
    for (const { peer } of senders) assert.is(await nextStatus(peer), 0);
    assert.is(server.bytesWaiting, 0);
    for (const { peer } of senders) peer.end();
    await until(() => server.associations === 0);
  });
});

test('a dataset that would have to be gathered is refused when memory is used up, and its association lives on', async () => {
  await serve({ maxMemoryBytes: 100_000 }, async (port, server) => {
    const { peer } = await open(port, {}, { 1: UIDS.modalityWorklist, 3: VERIFICATION });
    const find: Command = { CommandField: 0x20, MessageID: 1, Priority: 0, AffectedSOPClassUID: UIDS.modalityWorklist };
    peer.send(commandPdu(1, find, true));
    for (let n = 0; n < 20; n++) peer.send(pdv(1, Buffer.alloc(16_000), { command: false, last: n === 19 }));
    assert.is(await nextStatus(peer), 0xa700);
    peer.send(commandPdu(3, ECHO(2)));
    assert.is(await nextStatus(peer), 0);
    assert.is(server.bytesWaiting, 0);
    peer.end();
  });
});

test('an association ends with its lifetime, however busy it is', async () => {
  await serve({ timeouts: { lifetimeMs: 400, closingMs: 400 } }, async (port) => {
    const { peer } = await open(port);
    const started = performance.now();
    let id = 0;
    for (;;) {
      peer.send(commandPdu(1, ECHO(++id)));
      if ((await peer.next()).type !== 4) break;
    }
    assert.ok(id > 3 && performance.now() - started >= 350, `${id} echoes`);
  });
});

test('a peer that does not close after our A-ABORT or rejection is cut off soon', async () => {
  await serve({ aeTitles: ['PEER'] }, async (port, server) => {
    const { peer } = await open(port);
    const started = performance.now();
    peer.send(Buffer.from([42, 0, 0, 0, 0, 4, 0, 0, 0, 0]));
    assert.equal(await peer.typesToEnd(), [ABORT]);
    assert.equal((await open(port, { calledAe: 'OTHER' })).rejection, [1, 1, 7]);
    await until(() => server.idleConnections === 0, 5000);
    assert.ok(performance.now() - started < 5000);
    assert.is(DEFAULT_TIMEOUTS.closingMs, 5000);
  });
});

test('both ends announce the PDU length that is set for them', async () => {
  await serve({ maxPduLength: 262144 }, async (port) => {
    const proposal = { abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] };
    const association = await requestAssociation(scu({ ...localNode(port), maxPduLength: 131072 }), [proposal]);
    assert.equal([association.sendLimit, association.options.maxPduLength], [262144, 131072]);
    await association.release();
  });
});

test('waiting times are those of the service, the node first', () => {
  const time = (sopClass: string, command: string) => responseTime(DEFAULT_TIMEOUTS, sopClass, command) / 1000;
  const filmBox = '1.2.840.10008.5.1.1.2';
  const expected: [string, string, number][] = [
    [CT_IMAGE, 'C-STORE', 600],
    [UIDS.storageCommitment, 'N-ACTION', 600],
    [UIDS.storageCommitment, 'N-EVENT-REPORT', 60],
    ['1.2.840.10008.5.1.4.1.2.2.1', 'C-FIND', 600],
    ['1.2.840.10008.5.1.4.1.2.1.2', 'C-MOVE', 600],
    ['1.2.840.10008.5.1.4.1.2.3.3', 'C-GET', 600],
    [UIDS.modalityWorklist, 'C-FIND', 20],
    [UIDS.modalityPerformedProcedureStep, 'N-SET', 60],
    [filmBox, 'N-SET', 240],
    [filmBox, 'N-CREATE', 60],
    [UIDS.verification, 'C-ECHO', 60],
  ];
  for (const [sopClass, command, seconds] of expected) assert.is(time(sopClass, command), seconds, command);
  const node = { ...localNode(1), timeouts: { storeMs: 5 } };
  const merged = timeoutsOf({ node, timeouts: { storeMs: 7, queryMs: 8 } });
  assert.equal([merged.storeMs, merged.queryMs, merged.actionMs], [5, 8, 600_000]);
});

test.run();
