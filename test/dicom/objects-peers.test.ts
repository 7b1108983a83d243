import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { type Dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { find } from '../../runtime/dicom/services/find-scu.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { examFromWorklist } from '../../runtime/exam/register.js';
import { CommitmentDesk, type CommittingNode } from '../../runtime/network/commitment-desk.js';
import { MppsWorker } from '../../runtime/network/mpps-worker.js';
import { mppsService } from '../../runtime/network/scu.js';
import { type Destination, sendTasks } from '../../runtime/network/sending.js';
import { csaInstances, protocolPart } from '../../runtime/objects/csa.js';
import { ctInstances } from '../../runtime/objects/ct.js';
import { petInstances } from '../../runtime/objects/pet.js';
import { itemFromDataset, type WorklistItem } from '../../runtime/worklist/item.js';
import { broadQuery, patientQuery } from '../../runtime/worklist/query.js';
import { startHospital } from '../../sim/hospital/hospital.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { clock, localNode, log, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { eventually, startOrthanc, startWorklist } from '../helpers/peers.js';
import { acquisitionOf, CT, PET, START, specimenContext, TOPOGRAM, volumeOf } from '../helpers/specimens.js';

enterPrivateNetwork();

const test = suite('objects between real peers');
const folder = scratch();

async function worklistOf(node: Node, query: Dataset): Promise<WorklistItem[]> {
  const found: WorklistItem[] = [];
  const options = { ...scu(node), sopClass: UIDS.modalityWorklist, query };
  for await (const answer of find(options)) found.push(itemFromDataset(answer));
  return found.sort((a, b) => a.accessionNumber.localeCompare(b.accessionNumber));
}

test('wlmscpfs answers the broad and the patient query with all that an exam needs', async () => {
  const entries = demoEntries('20261123', 'PETRIG').map((entry) => ({ SpecificCharacterSet: 'ISO_IR 100', ...entry }));
  const peer = await startWorklist({ folder: join(folder, 'wlm'), entries });
  const [first, second] = await worklistOf(
    peer.node,
    broadQuery({ stationAeTitle: 'PETRIG', startDate: '20261101-20261130' }),
  );
  assert.equal([first?.patientName, first?.stepId, first?.requestedProcedureId], ['Phantom^Nema', 'SPS1', 'RP1']);
  assert.is(second?.patientName, 'Größe^Zoë');
  const exam = examFromWorklist(first!, { protocol: 'wholebody-fdg' }, { now: START });
  assert.equal([exam.studyId, exam.ppsId, exam.patient.weightKg], ['RP1', 'SPS1', 70]);
  const code = items(first!.attributes as Dataset, 'RequestedProcedureCodeSequence')[0];
  assert.is(code && text(code, 'CodeValue'), 'PETCT-WB', 'a zero-length sequence key returns its items');
  assert.equal(await worklistOf(peer.node, broadQuery({ stationAeTitle: 'OTHER' })), []);
  const byName = await worklistOf(peer.node, patientQuery({ patientName: 'Größe^Zoë' }));
  assert.equal(
    byName.map((item) => item.patientId),
    ['PHANTOM-2'],
  );
  await peer.stop();
});

test('one exam: worklist, MPPS, objects to the PACS and to Orthanc, commitment of both', async () => {
  const archive = await SqliteArchive.open({ root: join(folder, 'data'), clock, log });
  const nodes: (CommittingNode & Destination)[] = [];
  const commitment = new CommitmentDesk({ archive, nodes, callingAe: 'PETRIG', clock, log });
  const server = new DicomServer({ port: 0, clock, log, services: [commitment.service()] });
  const us = localNode(await server.listen(), 'PETRIG');
  const worklist = demoEntries('20261123', 'PETRIG');
  const hospital = await startHospital({
    worklist,
    dataDir: folder,
    risPort: 0,
    pacsPort: 0,
    callbacks: [us],
    clock,
    log,
  });
  const orthanc = await startOrthanc({ folder: join(folder, 'orthanc'), modalities: { petrig: us } });
  const station = { aeTitle: 'PETRIG', stationName: 'STATION1' };
  const mpps = new MppsWorker({ archive, clock, log, station, service: mppsService(scu(hospital.ris)) });
  for (const node of [hospital.pacs, orthanc.node]) {
    const common = { ...node, name: node.aeTitle, automatic: true, send: 'all', archive: false } as const;
    nodes.push({ ...common, commitment: { association: 'separate', openMs: 20_000 } });
  }
  const reports = new Map<string, string[]>();
  commitment.onEnd(({ node, committed }) => reports.set(node, committed));
  const sends = sendTasks({
    archive,
    commitment,
    destinations: nodes,
    callingAe: 'PETRIG',
    clock,
    log,
    progress: () => {},
  });
  mpps.start();

  const [, item] = await worklistOf(hospital.ris, broadQuery());
  const injection = { radionuclide: 'F-18', radiopharmaceutical: 'FDG', activityBq: 3e8, time: START - 3_600_000 };
  const exam = examFromWorklist(item!, { protocol: 'wholebody-fdg', operator: 'Tech^A', injection }, { now: START });
  await archive.putFacts({ type: 'exam.started', exam });
  const context = specimenContext(exam);
  const ct = ctInstances(context, {
    range: CT,
    recon: CT.recons[0]!,
    acquisition: acquisitionOf(CT, START),
    volume: volumeOf([512, 512, 3], [0.98, 0.98, 3], 'HU', () => 0),
    acquisitionNumber: 2,
    seriesNumber: 2,
    description: 'CT WB 5.0 B31f',
  });
  const pet = petInstances(context, {
    range: PET,
    recon: PET.recons[0]!,
    acquisition: acquisitionOf(PET, START),
    frames: [{ volume: volumeOf([32, 32, 8], [4, 4, 2], 'BQML', (x) => Math.abs(x)), frame: 0 }],
    rangeNumber: 3,
    seriesNumber: 3,
    description: 'PET WB',
    ctSeriesInstanceUid: ct.summary.seriesInstanceUid,
  });
  const plan = { protocol: exam.protocol, title: 'WB', dosePhantom: 'BODY' as const, ranges: [TOPOGRAM, CT, PET] };
  const raw = csaInstances(context, { seriesNumber: 602, description: 'PET Raw Data' }, [
    protocolPart(plan, { acquisitionNumber: 2000, startedAt: START }),
  ]);
  const all = [ct, pet, raw];
  for (const { objects, summary } of all)
    await archive.store(objects, [{ type: 'series.complete', examId: exam.id, series: summary }]);
  const series = all.map(({ summary }) => summary);
  const dose = { exposures: [], totalDlp: 0 };
  await archive.putFacts({
    type: 'exam.ended',
    exam: { ...exam, endedAt: START + 900_000 },
    outcome: 'COMPLETED',
    reason: '',
    series,
    dose,
  });
  await mpps.settled();
  const uids = (await archive.instances()).map((record) => record.sopInstanceUid);
  const { signal } = new AbortController();
  for (const { aeTitle: node } of nodes) {
    const job = { sendId: node, node, instances: uids, attempt: 1 };
    const { acknowledged } = await sends.sendBatch({ ...job, acknowledged: () => {} }, signal);
    assert.is(acknowledged.length, uids.length, node);
    await sends.requestCommitment(job, signal);
    assert.is((await eventually(() => reports.get(node))).length, uids.length, `${node} committed`);
  }

  const step = hospital.mpps.get(exam.ppsInstanceUid)!;
  // one N-SET a reconstruction, CT and PET, and one at the end; the raw series comes with the last
  assert.equal([step.status, step.updates], ['COMPLETED', 3]);
  assert.equal(items(step.attributes, 'PerformedSeriesSequence').length, 3);
  assert.is(text(step.attributes, 'PatientName'), 'Größe^Zoë');
  const records = await archive.instances();
  assert.is(records.length, 12);
  for (const { sopInstanceUid, file, transferSyntaxUid } of records) {
    const sent = hospital.instances.get(sopInstanceUid)!;
    assert.is(sent.transferSyntax, transferSyntaxUid);
    assert.equal((await readHeader(sent.path)).dataset['00100010'], (await readHeader(file)).dataset['00100010']);
  }
  const flags = await archive.deliveries({});
  assert.is(flags.filter((flag) => flag.sent === 'sent' && flag.commitment === 'committed').length, 24);
  const stored = (await orthanc.get('/statistics')) as { CountInstances: number; CountPatients: number };
  assert.equal([stored.CountInstances, stored.CountPatients], [12, 1]);

  await mpps.stop();
  await commitment.close();
  await archive.close();
  await orthanc.stop();
  await hospital.close();
  await server.close();
});

test.run();
