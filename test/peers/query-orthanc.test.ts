import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { localNode, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { freePort, type Orthanc, type Peer, runTool, startOrthanc, startStorescp } from '../helpers/peers.js';
import { killLeftOvers, type PetrigProcess, startServe, testFolder } from '../helpers/petrig.js';
import { datasetBytes, findScu, retrieveScu, seriesOf, uidOf, writeObject } from '../helpers/query-site.js';

enterPrivateNetwork();

const test = suite('query and retrieve of petrig serve');
const folder = testFolder('query');
const LOSSLESS = '1.2.840.10008.1.2.4.70';
const PIXELS = {
  SamplesPerPixel: 1,
  PhotometricInterpretation: 'MONOCHROME2',
  Rows: 64,
  Columns: 64,
  BitsAllocated: 16,
  BitsStored: 12,
  HighBit: 11,
  PixelRepresentation: 0,
};
const PLACES = [
  ...seriesOf(4, { patient: 1, study: 1, series: 1 }),
  ...seriesOf(2, { patient: 1, study: 2, series: 1 }),
  ...seriesOf(3, { patient: 2, study: 1, series: 1, bytes: 200_001 }),
  ...seriesOf(2, { patient: 3, study: 1, series: 1, bytes: 64 * 64 * 2, attributes: PIXELS }),
];
let petrig: PetrigProcess;
let orthanc: Orthanc;
let squeezed: Peer;
let port = 0;

test.before(async () => {
  port = await freePort();
  orthanc = await startOrthanc({ folder: join(folder, 'orthanc'), modalities: { petrig: localNode(port, 'PETRIG') } });
  squeezed = await startStorescp({ folder: join(folder, 'squeezed'), aeTitle: 'SQUEEZED', args: ['+B'] });
  petrig = await startServe(folder, {
    dicom: { port, acceptUnknownPeers: true },
    nodes: [
      { ...orthanc.node, services: ['storage', 'query', 'retrieve'], send: { automatic: false } },
      { ...squeezed.node, services: ['storage'], send: { automatic: false }, compressionTypes: 2 },
      { aeTitle: 'VIEWER', host: '127.0.0.1', port: 1, services: ['query', 'retrieve'] },
      { aeTitle: 'ASKER', host: '127.0.0.1', port: 1, services: ['query'] },
      { aeTitle: 'SENDER', host: '127.0.0.1', port: 1, services: ['storage'], send: { automatic: false } },
    ],
  });
  const paths = await Promise.all(PLACES.map((place) => writeObject(folder, place)));
  const results = await storeFiles(scu(localNode(port, 'PETRIG'), { callingAe: 'SENDER' }), paths);
  assert.ok(results.every(({ outcome }) => outcome === 'stored'));
});

test.after(async () => {
  await orthanc?.stop();
  await squeezed?.stop();
  await petrig?.stop();
  await killLeftOvers();
});

interface Made {
  ID: string;
}

/** What a C-FIND of Orthanc's brings: the answers' values by keyword. */
async function ask(
  Level: string,
  Query: Record<string, string>,
): Promise<{ id: string; answers: Record<string, string>[] }> {
  const { ID: id } = (await orthanc.post('/modalities/petrig/query', { Level, Query, Normalize: false })) as Made;
  const indices = (await orthanc.get(`/queries/${id}/answers`)) as string[];
  const answers = indices.map(async (index) => {
    return (await orthanc.get(`/queries/${id}/answers/${index}/content?simplify`)) as Record<string, string>;
  });
  return { id, answers: await Promise.all(answers) };
}

/** Datasets of the Part 10 files in Orthanc's store. */
async function kept(): Promise<Buffer[]> {
  const files = readdirSync(join(folder, 'orthanc', 'store'), { recursive: true, withFileTypes: true });
  const found: Buffer[] = [];
  for (const file of files.filter((entry) => entry.isFile())) {
    const bytes = await datasetBytes(join(file.parentPath, file.name)).catch(() => undefined);
    if (bytes) found.push(bytes);
  }
  return found;
}

test('Orthanc searches at every level', async () => {
  const studies = await ask('Study', { PatientID: 'P1', StudyInstanceUID: '', ModalitiesInStudy: '' });
  assert.equal(studies.answers.map(({ StudyInstanceUID }) => StudyInstanceUID).sort(), ['2.25.1.1', '2.25.1.2']);
  assert.is(studies.answers[0]!.ModalitiesInStudy, 'CT');
  const patients = await ask('Patient', { PatientName: 'mül*', PatientID: '' });
  assert.equal(patients.answers.map(({ PatientID }) => PatientID).sort(), ['P1', 'P2', 'P3']);
  const series = await ask('Series', {
    PatientID: 'P2',
    StudyInstanceUID: '2.25.2.1',
    NumberOfSeriesRelatedInstances: '',
  });
  assert.is(series.answers[0]!.NumberOfSeriesRelatedInstances, '3');
  const path = { PatientID: 'P1', StudyInstanceUID: '2.25.1.1', SeriesInstanceUID: '2.25.1.1.1' };
  const images = await ask('Instance', { ...path, SOPInstanceUID: '', InstanceNumber: '' });
  assert.equal(images.answers.map(({ InstanceNumber }) => InstanceNumber?.trim()).sort(), ['1', '2', '3', '4']);
});

test('Orthanc retrieves what it found by C-MOVE, byte for byte', async () => {
  const { id } = await ask('Study', { PatientID: 'P2', StudyInstanceUID: '' });
  await orthanc.post(`/queries/${id}/answers/0/retrieve`, { TargetAet: 'ORTHANC', Synchronous: true });
  const got = await kept();
  for (const place of PLACES.filter(({ patient }) => patient === 2)) {
    const sent = await datasetBytes(join(folder, `${uidOf(place)}.part10`));
    assert.ok(
      got.some((bytes) => bytes.equals(sent)),
      uidOf(place),
    );
  }
});

test('what storescu brought, getscu takes away with the same bytes; a node gets the services that it has', async () => {
  const out = join(folder, 'got');
  mkdirSync(out);
  const study = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1.1'];
  const viewer = ['-S', '-aet', 'VIEWER', '+B', '-od', out];
  const { counters, statuses } = await retrieveScu('getscu', port, study, viewer);
  assert.is(statuses.at(-1), '0000');
  assert.is(counters.completed, 4);
  for (const name of readdirSync(out)) {
    const sent = await datasetBytes(join(folder, `${name}.part10`));
    assert.ok((await datasetBytes(join(out, name))).equals(sent), name);
  }
  const [path] = [join(folder, `${uidOf(PLACES[0]!)}.part10`)];
  const [refused] = await storeFiles(scu(localNode(port, 'PETRIG'), { callingAe: 'ASKER' }), [path]);
  assert.is(refused!.outcome, 'no-context');
  const denied = await findScu(port, '-S', study, ['-aet', 'SENDER']);
  assert.equal(denied.statuses, []);
  const unknown = await retrieveScu('movescu', port, study, ['-S', '-aem', 'VIEWER']);
  assert.equal(unknown.statuses, ['a801']);
});

test('a destination that supports lossless compression gets it, with the pixels that were', async () => {
  const study = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.3.1'];
  const { statuses, counters } = await retrieveScu('movescu', port, study, ['-S', '-aem', 'SQUEEZED']);
  assert.is(statuses.at(-1), '0000');
  assert.is(counters.completed, 2);
  for (const name of readdirSync(join(folder, 'squeezed'))) {
    const file = join(folder, 'squeezed', name);
    assert.is((await readFileMeta(file)).transferSyntax, LOSSLESS);
    const plain = join(folder, `${name}.plain`);
    assert.is((await runTool('dcmdjpeg', [file, plain])).code, 0);
    const instance = Number(name.split('.').at(-1));
    assert.ok((await datasetBytes(plain)).subarray(-64 * 64 * 2).equals(Buffer.alloc(64 * 64 * 2, instance)), name);
  }
});

test.run();
