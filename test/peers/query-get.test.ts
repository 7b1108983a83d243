import { mkdirSync, readdirSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CSA_NON_IMAGE, scratch } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { datasetBytes, type QuerySite, retrieveScu, seriesOf, startQuerySite } from '../helpers/query-site.js';

enterPrivateNetwork();

const test = suite('getscu');
const folder = scratch();
let site: QuerySite;

test.before(async () => {
  site = await startQuerySite(folder, [
    ...seriesOf(12, { patient: 1, study: 1, series: 1 }),
    ...seriesOf(3, { patient: 1, study: 1, series: 2 }),
    ...seriesOf(2, { patient: 1, study: 2, series: 1 }),
    ...seriesOf(2, { patient: 2, study: 1, series: 1, bytes: 300_001 }),
    ...seriesOf(1, { patient: 3, study: 1, series: 1 }),
    ...seriesOf(1, { patient: 3, study: 1, series: 2, sopClassUid: CSA_NON_IMAGE }),
    ...seriesOf(3, { patient: 4, study: 1, series: 1 }),
    ...seriesOf(1, { patient: 5, study: 1, series: 1, sopClassUid: CSA_NON_IMAGE }),
  ]);
});

test.after(() => site.close());

let runs = 0;

async function get(keys: readonly string[], args: readonly string[] = ['-S']) {
  const out = join(folder, `got${++runs}`);
  mkdirSync(out);
  const result = await retrieveScu('getscu', site.port, keys, [...args, '+B', '-od', out]);
  return { ...result, out, names: readdirSync(out).sort() };
}

async function ours(sopInstanceUid: string): Promise<Buffer> {
  const [record] = await site.archive.instances({ sopInstanceUids: [sopInstanceUid] });
  return datasetBytes(record!.file);
}

test('a study comes byte for byte over the association that asked for it', async () => {
  const { statuses, counters, names, out } = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1.1']);
  assert.equal(statuses, ['ff00', '0000']);
  assert.equal(counters, { remaining: undefined, completed: 15, failed: 0, warning: 0 });
  assert.is(names.length, 15);
  for (const name of names) assert.ok((await ours(name)).equals(await datasetBytes(join(out, name))), name);
});

test('each level of each model brings what lies under its unique keys', async () => {
  const cases: [string, string[], number][] = [
    ['-P', ['QueryRetrieveLevel=PATIENT', 'PatientID=P1'], 17],
    ['-P', ['QueryRetrieveLevel=STUDY', 'PatientID=P1', 'StudyInstanceUID=2.25.1.2'], 2],
    ['-P', ['QueryRetrieveLevel=STUDY', 'PatientID=P2', 'StudyInstanceUID=2.25.1.2'], 0],
    [
      '-P',
      ['QueryRetrieveLevel=SERIES', 'PatientID=P1', 'StudyInstanceUID=2.25.1.1', 'SeriesInstanceUID=2.25.1.1.2'],
      3,
    ],
    ['-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1.2\\2.25.2.1'], 4],
    ['-S', ['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.1.1', 'SeriesInstanceUID=2.25.1.1.2\\2.25.1.1.9'], 3],
    ['-S', ['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.1.2', 'SeriesInstanceUID=2.25.1.1.2'], 0],
    [
      '-S',
      [
        'QueryRetrieveLevel=IMAGE',
        'StudyInstanceUID=2.25.1.1',
        'SeriesInstanceUID=2.25.1.1.1',
        'SOPInstanceUID=2.25.1.1.1.3\\2.25.1.1.1.7',
      ],
      2,
    ],
    ['-O', ['QueryRetrieveLevel=PATIENT', 'PatientID=P2'], 2],
    ['-O', ['QueryRetrieveLevel=STUDY', 'PatientID=P1', 'StudyInstanceUID=2.25.1.2'], 2],
  ];
  for (const [model, keys, count] of cases) {
    const { names, statuses, counters } = await get(keys, [model]);
    assert.is(names.length, count, keys.join(' '));
    assert.is(statuses.at(-1), '0000', keys.join(' '));
    assert.is(counters.completed, count);
  }
});

test('unique keys that are missing, several or no UIDs are refused by name', async () => {
  const cases: [string, string[], string][] = [
    ['-S', ['QueryRetrieveLevel=PATIENT', 'PatientID=P1'], '0008,0052'],
    ['-O', ['QueryRetrieveLevel=SERIES', 'PatientID=P1'], '0008,0052'],
    ['-P', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1.1'], '0010,0020'],
    ['-S', ['QueryRetrieveLevel=STUDY'], '0020,000d'],
    ['-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.*'], '0020,000d'],
    ['-S', ['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.1.1\\2.25.1.2', 'SeriesInstanceUID=1'], '0020,000d'],
    ['-S', ['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.1.1'], '0020,000e'],
    ['-P', ['QueryRetrieveLevel=PATIENT', 'PatientID=P1\\P2'], '0010,0020'],
  ];
  for (const [model, keys, offending] of cases) {
    const { statuses, names, output } = await get(keys, [model]);
    assert.equal(statuses, ['a900'], keys.join(' '));
    assert.is(names.length, 0);
    assert.ok(output.includes(`(${offending})`), `${keys.join(' ')}: ${output.slice(-1500)}`);
  }
});

test('what the requestor took no role for counts as failed', async () => {
  const some = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.3.1']);
  assert.is(some.statuses.at(-1), 'b000');
  assert.equal(some.counters, { remaining: undefined, completed: 1, failed: 1, warning: 0 });
  assert.match(some.output, /ErrorComment|1 of 2 failed/);
  const all = await get(['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.5.1']);
  assert.is(all.statuses.at(-1), 'a702');
  assert.is(all.counters.failed, 1);
});

test('an object whose file has gone counts as failed; the others come', async () => {
  const [record] = await site.archive.instances({ sopInstanceUids: ['2.25.4.1.1.2'] });
  await unlink(record!.file);
  const { names, statuses, counters } = await get(['QueryRetrieveLevel=PATIENT', 'PatientID=P4'], ['-P']);
  assert.equal(names, ['2.25.4.1.1.1', '2.25.4.1.1.3']);
  assert.is(statuses.at(-1), 'b000');
  assert.equal(counters, { remaining: undefined, completed: 2, failed: 1, warning: 0 });
});

test.run();
