/** The send machine with its real tasks, over associations with a node that fails as told. */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { machineClock } from '../../machines/clock.js';
import { type MachineRecord, restore } from '../../machines/persist.js';
import { type Kept, run } from '../../machines/running.js';
import type { sendMachine } from '../../machines/send.js';
import type { SendContext, SendOutput } from '../../machines/send.types.js';
import { provideSend, type Tasks } from '../../machines/tasks.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { CommitmentDesk, type CommitmentEnd, type CommittingNode } from '../../runtime/network/commitment-desk.js';
import { type Destination, sendTasks } from '../../runtime/network/sending.js';
import { petInstances } from '../../runtime/objects/pet.js';
import { startHospital } from '../../sim/hospital/hospital.js';
import { clock, localNode, log, scratch } from '../helpers/dicom.js';
import { eventually } from '../helpers/peers.js';
import { acquisitionOf, PET, START, specimenContext, volumeOf } from '../helpers/specimens.js';

const test = suite('sending');
const SLICES = 6;

/** What the node does with the object that arrives: takes it, refuses it with a status, or cuts the connection. */
type Behaviour = (uid: string, arrived: number) => number | 'cut' | undefined;

/** A storage SCP that counts what it took. */
async function startNode(behaviour: Behaviour = () => undefined) {
  const folder = scratch();
  const taken: string[] = [];
  let arrived = 0;
  const storage = storageService({
    syntaxes: storageSyntaxes(),
    pathFor: ({ sopInstanceUid }) => join(folder, `${sopInstanceUid}.${arrived++}.dcm`),
    onStored: async ({ sopInstanceUid }) => {
      const does = behaviour(sopInstanceUid, arrived);
      if (does === 'cut') await server.close();
      else if (does !== undefined) return { status: does };
      taken.push(sopInstanceUid);
      return undefined;
    },
  });
  const server = new DicomServer({ port: 0, clock, log, services: [storage] });
  return { taken, node: localNode(await server.listen(), 'NODE'), close: () => server.close() };
}

interface Desk {
  archive: SqliteArchive;
  uids: string[];
  records: MachineRecord[];
  send(port: number, more?: { commitment?: boolean; record?: MachineRecord }): Kept<typeof sendMachine>;
}

/** An archive with one PET series, and the machine that sends it. */
async function openDesk(root = scratch()): Promise<Desk> {
  const archive = await SqliteArchive.open({ root, clock, log });
  if ((await archive.instances()).length === 0) {
    const volume = volumeOf([8, 8, SLICES], [4, 4, 2], 'BQML', () => 1);
    const acquisition = acquisitionOf(PET, START);
    const input = { range: PET, recon: PET.recons[0]!, acquisition, frames: [{ volume, frame: 0 }], rangeNumber: 1 };
    await archive.store(petInstances(specimenContext(), { ...input, seriesNumber: 1, description: 'PET' }).objects);
  }
  const uids = (await archive.instances()).map((instance) => instance.sopInstanceUid);
  const records: MachineRecord[] = [];
  const surroundings = {
    clock: machineClock(clock.wall),
    log,
    save: async (record: MachineRecord) => void records.push(record),
    tell: () => {},
    changed: () => {},
  };
  const send: Desk['send'] = (port, { commitment = false, record } = {}) => {
    const destination = destinationAt(localNode(port, 'NODE'), commitment);
    const asked = destination.commitment ? [{ ...destination, commitment: destination.commitment }] : [];
    const commitmentDesk = new CommitmentDesk({ archive, nodes: asked, callingAe: 'PETRIG', clock, log });
    commitmentDesk.onEnd(({ committed, failed }) => {
      const failedUids = failed.map(({ sopInstanceUid }) => sopInstanceUid);
      kept?.actor.send({ type: 'COMMITMENT_REPORTED', committed, failed: failedUids });
    });
    let kept: Kept<typeof sendMachine> | undefined;
    const tasks = sendTasks({
      archive,
      commitment: commitmentDesk,
      destinations: [destination],
      callingAe: 'PETRIG',
      clock,
      log,
      progress: () => {},
    });
    const patience = { firstPauseMs: 20, longestPauseMs: 50, attemptLimit: 5, commitmentLimitMs: 5000 };
    const recovered = record && restore<SendContext>(record, 'send');
    const input = { sendId: 's1', node: 'NODE', instances: uids, commitment, ...patience, recovered };
    kept = run(provideSend(tasks as Tasks), input, { machine: 'send', id: 's1' }, surroundings);
    kept.actor.send({ type: 'START' });
    if (recovered)
      void eventually(() => (kept?.actor.getSnapshot().value === 'queued' ? true : undefined)).then(() =>
        kept?.actor.send({ type: 'START' }),
      );
    return kept;
  };
  return { archive, uids, records, send };
}

function destinationAt(node: Node, commitment: boolean): Destination {
  const common = { ...node, name: node.aeTitle, automatic: true, send: 'all', archive: false } as const;
  return commitment ? { ...common, commitment: { association: 'separate', openMs: 10_000 } } : common;
}

const outcome = ({ outcome: end, acknowledged, refused }: SendOutput) => [end, acknowledged.length, refused.length];

test('all objects go over and the answers are durable flags', async () => {
  const { node, taken, close } = await startNode();
  const { archive, uids, send } = await openDesk();
  assert.equal(outcome(await send(node.port).done), ['done', SLICES, 0]);
  assert.equal([...taken].sort(), [...uids].sort());
  const flags = await archive.deliveries({ node: 'NODE' });
  assert.is(flags.filter((flag) => flag.sent === 'sent').length, SLICES);
  await close();
  await archive.close();
});

test('a refused object is named with its status and the others still go', async () => {
  const { archive, uids, send } = await openDesk();
  const { node, taken, close } = await startNode((uid) => (uid === uids[2] ? 0xa700 : undefined));
  const output = await send(node.port).done;
  assert.equal(outcome(output), ['failed', SLICES - 1, 1]);
  assert.equal(output.refused, [{ uid: uids[2], status: 0xa700 }]);
  assert.is(taken.length, SLICES - 1);
  assert.is((await archive.deliveries({ node: 'NODE', sopInstanceUids: [uids[2]!] }))[0]?.sent, 'failed');
  await close();
  await archive.close();
});

test('a connection that breaks costs no acknowledged object, and a node that comes back gets the rest', async () => {
  const { archive, uids, send } = await openDesk();
  const first = await startNode((_uid, arrived) => (arrived === 4 ? 'cut' : undefined));
  const sending = send(first.node.port);
  await eventually(async () => ((await archive.deliveries({ node: 'NODE' })).length >= 3 ? true : undefined));
  await eventually(() => (sending.actor.getSnapshot().value === 'backingOff' ? true : undefined));
  const acknowledged = sending.actor.getSnapshot().context.acknowledged;
  assert.is(acknowledged.length, 3);
  sending.stop();
  const second = await startNode();
  const record: MachineRecord = {
    schema: 1,
    machine: 'send',
    id: 's1',
    value: 'backingOff',
    context: sending.actor.getSnapshot().context,
  };
  assert.equal(outcome(await send(second.node.port, { record }).done), ['done', SLICES, 0]);
  assert.equal([...second.taken].sort(), uids.filter((uid) => !acknowledged.includes(uid)).sort());
  await second.close();
  await archive.close();
});

test('a process that dies in mid-send sends nothing twice: the archive knows more than the record', async () => {
  const root = scratch();
  const before = await openDesk(root);
  const first = await startNode((_uid, arrived) => (arrived === 3 ? 'cut' : undefined));
  const sending = before.send(first.node.port);
  await eventually(async () => ((await before.archive.deliveries({ node: 'NODE' })).length >= 2 ? true : undefined));
  sending.stop();
  await before.archive.close();
  const oldest = before.records.find((record) => record.value === 'sending')!;
  assert.equal((oldest.context as SendContext).acknowledged, [], 'a record that lags behind');
  const after = await openDesk(root);
  const second = await startNode();
  assert.equal(outcome(await after.send(second.node.port, { record: oldest }).done), ['done', SLICES, 0]);
  assert.is(second.taken.length, SLICES - 2);
  await second.close();
  await after.archive.close();
});

test('a node that is not there is tried again and then given up with the reason', async () => {
  const { archive, send } = await openDesk();
  const { node, close } = await startNode();
  await close();
  const output = await send(node.port).done;
  assert.equal(outcome(output), ['failed', 0, 0]);
  assert.is(output.error?.code, 'peer.connect');
  await archive.close();
});

test('commitment of the simulated PACS is reported and kept; one that never answers ends as not committed', async () => {
  const { archive, uids, send } = await openDesk();
  const nodes: CommittingNode[] = [];
  const commitment = new CommitmentDesk({ archive, nodes, callingAe: 'PETRIG', clock, log });
  const us = new DicomServer({ port: 0, clock, log, services: [commitment.service()] });
  const callbacks = [localNode(await us.listen(), 'PETRIG')];
  const dataDir = scratch();
  const hospital = await startHospital({ worklist: [], dataDir, risPort: 0, pacsPort: 0, callbacks, clock, log });
  const pacs = destinationAt(hospital.pacs, true);
  nodes.push({ ...pacs, commitment: pacs.commitment! });
  const tasks = sendTasks({
    archive,
    commitment,
    destinations: [pacs],
    callingAe: 'PETRIG',
    clock,
    log,
    progress: () => {},
  });
  const reports: CommitmentEnd[] = [];
  commitment.onEnd((end) => reports.push(end));
  const signal = new AbortController().signal;
  await tasks.sendBatch({ sendId: 's', node: 'PACS', instances: uids, attempt: 1, acknowledged: () => {} }, signal);
  await tasks.requestCommitment({ sendId: 's', node: 'PACS', instances: uids, attempt: 1 }, signal);
  const report = await eventually(() => reports[0]);
  assert.is(report.committed.length, SLICES);
  const flags = await archive.deliveries({ node: 'PACS' });
  assert.ok(flags.every((flag) => flag.commitment === 'committed'));
  await hospital.close();

  const { node, taken, close } = await startNode();
  const output = await send(node.port, { commitment: true }).done;
  assert.is(output.acknowledged.length, SLICES);
  assert.is(output.uncommitted.length, SLICES, 'a node without storage commitment');
  assert.is(taken.length, SLICES, 'what is not committed is not sent again by itself');
  await close();
  await us.close();
  await commitment.close();
  await archive.close();
});

test.run();
