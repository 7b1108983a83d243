/** A site of other makers' programs around `petrig serve`: wlmscpfs schedules, storescp and Orthanc receive. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { type Dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import type { StudyDetail } from '../../runtime/service/send-methods.js';
import { startHospital } from '../../sim/hospital/hospital.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { freePort, runTool, startOrthanc, startStorescp, startWorklist } from '../helpers/peers.js';
import { runPetrig, startServe, testFolder } from '../helpers/petrig.js';

enterPrivateNetwork();

const test = suite('examination among real peers');
const folder = testFolder('peers');
/** Of the examination, mGy cm. */
let dlp = 0;

test('worklist from wlmscpfs, objects to storescp and Orthanc, commitment by Orthanc, MPPS told', async () => {
  const dicomPort = await freePort();
  const us = { aeTitle: 'PETRIG', host: '127.0.0.1', port: dicomPort };
  const worklist = await startWorklist({ folder: join(folder, 'wl'), entries: demoEntries('20261123', 'PETRIG') });
  const storescp = await startStorescp({ folder: join(folder, 'storescp') });
  const orthanc = await startOrthanc({ folder: join(folder, 'orthanc'), modalities: { petrig: us } });
  const ris = await startHospital({
    worklist: [],
    dataDir: join(folder, 'ris'),
    risPort: 0,
    pacsPort: 0,
    clock: new ScaledClock(),
    log: silentLog,
  });
  const serve = await startServe(folder, {
    dicom: { port: dicomPort },
    institutionAddress: 'Street 1, Town',
    department: 'Nuclear Medicine',
    nodes: [
      { ...worklist.node, services: ['worklist'] },
      { ...ris.ris, services: ['mpps'] },
      { ...storescp.node, services: ['storage'] },
      { ...orthanc.node, services: ['storage', 'commitment'] },
    ],
  });
  const args = [
    'exam',
    'run',
    '--protocol',
    'wholebody-fdg',
    '--accession',
    'A1',
    '--bed-seconds',
    '2',
    '--span=-50:50',
    '--json',
  ];
  const run = await runPetrig([...args, '--data', join(folder, 'data')]);
  assert.is(run.code, 0, `${run.stderr}\n${serve.output()}`);
  const report = JSON.parse(run.stdout) as ExamReport;
  assert.is(report.outcome, 'COMPLETED');
  dlp = report.dose.totalDlp;

  const count = report.series.reduce((sum, series) => sum + series.count, 0);
  const [toStorescp, toOrthanc] = report.deliveries;
  assert.is(toStorescp?.sent, count);
  assert.is(toOrthanc?.sent, count);
  assert.is(toOrthanc?.committed, count);
  const received = readdirSync(join(folder, 'storescp'));
  assert.is(received.length, count);
  assert.is(((await orthanc.get('/instances')) as string[]).length, count);
  for (const [modality, least] of [
    ['CT', 20],
    ['PT', 100],
  ] as const) {
    assert.ok(
      report.series.some((series) => series.modality === modality && series.count >= least),
      `${modality} images`,
    );
  }

  const steps = [...ris.mpps.values()];
  assert.is(steps.length, 1);
  assert.is(steps[0]?.status, 'COMPLETED');
  assert.is(report.accession, 'A1');
  const header = await readHeader(join(folder, 'storescp', received[0]!));
  assert.is(text(header.dataset, 'AccessionNumber'), 'A1');
  assert.equal(
    [text(header.dataset, 'InstitutionAddress'), text(header.dataset, 'InstitutionalDepartmentName')],
    ['Street 1, Town', 'Nuclear Medicine'],
  );
  const study = await runPetrig([
    'studies',
    '--study',
    report.studyInstanceUid,
    '--json',
    '--data',
    join(folder, 'data'),
  ]);
  const { series } = JSON.parse(study.stdout) as StudyDetail;
  const raw = ['Listmode data', 'Protocol data', 'Raw Data: Spiral Image', 'Raw Data: Topogram'];
  const images = ['PET Image', 'Spiral Image', 'Topogram'];
  assert.equal(series.flatMap(({ imageType }) => imageType ?? []).sort(), [...raw, ...images].sort());
  await serve.stop();
  await ris.close();
  await Promise.all([worklist.stop(), storescp.stop(), orthanc.stop()]);
});

test('every kind of object passes dciodvfy, and other programs read them', async () => {
  const kinds = new Map<string, string>();
  for (const file of readdirSync(join(folder, 'storescp'))) {
    const path = join(folder, 'storescp', file);
    const { dataset } = await readHeader(path, { stopAtTag: '00200013' });
    kinds.set(`${text(dataset, 'Modality')} ${text(dataset, 'SOPClassUID')} ${text(dataset, 'ImageType')}`, path);
  }
  assert.ok(kinds.size >= 4, [...kinds.keys()].join('; '));
  for (const [kind, path] of kinds) {
    if (kind.includes('1.3.12.2.1107.5.9.1')) continue; // the validator does not know the private class
    const { output } = await runTool('dciodvfy', [path]);
    const errors = output
      .split('\n')
      .filter((line) => /^Error/.test(line) && !/Patient(Position| Orientation)/.test(line));
    assert.equal(errors, [], kind);
  }
});

test('dcentvfy finds the whole study consistent', async () => {
  const files = readdirSync(join(folder, 'storescp')).map((file) => join(folder, 'storescp', file));
  const { output } = await runTool('dcentvfy', files);
  assert.equal(
    output.split('\n').filter((line) => /error/i.test(line)),
    [],
  );
});

test('images, dose report and performed step tell of the same study, events and dose', async () => {
  const seen: Record<string, Set<string>> = {
    study: new Set(),
    studyTime: new Set(),
    imaged: new Set(),
    reported: new Set(),
  };
  const raw = new Set<string>();
  const sources = new Set<string>();
  let total = '';
  for (const file of readdirSync(join(folder, 'storescp'))) {
    const { dataset } = await readHeader(join(folder, 'storescp', file));
    seen.study!.add(text(dataset, 'StudyDescription')!);
    seen.studyTime!.add(`${text(dataset, 'StudyDate')} ${text(dataset, 'StudyTime')}`);
    const event = text(dataset, 'IrradiationEventUID');
    if (event) seen.imaged!.add(event);
    if (text(dataset, 'SOPClassUID') === '1.3.12.2.1107.5.9.1') raw.add(text(dataset, 'SOPInstanceUID')!);
    for (const source of items(dataset, 'SourceImageSequence')) sources.add(text(source, 'ReferencedSOPInstanceUID')!);
    if (text(dataset, 'Modality') !== 'SR') continue;
    const parts = (of: Dataset) => items(of, 'ContentSequence');
    const [accumulated] = parts(dataset).filter((item) => items(item, 'ContentTemplateSequence').length > 0);
    total = text(items(parts(accumulated!)[1]!, 'MeasuredValueSequence')[0]!, 'NumericValue')!;
    for (const item of parts(dataset).flatMap(parts)) if (text(item, 'UID')) seen.reported!.add(text(item, 'UID')!);
  }
  assert.equal([...seen.study!], ['WHOLEBODY^wholebody-fdg']);
  assert.is(seen.studyTime!.size, 1);
  assert.is(seen.imaged!.size, 2, 'topogram and CT');
  for (const event of seen.imaged!) assert.ok(seen.reported!.has(event), event);
  assert.ok(Math.abs(Number(total) - dlp) < 1e-9 * dlp, `${total} for ${dlp}`);
  // images name all raw data but the protocol
  assert.is(sources.size, raw.size - 1);
  for (const source of sources) assert.ok(raw.has(source), source);
});

test.run();
