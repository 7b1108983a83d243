/** Peers that misbehave where who asks and who answers have changed sides: sub-operations of C-GET and C-MOVE, and results of storage commitment. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import type { Response } from '../../runtime/dicom/dimse/channel.js';
import { COMMAND_FIELD, type Command, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { CommitmentScu } from '../../runtime/dicom/services/commitment-scu.js';
import { needContext, withChannel } from '../../runtime/dicom/services/session.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { pdvsOf } from '../../sim/hospital/pdu-splitter.js';
import { CT_IMAGE, clock, localNode, log, scratch, scu } from '../helpers/dicom.js';
import { MISBEHAVIOURS, type Misbehaviour, PATIENCE_MS, serveWith } from '../helpers/misbehaving-scp.js';
import { MISBEHAVING_SCUS, type Outcome, outcome, type Request, storedAnswer } from '../helpers/misbehaving-scu.js';
import { until } from '../helpers/observe.js';
import { type QuerySite, seriesOf, startQuerySite, summary } from '../helpers/query-site.js';
import { associateRq, commandPdu, pdv, RawPeer, rawServer } from '../helpers/raw-peer.js';

const test = suite('peers that misbehave in the other role');
const MODEL = '1.2.840.10008.5.1.4.1.2.2';
const [STUDY_MOVE, STUDY_GET] = [`${MODEL}.2`, `${MODEL}.3`];
const IMPLICIT = '1.2.840.10008.1.2';
const STUDY = dataset({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '2.25.1.1' });
const OBJECTS = 3;
const timeouts = { networkMs: 1000, idleMs: 2000, artimMs: 1000, closingMs: 300, storeMs: 1500, queryMs: 10_000 };
const results: string[] = [];
const commitment = new CommitmentScu({
  clock,
  log,
  onUnclaimed: async ({ transactionUid }) => results.push(transactionUid) > 0,
});
let site: QuerySite;

test.before(async () => {
  const series = seriesOf(OBJECTS, { patient: 1, study: 1, series: 1 });
  const settings = { timeouts, maxAssociations: 50, maxAssociationsPerPeer: 50, services: [commitment.service()] };
  site = await startQuerySite(scratch(), series, {}, settings);
});
test.after(() => site.close());

/** A peer that is SCP of a class. */
async function associated(classes: Record<number, string>, scpOf: string): Promise<RawPeer> {
  const peer = await RawPeer.connect(site.port);
  const { user } = associateRq({});
  peer.send(associateRq(classes, { user: { ...user, roles: [{ sopClassUid: scpOf, scu: false, scp: true }] } }));
  assert.is((await peer.next()).type, 2);
  return peer;
}

function resultOf(transactionUid: string): Request {
  const command = {
    CommandField: COMMAND_FIELD['N-EVENT-REPORT'],
    MessageID: 1,
    AffectedSOPClassUID: UIDS.storageCommitment,
    AffectedSOPInstanceUID: UIDS.storageCommitmentInstance,
    EventTypeID: 1,
  };
  const of = dataset({ ReferencedSOPClassUID: CT_IMAGE, ReferencedSOPInstanceUID: '2.25.1.1.1.1' });
  const bytes = encodeDataset(dataset({ TransactionUID: transactionUid, ReferencedSOPSequence: [of] }), IMPLICIT);
  return [commandPdu(1, command, true), pdv(1, bytes, { command: false })];
}

/** Asks for the study by C-GET and reads up to the end of the first object. @returns its request */
async function firstObject(peer: RawPeer): Promise<{ contextId: number; command: Command }> {
  const command = { CommandField: COMMAND_FIELD['C-GET'], MessageID: 1, AffectedSOPClassUID: STUDY_GET, Priority: 0 };
  peer.send(commandPdu(1, command, true), pdv(1, encodeDataset(STUDY, IMPLICIT), { command: false }));
  let storing: Command | undefined;
  for (;;) {
    const { type, body } = await peer.next();
    assert.is(type, 4);
    for (const part of pdvsOf(Buffer.concat([Buffer.alloc(6), body])) ?? []) {
      if (part.command) storing = decodeCommand(part.data);
      else if (part.last && storing) return { contextId: part.contextId, command: storing };
    }
  }
}

const ended = (peer: RawPeer, ends: Outcome | undefined) => (ends === undefined ? 'gone' : outcome(peer));

test('a node that misbehaves as it tells a result is not heard; good ones are meanwhile', async () => {
  const tell = async ({ act, ends }: (typeof MISBEHAVING_SCUS)[number], i: number) => {
    const peer = await associated({ 1: UIDS.storageCommitment }, UIDS.storageCommitment);
    await act(peer, resultOf(`2.25.7.${i}`));
    const end = await ended(peer, ends);
    if (ends !== undefined) peer.end();
    return end;
  };
  const bad = Promise.all(MISBEHAVING_SCUS.map(tell));
  const good = { name: 'good', act: (peer: RawPeer, parts: Request) => peer.send(...parts), ends: 'success' };
  assert.is(await tell(good, 99), 'success');
  assert.equal(
    await bad,
    MISBEHAVING_SCUS.map(({ ends = 'gone' }) => ends),
  );
  await until(() => site.server.associations === 0);
  const whole = MISBEHAVING_SCUS.flatMap((way, i) => (way.whole ? [`2.25.7.${i}`] : []));
  assert.ok(results.includes('2.25.7.99'));
  assert.ok(
    results.every((uid) => uid === '2.25.7.99' || whole.includes(uid)),
    results.join(' '),
  );
});

test('a requestor of C-GET that misbehaves as it answers a sub-operation ends its own association, and no other', async () => {
  const answer = async ({ act, ends }: (typeof MISBEHAVING_SCUS)[number]) => {
    const peer = await associated({ 1: STUDY_GET, 3: CT_IMAGE }, CT_IMAGE);
    const { contextId, command } = await firstObject(peer);
    await act(peer, [storedAnswer(contextId, command, 0)]);
    const end = await ended(peer, ends);
    if (ends !== undefined) peer.end();
    return end;
  };
  const bad = Promise.all(MISBEHAVING_SCUS.map(answer));
  const good = { name: 'good', act: (peer: RawPeer, parts: Request) => peer.send(...parts), ends: 'success' };
  assert.is(await answer(good), 'success');
  assert.equal(
    await bad,
    MISBEHAVING_SCUS.map(({ ends = 'gone' }) => ends),
  );
  await until(() => site.server.associations === 0);
});

/** C-MOVE to a destination that misbehaves. */
async function moveTo(wrong: Misbehaviour): Promise<unknown[]> {
  const server = await rawServer((peer) => serveWith(peer, wrong));
  const title = `DEST${server.port}`;
  const waits = { associateMs: PATIENCE_MS, storeMs: PATIENCE_MS, networkMs: PATIENCE_MS, releaseMs: PATIENCE_MS };
  site.destinations.set(title, {
    ...{ node: localNode(server.port, title), callingAe: 'PETRIG', clock, log },
    timeouts: waits,
  });
  const proposals = [{ abstractSyntax: STUDY_MOVE, transferSyntaxes: UNCOMPRESSED }];
  const command = {
    ...{ CommandField: COMMAND_FIELD['C-MOVE'], AffectedSOPClassUID: STUDY_MOVE, Priority: 0 },
    MoveDestination: title,
  };
  const responses: Response[] = [];
  await withChannel(scu(localNode(site.port)), proposals, async (channel) => {
    for await (const one of channel.exchange(needContext(channel, STUDY_MOVE), command, STUDY, 20_000)) {
      responses.push(one);
    }
  });
  server.close();
  return summary(responses);
}

test('a destination of C-MOVE that misbehaves is told to the requestor in the counters', async () => {
  const summaries = await Promise.all(MISBEHAVIOURS.map(moveTo));
  for (const [i, { name, ends }] of MISBEHAVIOURS.entries()) {
    const [status, , completed, failed, warning] = summaries[i] as [string, number, number, number, number];
    const expected = ends === 'none' ? ['0000', OBJECTS, 0] : ['A702', 0, OBJECTS];
    assert.equal([status, completed, failed], expected, name);
    assert.is(warning, 0);
  }
});

test.run();
