import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset, texts } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import type { DimseChannel, Response } from '../../runtime/dicom/dimse/channel.js';
import { COMMAND_FIELD, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import type { DimseRequest, Reply, RequestHandler } from '../../runtime/dicom/dimse/performer.js';
import type { RetrieveInstance } from '../../runtime/dicom/services/retrieve-scp.js';
import { needContext, withChannel } from '../../runtime/dicom/services/session.js';
import { CT_IMAGE, EXPLICIT, localNode, scratch, scu } from '../helpers/dicom.js';
import { eventually } from '../helpers/peers.js';
import { datasetBytes, type QuerySite, seriesOf, startQuerySite, summary, uidOf } from '../helpers/query-site.js';
import { associateRq, commandPdu, pdv, RawPeer } from '../helpers/raw-peer.js';

const test = suite('C-GET SCP');
const STUDY_GET = '1.2.840.10008.5.1.4.1.2.2.3';
const IMPLICIT = '1.2.840.10008.1.2';
const STUDY = dataset({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '2.25.1.1' });
const SERIES = seriesOf(25, { patient: 1, study: 1, series: 1 });
let site: QuerySite;

test.before(async () => {
  site = await startQuerySite(scratch(), SERIES);
});

test.after(() => site.close());

interface Asked {
  role?: { scu: boolean; scp: boolean };
  transferSyntax?: string;
  port?: number;
}

/** C-GET by a requestor of our own, which answers sub-operations by `store`. */
function get(store: RequestHandler, asked: Asked = {}): Promise<Response[]> {
  const { role = { scu: false, scp: true }, transferSyntax = EXPLICIT, port = site.port } = asked;
  const proposals = [
    { abstractSyntax: STUDY_GET, transferSyntaxes: UNCOMPRESSED },
    { abstractSyntax: CT_IMAGE, transferSyntaxes: [transferSyntax], role },
  ];
  const use = async (channel: DimseChannel) => {
    const responses: Response[] = [];
    const command = { CommandField: COMMAND_FIELD['C-GET'], AffectedSOPClassUID: STUDY_GET, Priority: 0 };
    for await (const response of channel.exchange(needContext(channel, STUDY_GET), command, STUDY, 20_000)) {
      responses.push(response);
    }
    return responses;
  };
  return withChannel(scu(localNode(port)), proposals, use, store);
}

const stored: RequestHandler = async ({ data }) => {
  await data?.drain();
  return { status: 0 };
};

test('pending responses count down every ten sub-operations', async () => {
  const responses = await get(stored);
  assert.equal(summary(responses), ['0000', undefined, 25, 0, 0]);
  const pending = responses.slice(0, -1).map(({ command }) => command.NumberOfRemainingSuboperations);
  assert.ok(pending.includes(15) && pending.includes(5), pending.join());
});

test('what the requestor refuses or warns of is counted, named, and does not stop the rest', async () => {
  const answers: Record<string, number> = {
    [uidOf(SERIES[3]!)]: 0xa700,
    [uidOf(SERIES[7]!)]: 0xb007,
    [uidOf(SERIES[9]!)]: 0xc000,
  };
  const responses = await get(async ({ command, data }) => {
    await data?.drain();
    return { status: answers[command.AffectedSOPInstanceUID!] ?? 0 };
  });
  assert.equal(summary(responses), ['B000', undefined, 22, 2, 1]);
  const failed = texts(responses.at(-1)!.dataset!, 'FailedSOPInstanceUIDList');
  assert.equal(failed, [uidOf(SERIES[3]!), uidOf(SERIES[9]!)]);
});

test('a requestor that takes no role, or the wrong one, gets nothing but the count', async () => {
  for (const role of [
    { scu: true, scp: false },
    { scu: false, scp: false },
  ]) {
    const responses = await get(stored, { role });
    assert.equal(summary(responses), ['A702', undefined, 0, 25, 0]);
    assert.is(texts(responses.at(-1)!.dataset!, 'FailedSOPInstanceUIDList').length, 25);
  }
});

test('in its own syntax an object has the bytes of the archive; where only implicit VR is taken, the same values', async () => {
  const received = new Map<string, Buffer>();
  const keep: RequestHandler = async ({ command, data }) => {
    received.set(command.AffectedSOPInstanceUID!, await data!.collect());
    return { status: 0 };
  };
  await get(keep);
  for (const { sopInstanceUid, file } of await site.archive.instances()) {
    assert.ok(received.get(sopInstanceUid)!.equals(await datasetBytes(file)), sopInstanceUid);
  }
  const explicit = received.get(uidOf(SERIES[0]!))!;
  assert.equal(summary(await get(keep, { transferSyntax: IMPLICIT })), ['0000', undefined, 25, 0, 0]);
  const implicit = received.get(uidOf(SERIES[0]!))!;
  assert.not.ok(implicit.equals(explicit));
  assert.ok(implicit.subarray(-2000).equals(explicit.subarray(-2000)));
});

test('a cancel between sub-operations leaves the rest, counted as remaining', async () => {
  let seen = 0;
  let last: unknown[] = [];
  const proposals = [
    { abstractSyntax: STUDY_GET, transferSyntaxes: UNCOMPRESSED },
    { abstractSyntax: CT_IMAGE, transferSyntaxes: [EXPLICIT], role: { scu: false, scp: true } },
  ];
  let cancel = async () => {};
  const store: RequestHandler = async ({ data }) => {
    await data?.drain();
    if (++seen === 4) await cancel();
    return { status: 0 };
  };
  const use = async (channel: DimseChannel) => {
    const context = needContext(channel, STUDY_GET);
    const command = { CommandField: COMMAND_FIELD['C-GET'], AffectedSOPClassUID: STUDY_GET, Priority: 0 };
    // the exchange below is the first on this channel: its message ID is 1
    cancel = () => channel.send(context, { CommandField: 0x0fff, MessageIDBeingRespondedTo: 1 });
    for await (const response of channel.exchange(context, command, STUDY, 20_000)) last = summary([response]);
  };
  await withChannel(scu(localNode(site.port)), proposals, use, store);
  assert.is(last[0], 'FE00');
  const [, remaining, completed, failed, warning] = last as number[];
  assert.is(remaining! + completed!, 25);
  assert.ok(completed! >= 4 && completed! <= 6, `${completed} completed`);
  assert.equal([failed, warning], [0, 0]);
});

test('a second retrieval amid the first is refused; the first goes on', async () => {
  let refused: number | undefined;
  const peer = await RawPeer.connect(site.port);
  peer.send({
    ...associateRq({ 1: STUDY_GET, 3: CT_IMAGE }),
    user: { ...associateRq({}).user, roles: [{ sopClassUid: CT_IMAGE, scu: false, scp: true }] },
  });
  assert.is((await peer.next()).type, 2);
  const request = { CommandField: COMMAND_FIELD['C-GET'], AffectedSOPClassUID: STUDY_GET, Priority: 0 };
  const ask = (id: number) =>
    peer.send(
      commandPdu(1, { ...request, MessageID: id }, true),
      pdv(1, encodeDataset(STUDY, IMPLICIT), { command: false }),
    );
  ask(1);
  let final: number | undefined;
  for (let asked = false; final === undefined; ) {
    const { type, body } = await peer.next();
    assert.is(type, 4);
    if ((body[5]! & 1) === 0) continue;
    const command = decodeCommand(body.subarray(6, 4 + body.readUInt32BE(0)));
    if (command.CommandField === COMMAND_FIELD['C-STORE']) {
      if (!asked) ask(2);
      asked = true;
      const { MessageID: id } = command;
      const answer = { CommandField: 0x8001, MessageIDBeingRespondedTo: id, Status: 0, AffectedSOPClassUID: CT_IMAGE };
      peer.send(commandPdu(3, answer));
    } else if (command.MessageIDBeingRespondedTo === 2) refused = command.Status;
    else if (command.Status !== 0xff00) final = command.Status;
  }
  assert.is(refused, 0xa700);
  assert.is(final, 0);
  peer.end();
});

test('a requestor that aborts in the middle leaves nothing behind, and others are served', async () => {
  let seen = 0;
  const aborting = get(async ({ association, data }: DimseRequest): Promise<Reply> => {
    await data?.drain();
    if (++seen === 3) association.abort('enough');
    return { status: 0 };
  });
  await aborting.then(
    () => assert.unreachable('the association was aborted'),
    () => undefined,
  );
  assert.equal(summary(await get(stored)), ['0000', undefined, 25, 0, 0]);
  await eventually(() => (site.server.associations === 0 ? true : undefined), 5000);
});

test('thousands of instances go with flat memory; more than the counters hold are refused before any is sent', async () => {
  const files = (await site.archive.instances()).map(({ file }) => file);
  const many = (count: number) =>
    async function* instances(): AsyncGenerator<RetrieveInstance> {
      for (let i = 0; i < count; i++) yield { sopInstanceUid: `2.25.9.${i}`, path: files[i % files.length]! };
    };
  const folder = scratch();
  const thousands = await startQuerySite(folder, [], { instances: many(4000) });
  let received = 0;
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const count: RequestHandler = async ({ data }) => {
    await data?.drain();
    if (++received % 500 === 0) peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    return { status: 0 };
  };
  assert.equal(summary(await get(count, { port: thousands.port })), ['0000', undefined, 4000, 0, 0]);
  assert.is(received, 4000);
  assert.ok(peak < 64 * 1024 * 1024, `${peak} bytes of buffers`);
  await thousands.close();
  const tooMany = await startQuerySite(scratch(), [], { instances: many(65_536) });
  assert.is(summary(await get(stored, { port: tooMany.port }))[0], 'A701');
  await tooMany.close();
});

test.run();
