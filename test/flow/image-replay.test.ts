/** Raw data of an ended examination reconstructed again, from their objects in the archive. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { openArchive } from '../../runtime/archive/open.js';
import { parseConfig } from '../../runtime/config.js';
import { EXAM_STATES, type ExamRecord } from '../../runtime/control/record.js';
import { Replays } from '../../runtime/control/replays.js';
import { numbers, text } from '../../runtime/dicom/dataset/dataset.js';
import { simulatedPatient } from '../../runtime/main.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import type { ReplayReport, SeriesTruth } from '../../runtime/service/recon-methods.js';
import { loadPhantom } from '../../sim/physics/phantom.js';
import { say } from '../helpers/imagefigures.js';
import { disc, readSlices, readVolume, type Slice } from '../helpers/imagefiles.js';
import { ctRange, type ImageSite, petRange, startImageSite } from '../helpers/imagesite.js';
import { clientOf, runPetrig } from '../helpers/petrig.js';

const test = suite('raw data reconstructed again');
const KNOWN = loadPhantom('uniform-cylinder').shapes[0]!.activityBqPerMl;
const CT = 'R1';
const PET = 'R2';

let site: ImageSite;
let report: ExamReport;
let data: string;

test.before(async () => {
  site = await startImageSite({ phantom: 'uniform-cylinder' });
  data = join(site.folder, 'data');
  const ct = ctRange({ fromZ: -112, toZ: 112 }, { fovMm: 300, incrementMm: 8, thicknessMm: 8 });
  report = await site.examine([ct, petRange(6, { iterations: 1 })]);
});
test.after(() => site.close());

async function command(...words: string[]) {
  const { code, stdout, stderr } = await runPetrig(['recon', ...words, '--data', data, '--json']);
  const json = stdout === '' ? undefined : JSON.parse(stdout);
  return { code, stderr, json };
}

function folderOf(seriesInstanceUid: string): string {
  return join(data, 'objects', report.studyInstanceUid, seriesInstanceUid);
}

/** Mean of 16 x 16 voxels in the middle of the slices near z 0. */
function meanInside(slices: readonly Slice[]): number {
  const values = slices
    .filter(({ z }) => Math.abs(z) < 60)
    .flatMap((slice) => [...slice.values].filter((_, i) => [i % 128, Math.floor(i / 128)].every(isMiddle)));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const isMiddle = (index: number) => index >= 56 && index < 72;

test('what can be reconstructed is listed; the files are gone, the objects are there', async () => {
  const { code, json } = await command('list');
  assert.is(code, 0);
  const rows = json.map(({ rangeId, kind, place }: Record<string, string>) => [rangeId, kind, place]);
  assert.equal(rows, [
    [CT, 'ct', 'archive'],
    [PET, 'pet', 'archive'],
  ]);
  assert.ok(json[1].prompts > 1e5, `${json[1].prompts} prompts`);
  assert.not.ok(existsSync(join(data, 'raw', report.examId)));
});

test('the same reconstruction again gives the same voxels', async () => {
  const { code, json } = await command('run', report.examId, '--range', PET);
  assert.is(code, 0);
  const [first, again] = [
    await readVolume(site.seriesFolder(report, 'PT', 'PET')),
    await readVolume(folderOf(json.seriesInstanceUid)),
  ];
  assert.is(json.description, 'PET (2)');
  assert.equal(again.size, first.size);
  assert.equal(again.data, first.data);
});

test('another method, matrix and frames: the series says so, and each frame reads the activity', async () => {
  const how = ['--method', 'OSEM3D', '--matrix', '128', '--subsets', '12', '--filter', 'Gauss:6', '--frames', '2,4'];
  const { code, json } = await command('run', report.examId, '--range', PET, '--label', 'two frames', ...how);
  assert.is(code, 0);
  const slices = await readSlices(folderOf(json.seriesInstanceUid));
  assert.is(slices.length, 218);
  const { dataset } = slices[0]!.header;
  assert.is(text(dataset, 'SeriesDescription'), 'two frames');
  assert.is(text(dataset, 'ReconstructionMethod'), 'OSEM3D 1i12s');
  assert.equal(numbers(dataset, 'NumberOfTimeSlices'), [2]);
  for (const ms of [2000, 4000]) {
    const frame = slices.filter(({ header }) => numbers(header.dataset, 'ActualFrameDuration')[0] === ms);
    assert.is(frame.length, 109, `${ms} ms`);
    const activity = meanInside(frame);
    say(`activity of ${ms} ms, Bq/ml`, { known: KNOWN, activity });
    assert.ok(Math.abs(activity / KNOWN - 1) < 0.1, `${activity} Bq/ml, known ${KNOWN}`);
  }
});

test('beside the phantom: the recovery of its parts, bias and noise of both series', async () => {
  const { code, json } = await command(
    'truth',
    report.examId,
    '--range',
    PET,
    '--series',
    'PET',
    '--series',
    'two frames',
  );
  assert.is(code, 0);
  assert.equal(
    json.map(({ series, frame }: SeriesTruth) => [series, frame]),
    [
      ['PET', 0],
      ['two frames', 0],
      ['two frames', 1],
    ],
  );
  for (const { series, frame, regions, bias, rmsError } of json as SeriesTruth[]) {
    const hot = regions.find(({ known }) => known > 0)!;
    say(`${series}, frame ${frame}`, { bias, rmsError, recovery: hot.recovery, noise: hot.coreNoise });
    assert.ok(hot.known < KNOWN && hot.known > 0.95 * KNOWN, `known ${hot.known} of ${KNOWN} Bq/ml`);
    assert.ok(Math.abs(bias!) < 0.05, `bias ${bias}`);
    assert.ok(hot.coreVoxels > 1000 && hot.coreVoxels < hot.voxels, `${hot.coreVoxels} of ${hot.voxels} voxels`);
    assert.ok(Math.abs(rmsError! ** 2 - bias! ** 2 - (hot.coreNoise! * (1 + bias!)) ** 2) < 1e-6);
  }
});

test('CT with other slices stands beside the first', async () => {
  const client = await clientOf(site.folder);
  const changes = { incrementMm: 20, thicknessMm: 4 };
  const json = await client.call<ReplayReport>('recon.run', { examId: report.examId, rangeId: CT, changes });
  client.close();
  const volume = await readVolume(folderOf(json.seriesInstanceUid));
  assert.is(volume.spacing[2], 20);
  const { mean } = disc(volume, [0, 0, 0], 60, 70);
  assert.ok(Math.abs(mean) < 5, `water reads ${mean} HU`);
});

const REFUSED: [string, object, RegExp][] = [
  ['a range that is not there', { rangeId: 'R9' }, /R9; known: R1, R2/],
  ['a method nobody has', { rangeId: PET, changes: { method: 'MLEM' } }, /method/],
  ['subsets that divide nothing', { rangeId: PET, changes: { subsets: 5 } }, /subsets/],
  ['a key that no reconstruction has', { rangeId: PET, changes: { beads: 5 } }, /beads/],
  ['a label that is taken', { rangeId: PET, label: 'PET' }, /another label/],
  ['frames longer than the bed', { rangeId: PET, frames: [60] }, /frames of 60 s in beds of 6 s/],
  ['frames of CT', { rangeId: CT, frames: [1] }, /only PET/],
];
test('what cannot be is refused with the reason', async () => {
  const client = await clientOf(site.folder);
  for (const [what, request, message] of REFUSED) {
    const error = await client.call('recon.run', { examId: report.examId, ...request }).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    assert.match(error?.message ?? 'done', message, what);
  }
  client.close();
  const { code, stderr } = await command('run', 'nobody', '--range', PET);
  assert.is(code, 2);
  assert.match(stderr, /no examination named nobody; known: /);
});

test('without a server the folder itself is read, and what was made is on record', async () => {
  await site.running.close();
  const { code, json } = await command('run', report.examId, '--range', PET, '--no-attenuation', '--label', 'NAC');
  assert.is(code, 0);
  const slices = await readSlices(folderOf(json.seriesInstanceUid));
  assert.is(text(slices[0]!.header.dataset, 'Units'), 'PROPCPS');
  const { json: listed } = await command('list');
  assert.equal(listed[1].series, ['PET', 'PET (2)', 'two frames', 'NAC']);
});

test('words that changed on the disk are not reconstructed', async () => {
  const archive = await openArchive({ root: data, clock: new ScaledClock().wall, log: silentLog });
  try {
    const [kept] = await archive.states<ExamRecord>(EXAM_STATES);
    const record = kept!.value;
    record.rawSets[PET]![0]!.checksum = '0'.repeat(64);
    const config = parseConfig({ data });
    const replays = new Replays({
      records: () => [record],
      archive,
      config,
      clock: new ScaledClock(),
      simulatedPatient,
    });
    const never = new AbortController().signal;
    const error = await replays
      .reconstruct({ examId: report.examId, rangeId: PET }, () => {}, never)
      .then(
        () => undefined,
        (thrown: { code: string; message: string }) => thrown,
      );
    assert.is(error?.code, 'data.invalid');
    assert.match(error?.message ?? '', /not what the detector sent/);
  } finally {
    await archive.close();
  }
});

test.run();
