import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { CommitmentScu } from '../../runtime/dicom/services/commitment-scu.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { type Hospital, startHospital } from '../../sim/hospital/hospital.js';
import { CSA_NON_IMAGE, CT_IMAGE, clock, localNode, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { eventually, freePort, type Orthanc, startOrthanc } from '../helpers/peers.js';

enterPrivateNetwork();

const test = suite('Orthanc');
const folder = scratch();
const commitment = new CommitmentScu({ clock, log });
let hospital: Hospital;
let modality: DicomServer;
let orthanc: Orthanc;

test.before(async () => {
  modality = new DicomServer({ port: 0, clock, log, services: [commitment.service()] });
  const us = localNode(await modality.listen(), 'PETRIG');
  const pacsPort = await freePort();
  orthanc = await startOrthanc({ folder, modalities: { petrig: us, pacs: localNode(pacsPort, 'PACS') } });
  hospital = await startHospital({
    worklist: [],
    dataDir: join(folder, 'h'),
    risPort: 0,
    pacsPort,
    callbacks: [orthanc.node],
    clock,
    log,
  });
});

test.after(async () => {
  await orthanc.stop();
  await hospital.close();
  await modality.close();
});

test('Orthanc stores what we send and commits to it on an association of its own', async () => {
  const files = [await makeObject(folder), await makeObject(folder, { sopClassUid: CSA_NON_IMAGE })];
  const results = await storeFiles(
    scu(orthanc.node),
    files.map(({ path }) => path),
  );
  assert.equal(
    results.map(({ outcome }) => outcome),
    ['stored', 'stored'],
  );
  const good = await commitment.request({ ...scu(orthanc.node), instances: files, timeouts: { commitMs: 20_000 } });
  assert.is(good.committed.length, 2);
  assert.equal(good.failed, []);
  const unknown = { sopClassUid: CT_IMAGE, sopInstanceUid: makeUid() };
  const instances = [files[0]!, unknown];
  const mixed = await commitment.request({ ...scu(orthanc.node), instances, timeouts: { commitMs: 20_000 } });
  assert.is(mixed.committed.length, 1);
  assert.equal(mixed.failed, [{ ...unknown, reason: '0112' }]);
});

test('Orthanc sends to the simulated PACS and gets its commitment from it', async () => {
  const file = await makeObject(folder);
  await storeFiles(scu(orthanc.node), [file.path]);
  const wanted = { Level: 'Instance', Query: { SOPInstanceUID: file.sopInstanceUid } };
  const [id] = (await orthanc.post('/tools/find', wanted)) as [string];
  const before = hospital.instances.size;
  await orthanc.post('/modalities/pacs/store', { Resources: [id], Synchronous: true });
  assert.is(hospital.instances.size, before + 1);
  const asked = (await orthanc.post('/modalities/pacs/storage-commitment', { Resources: [id], Timeout: 5 })) as {
    ID: string;
  };
  const report = await eventually(async () => {
    const answer = (await orthanc.get(`/storage-commitment/${asked.ID}`)) as { Status: string; Success: unknown[] };
    return answer.Status === 'Pending' ? undefined : answer;
  }, 20_000);
  assert.is(report.Status, 'Success');
  assert.is(report.Success.length, 1);
});

test.run();
