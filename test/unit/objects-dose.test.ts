/** The dose report of an examination: what DCMTK, dicom3tools and pydicom make of it. */

import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { doseReportInstances, type IrradiationEvent } from '../../runtime/objects/dose-report.js';
import { acquisitionOf, CT, START, specimenContext, TOPOGRAM } from '../helpers/specimens.js';
import { type JsonDataset, seenByPydicom, storedFiles } from '../helpers/statement-rows.js';

const test = suite('dose report');

const event = (range: typeof TOPOGRAM | typeof CT, uid: string, more = {}): IrradiationEvent => {
  const { scanId: _scanId, readings: _readings, ...exposure } = acquisitionOf(range, START).exposure!;
  return { uid, range, bodyPart: 'CHEST', exposure: { ...exposure, ended: 'window', ...more } };
};
const events = [
  event(TOPOGRAM, '1.2.1', { ctdiVol: 0, dlp: 0 }),
  event(CT, '1.2.2', { dlp: 4.5, ended: 'commanded', seconds: 1.75 }),
  event(CT, '1.2.3'),
];
const context = specimenContext();
const identity = { seriesNumber: 9, description: 'Dose Report', startedAt: START, endedAt: START + 5000 };
const [file] = await storedFiles(doseReportInstances(context, { ...identity, events }).objects);
const [seen] = seenByPydicom([file!]);

const children = (item: JsonDataset) => (item['0040A730']?.Value ?? []) as JsonDataset[];
const first = (item: JsonDataset, tag: string) => (item[tag]?.Value ?? [])[0] as JsonDataset & string;
const name = (item: JsonDataset) => String(first(first(item, '0040A043'), '00080104').toString());
const named = (item: JsonDataset, wanted: string) => children(item).filter((child) => name(child) === wanted);
const amount = (item: JsonDataset) => first(first(item, '0040A300'), '0040A30A') as unknown as number;
const term = (item: JsonDataset) => String(first(first(item, '0040A168'), '00080100'));

test('dsrdump reads the whole tree as an X-Ray Radiation Dose SR', () => {
  const { stdout, stderr, status } = spawnSync('dsrdump', [file!], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  assert.match(stdout, /X-Ray Radiation Dose SR Document/);
  assert.match(stdout, /CT Dose Length Product Total.*=.*14\.7.*mGy\.cm/);
});

test('dciodvfy finds no Error', () => {
  const { stdout, stderr } = spawnSync('dciodvfy', [file!], { encoding: 'utf8' });
  const said = stdout + stderr;
  assert.match(said, /XRayRadiationDoseSR/);
  assert.equal(
    said.split('\n').filter((line) => line.startsWith('Error')),
    [],
  );
});

test('every exposure is an event, and the total is theirs', () => {
  const [accumulated] = named(seen!, 'CT Accumulated Dose Data');
  assert.is(amount(named(accumulated!, 'Total Number of Irradiation Events')[0]!), 3);
  assert.is(amount(named(accumulated!, 'CT Dose Length Product Total')[0]!), 14.7, '0 + 4.5 + 10.2');
  const [scout, cut, whole] = named(seen!, 'CT Acquisition');
  const uids = [scout, cut, whole].map((item) => String(first(named(item!, 'Irradiation Event UID')[0]!, '0040A124')));
  assert.equal(uids, ['1.2.1', '1.2.2', '1.2.3']);
  assert.equal(
    [scout, whole].map((item) => term(named(item!, 'CT Acquisition Type')[0]!)),
    ['113805', 'P5-08001'],
  );
  assert.is(named(scout!, 'CT Dose').length, 0, 'a topogram states none');
  const [dose] = named(whole!, 'CT Dose');
  assert.equal(
    [
      amount(named(dose!, 'Mean CTDIvol')[0]!),
      amount(named(dose!, 'DLP')[0]!),
      term(named(dose!, 'CTDIw Phantom Type')[0]!),
    ],
    [3.4, 10.2, '113691'],
  );
  assert.is(String(first(named(cut!, 'Comment')[0]!, '0040A160')), 'ended by commanded');
  assert.is(named(whole!, 'Comment').length, 0);
});

test('how the beam was set stands in the parameters', () => {
  const [, , whole] = named(seen!, 'CT Acquisition');
  const [parameters] = named(whole!, 'CT Acquisition Parameters');
  const values = (item: JsonDataset) =>
    Object.fromEntries(children(item).flatMap((child) => (child['0040A300'] ? [[name(child), amount(child)]] : [])));
  assert.equal(values(parameters!), {
    'Exposure Time': 4,
    'Scanning Length': 30,
    'Nominal Single Collimation Width': 1.2,
    'Nominal Total Collimation Width': 19.2,
    'Pitch Factor': 0.8,
    'Number of X-Ray Sources': 1,
  });
  assert.equal(values(named(parameters!, 'CT X-Ray Source Parameters')[0]!), {
    KVP: 120,
    'Maximum X-Ray Tube Current': 80,
    'X-Ray Tube Current': 80,
    'Exposure Time per Rotation': 0.5,
  });
});

test('it names the performed step and the request that it is of', () => {
  const [scope] = named(seen!, 'Scope of Accumulation');
  assert.is(String(first(children(scope!)[0]!, '0040A124')), context.exam.ppsInstanceUid);
  const request = first(seen!, '0040A370');
  assert.equal([String(first(request, '00401001')), String(first(request, '00080050'))], ['RP1', 'A1']);
});

test.run();
