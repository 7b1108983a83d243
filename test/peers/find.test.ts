import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { type Found, search } from '../../runtime/network/search.js';
import { startDcmqrscp } from '../helpers/dcmqrscp.js';
import { CT_IMAGE, EXPLICIT, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { eventually, type Peer, startOrthanc } from '../helpers/peers.js';
import { killLeftOvers, runPetrig, startServe, testFolder } from '../helpers/petrig.js';

enterPrivateNetwork();

const test = suite('query/retrieve SCU');
const folder = scratch();
test.after(killLeftOvers);

interface Study {
  uid: string;
  patientId: string;
  patientName: string;
  date: string;
  series: { uid: string; modality: string; instances: string[] }[];
}

const STUDIES: Study[] = [
  study('P1', 'MUELLER^ANNA', '20260110', ['CT', 'PT'], 3),
  study('P1', 'MUELLER^ANNA', '20260215', ['CT'], 2),
  study('P2', 'MULLER^BERND', '20260310', ['PT'], 1),
  study('P3', 'Größe^Zoë', '20260401', ['CT'], 1),
];

function study(patientId: string, patientName: string, date: string, modalities: string[], count: number): Study {
  const series = modalities.map((modality) => {
    return { uid: makeUid(), modality, instances: Array.from({ length: count }, () => makeUid()) };
  });
  return { uid: makeUid(), patientId, patientName, date, series };
}

async function writeStudies(into: string): Promise<string[]> {
  mkdirSync(into, { recursive: true });
  const paths: string[] = [];
  for (const { uid, patientId, patientName, date, series } of STUDIES) {
    for (const { uid: seriesUid, modality, instances } of series) {
      for (const [i, instance] of instances.entries()) {
        const ds = dataset({
          SpecificCharacterSet: 'ISO_IR 100',
          SOPClassUID: CT_IMAGE,
          SOPInstanceUID: instance,
          StudyInstanceUID: uid,
          SeriesInstanceUID: seriesUid,
          PatientID: patientId,
          PatientName: patientName,
          StudyDate: date,
          StudyTime: '101112',
          StudyID: 'S1',
          AccessionNumber: `A${date}`,
          Modality: modality,
          SeriesNumber: 1,
          InstanceNumber: i + 1,
        });
        const path = join(into, `${instance}.dcm`);
        await writePart10File(path, ds, EXPLICIT, {});
        paths.push(path);
      }
    }
  }
  return paths;
}

async function fill(peer: Peer): Promise<void> {
  const results = await storeFiles(scu(peer.node), await writeStudies(join(folder, 'made')));
  assert.ok(
    results.every(({ outcome }) => outcome === 'stored'),
    JSON.stringify(results[0]),
  );
}

const uidsOf = (found: Found[]): unknown[] => found.map(({ values }) => values.StudyInstanceUID).sort();

for (const [name, start] of [
  ['dcmqrscp', () => startDcmqrscp({ folder: join(folder, 'qr') })],
  ['Orthanc', () => startOrthanc({ folder: join(folder, 'orthanc') })],
] as const) {
  test(`${name}: the hierarchy of each model, * added to what was entered, ranges, counts`, async () => {
    const peer = await start();
    await fill(peer);
    const ask = (models: Parameters<typeof search>[0]['models'], inputs: Record<string, string>, more = {}) =>
      search({ ...scu(peer.node), models, inputs, ...more });

    const byName = await ask(['study'], { patientName: 'MU' });
    assert.equal(
      uidsOf(byName.found),
      STUDIES.slice(0, 3)
        .map(({ uid }) => uid)
        .sort(),
      'MU becomes MU*',
    );
    assert.is(byName.queries, 1);

    const ranged = await ask(['study'], { studyDate: '20260101-20260301' });
    assert.equal(
      uidsOf(ranged.found),
      STUDIES.slice(0, 2)
        .map(({ uid }) => uid)
        .sort(),
    );

    const latin = await ask(['study'], { patientName: 'Größe' });
    assert.equal(
      latin.found.map(({ values }) => values.PatientName),
      ['Größe^Zoë'],
      'and its character set',
    );

    const deep = await ask(['patient'], { patientId: 'P1' }, { depth: 'SERIES' });
    assert.is(deep.found.length, 1);
    assert.is(deep.found[0]!.level, 'PATIENT');
    const studies = deep.found[0]!.children;
    assert.equal(
      uidsOf(studies),
      STUDIES.slice(0, 2)
        .map(({ uid }) => uid)
        .sort(),
    );
    assert.is(deep.queries, 1 + 1 + 2, 'a query for the patients, one a patient, one a study');
    const series = studies.flatMap(({ children }) => children).map(({ values }) => values.Modality);
    assert.equal(series.sort(), ['CT', 'CT', 'PT']);

    const pet = await ask(['study'], { patientId: 'P', modality: 'PT' });
    assert.equal(
      uidsOf(pet.found),
      [STUDIES[0]!.uid, STUDIES[2]!.uid].sort(),
      'studies without a series of that modality are left out',
    );

    const mixed = await ask(['patient', 'study'], { patientName: 'MULLER' });
    assert.is(mixed.found[0]!.level, 'PATIENT', 'patient root for the patient level');
    assert.equal(uidsOf(mixed.found[0]!.children), [STUDIES[2]!.uid]);

    const images = await ask(['study'], { studyInstanceUid: STUDIES[1]!.uid }, { depth: 'IMAGE' });
    const instances = images.found[0]!.children[0]!.children.map(({ values }) => values.SOPInstanceUID);
    assert.equal(instances.sort(), [...STUDIES[1]!.series[0]!.instances].sort());

    const limited = await ask(['study'], { patientId: 'P' }, { limit: 2 });
    assert.is(limited.found.length, 2);
    assert.ok(limited.cut, 'and it says so');
    await peer.stop();
  });
}

test('petrig find and import against Orthanc: what it moves is in our archive, bit for bit counted', async () => {
  const at = testFolder('import');
  const peer = await startOrthanc({ folder: join(at, 'orthanc') });
  await fill(peer);
  const serve = await startServe(at, { nodes: [{ ...peer.node, name: 'Main PACS', services: ['query', 'retrieve'] }] });
  const ports = (serve.ready as { ports: { dicom: number } }).ports;
  await (peer as Awaited<ReturnType<typeof startOrthanc>>).put('/modalities/petrig', [
    'PETRIG',
    '127.0.0.1',
    ports.dicom,
  ]);
  const data = ['--data', join(at, 'data'), '--json'];

  const found = await runPetrig(['find', 'Main PACS', '--patient-id', 'P1', '--level', 'series', ...data]);
  assert.is(found.code, 0, found.stderr);
  const result = JSON.parse(found.stdout) as { found: Found[] };
  assert.is(result.found.length, 2);

  const brought = await runPetrig(['import', 'Main PACS', '--study', STUDIES[0]!.uid, ...data]);
  assert.is(brought.code, 0, brought.stderr);
  const report = JSON.parse(brought.stdout) as Record<string, unknown>;
  assert.is(report.outcome, 'success');
  assert.is(report.completed, 6);
  assert.is(report.held, 6);
  assert.is(report.arrived, 6);

  const one = STUDIES[1]!;
  const single = ['--study', one.uid, '--series', one.series[0]!.uid, '--instance', one.series[0]!.instances[0]!];
  const image = await runPetrig(['import', 'Main PACS', ...single, ...data]);
  assert.is(image.code, 0, image.stderr);
  assert.is((JSON.parse(image.stdout) as { held: number }).held, 1);

  const direct = await runPetrig(['find', `ORTHANC@127.0.0.1:${peer.node.port}`, '--patient-name', 'MULLER', '--json']);
  assert.is(direct.code, 0, direct.stderr);
  assert.is((JSON.parse(direct.stdout) as { found: Found[] }).found.length, 1);

  const unknown = await runPetrig(['import', 'Nobody', '--study', '1.2.3', ...data]);
  assert.is(unknown.code, 2, unknown.stderr);
  assert.match(unknown.stderr, /Nobody.*Main PACS/);
  await serve.stop();
  await peer.stop();
});

test('a node that does not know us refuses the move, and the command says why', async () => {
  const at = testFolder('stranger');
  const peer = await startDcmqrscp({ folder: join(at, 'qr') });
  await fill(peer);
  const serve = await startServe(at, { nodes: [{ ...peer.node, services: ['query', 'retrieve'] }] });
  const args = ['import', 'QR', '--study', STUDIES[0]!.uid, '--data', join(at, 'data'), '--json'];
  const run = await runPetrig(args);
  assert.is(run.code, 4, run.stderr);
  const report = JSON.parse(run.stdout) as { outcome: string; status: string; held: number };
  assert.is(report.outcome, 'failure');
  assert.is(report.status, 'A801');
  assert.is(report.held, 0);
  await serve.stop();
  await eventually(() => serve.exited);
  await peer.stop();
  const gone = await runPetrig(args);
  assert.ok((gone.code ?? 0) > 0, 'no server');
});

test('a node that is not there ends as one error', async () => {
  const nobody = { aeTitle: 'NOBODY', host: '127.0.0.1', port: 1 };
  try {
    await search({ ...scu(nobody), models: ['study'], inputs: {} });
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'peer.connect');
  }
});

test.run();
