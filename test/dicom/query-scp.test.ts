import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { type Dataset, dataset, text } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import type { Response } from '../../runtime/dicom/dimse/channel.js';
import { COMMAND_FIELD, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { hexStatus } from '../../runtime/dicom/dimse/status.js';
import { queryService } from '../../runtime/dicom/services/query-scp.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { needContext, withChannel } from '../../runtime/dicom/services/session.js';
import { findIn, type Index } from '../../runtime/network/query/finding.js';
import { clock, localNode, log, scu } from '../helpers/dicom.js';
import { eventually } from '../helpers/peers.js';
import { MemoryIndex, tree } from '../helpers/query-index.js';
import { associateRq, commandPdu, pdv, RawPeer } from '../helpers/raw-peer.js';

const test = suite('query SCP');
const STUDY_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const STUDIES = dataset({ QueryRetrieveLevel: 'STUDY', PatientName: null, StudyInstanceUID: null });
const REQUEST = { CommandField: COMMAND_FIELD['C-FIND'], AffectedSOPClassUID: STUDY_FIND, Priority: 0 };

async function serve(index: Index, use: (port: number) => Promise<void>): Promise<void> {
  const service = queryService({ retrieveAeTitle: 'PETRIG', find: findIn(index), log: log as Log });
  const server = new DicomServer({ port: 0, clock, log, services: [service] });
  try {
    await use(await server.listen());
  } finally {
    await server.close();
  }
}

function manyPatients(count: number) {
  const patients = Array.from({ length: count }, (_, i) => ({ id: `P${i}`, name: `Name^No${i}` }));
  return new MemoryIndex(tree({ patients, studies: 1, series: 1, instances: 1 }));
}

/** All the responses to one C-FIND after another on one association; `stopAfter` cancels. */
async function ask(
  port: number,
  queries: readonly (Dataset | undefined)[],
  options: { stopAfter?: number; transferSyntax?: string; sopClass?: string } = {},
): Promise<Response[][]> {
  const { stopAfter = Number.POSITIVE_INFINITY, transferSyntax = IMPLICIT, sopClass = STUDY_FIND } = options;
  const proposals = [{ abstractSyntax: STUDY_FIND, transferSyntaxes: [transferSyntax] }];
  return withChannel(scu(localNode(port)), proposals, async (channel) => {
    const context = needContext(channel, STUDY_FIND);
    const all: Response[][] = [];
    for (const query of queries) {
      const responses: Response[] = [];
      all.push(responses);
      for await (const response of channel.exchange(
        context,
        { ...REQUEST, AffectedSOPClassUID: sopClass },
        query,
        10_000,
      )) {
        responses.push(response);
        if (responses.length >= stopAfter) break;
      }
    }
    return all;
  });
}

const statuses = (responses: readonly Response[]) => responses.map(({ status }) => hexStatus(status));

test('queries one after another on one association each have their answers', async () => {
  await serve(manyPatients(3), async (port) => {
    const one = dataset({ QueryRetrieveLevel: 'STUDY', PatientName: 'name^no1' });
    const [first, second, third] = await ask(port, [STUDIES, one, STUDIES]);
    assert.equal(statuses(first!), ['FF00', 'FF00', 'FF00', '0000']);
    assert.equal(statuses(second!), ['FF00', '0000']);
    assert.is(text(second![0]!.dataset!, 'PatientName'), 'Name^No1');
    assert.is(third!.length, 4);
  });
});

test('a context in big endian alone is spoken', async () => {
  await serve(manyPatients(1), async (port) => {
    const [responses] = await ask(port, [STUDIES], { transferSyntax: BIG_ENDIAN });
    assert.equal(statuses(responses!), ['FF00', '0000']);
    assert.is(text(responses![0]!.dataset!, 'PatientName'), 'Name^No0');
  });
});

test('leaving early cancels: the index is not asked much further, and the association serves on', async () => {
  const index = manyPatients(2000);
  index.pace = () => new Promise((resolve) => setImmediate(resolve));
  await serve(index, async (port) => {
    await ask(port, [STUDIES, STUDIES], { stopAfter: 3 });
    assert.ok(index.taken < 2000, `${index.taken} rows`);
  });
});

test('a cancel is heard while the index works, and answered FE00 before it is done', async () => {
  const index = manyPatients(3);
  const aborted: boolean[] = [];
  const stuck: Index = {
    async *query(query, signal) {
      yield* index.query({ ...query, accept: ({ values }) => values.PatientID?.[0] === 'P0' }, signal);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted.push(signal.aborted);
    },
  };
  await serve(stuck, async (port) => {
    const peer = await open(port);
    peer.send(
      commandPdu(1, { ...REQUEST, MessageID: 7 }, true),
      pdv(1, encodeDataset(STUDIES, IMPLICIT), { command: false }),
    );
    assert.is((await nextCommand(peer)).Status, 0xff00);
    for (let i = 0; i < 200; i++)
      peer.send(commandPdu(1, { CommandField: 0x0fff, MessageIDBeingRespondedTo: 100 + i }));
    for (let i = 0; i < 200; i++) peer.send(commandPdu(1, { CommandField: 0x0fff, MessageIDBeingRespondedTo: 7 }));
    assert.is((await nextCommand(peer)).Status, 0xfe00);
    peer.send(
      commandPdu(1, { ...REQUEST, MessageID: 8 }, true),
      pdv(1, encodeDataset(STUDIES, IMPLICIT), { command: false }),
    );
    assert.is((await nextCommand(peer)).Status, 0xff00);
    peer.end();
    await eventually(() => (aborted.length === 2 ? true : undefined), 5000);
  });
});

test('a client that reads nothing holds the index back; one that aborts ends its search', async () => {
  const long = ['x'.repeat(4000)]; // 80 MB in all: more than the sockets' buffers hold
  const { instances } = manyPatients(20_000);
  const index = new MemoryIndex(instances.map(({ values }) => ({ values: { ...values, PatientComments: long } })));
  const comments = encodeDataset({ ...STUDIES, ...dataset({ PatientComments: null }) }, IMPLICIT);
  await serve(index, async (port) => {
    const slow = await open(port);
    slow.socket.pause();
    slow.send(commandPdu(1, { ...REQUEST, MessageID: 1 }, true), pdv(1, comments, { command: false }));
    const settled = await eventually(async () => {
      const before = index.taken;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return before > 0 && index.taken === before ? before : undefined;
    }, 20_000);
    assert.ok(settled < 20_000, `${settled} rows taken while nobody reads`);
    const [quick] = await ask(port, [dataset({ QueryRetrieveLevel: 'STUDY', PatientID: 'P5' })]);
    assert.equal(statuses(quick!), ['FF00', '0000']);
    const held = index.taken;
    slow.send({ type: 'abort', source: 0, reason: 0 });
    slow.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(index.taken - held < 5, `${index.taken - held} rows after the abort`);
  });
});

test('what cannot be answered says why: A700, C001, A900', async () => {
  const failing = (error: ScannerError): Index => ({
    async *query() {
      await Promise.reject(error);
      yield { values: {}, characterSet: '' };
    },
  });
  const full = new ScannerError('limit.resource', { what: 'queries', max: 1 });
  await serve(failing(full), async (port) => assert.equal(statuses((await ask(port, [STUDIES]))[0]!), ['A700']));
  const broken = new ScannerError('data.disk', { path: 'index', message: 'it is gone' });
  await serve(failing(broken), async (port) => {
    const [responses] = await ask(port, [STUDIES]);
    assert.equal(statuses(responses!), ['C001']);
    assert.match(responses![0]!.command.ErrorComment!, /it is gone/);
  });
  await serve(manyPatients(1), async (port) => {
    assert.equal(statuses((await ask(port, [undefined]))[0]!), ['A900']);
    assert.equal(statuses((await ask(port, [STUDIES], { sopClass: '1.2.840.10008.5.1.4.1.2.1.1' }))[0]!), ['A900']);
    const [late] = await ask(port, [dataset({ QueryRetrieveLevel: 'SERIES' })]);
    assert.equal(late![0]!.command.OffendingElement, ['0020000D']);
  });
});

test('identifiers of random bytes are answered, each, and the association lives', async () => {
  let seed = 12345;
  const random = (below: number) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
  const good = encodeDataset({ ...STUDIES, ...dataset({ StudyDate: '20260101-', PatientID: 'P*' }) }, IMPLICIT);
  await serve(manyPatients(2), async (port) => {
    const peer = await open(port);
    const seen = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const bytes = Buffer.from(good);
      for (let k = random(6); k >= 0; k--) bytes[random(bytes.length)] = random(256);
      const cut = bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length);
      peer.send(commandPdu(1, { ...REQUEST, MessageID: i + 1 }, true), pdv(1, cut, { command: false }));
      for (;;) {
        const { Status: status = -1, MessageIDBeingRespondedTo: to } = await nextCommand(peer);
        assert.is(to, i + 1);
        seen.add(hexStatus(status));
        if (status >> 8 !== 0xff) break;
      }
    }
    for (const status of ['0000', 'A900', 'C001']) assert.ok(seen.has(status), [...seen].join());
    assert.equal(
      [...seen].filter((status) => !['FF00', 'FF01', '0000', 'A900', 'C001'].includes(status)),
      [],
    );
    peer.end();
  });
});

async function open(port: number): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  peer.send(associateRq({ 1: STUDY_FIND }));
  assert.is((await peer.next()).type, 2);
  return peer;
}

/** The next command set; the datasets of answers are passed over. */
async function nextCommand(peer: RawPeer) {
  for (;;) {
    const { type, body } = await peer.next();
    assert.is(type, 4, `PDU ${type} instead of data`);
    if ((body[5]! & 1) === 1) return decodeCommand(body.subarray(6, 4 + body.readUInt32BE(0)));
  }
}

test.run();
