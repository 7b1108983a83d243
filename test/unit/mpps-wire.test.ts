/** The performed procedure step SCU on the wire, against a RIS that does not behave. */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { type MppsEvent, MppsWorker } from '../../runtime/network/mpps-worker.js';
import { mppsService } from '../../runtime/network/scu.js';
import { type Hospital, startHospital } from '../../sim/hospital/hospital.js';
import { parseScript } from '../../sim/hospital/script.js';
import { clock, log, scratch, scu } from '../helpers/dicom.js';
import { complete, dose, ended, series, started, station } from '../helpers/ris.js';
import { specimenExam } from '../helpers/specimens.js';

const test = suite('performed steps on the wire');
const folder = scratch();
let hospital: Hospital;
let archive: SqliteArchive;
let worker: MppsWorker;
let events: MppsEvent[] = [];

test.before(async () => {
  const dataDir = join(folder, 'hospital');
  hospital = await startHospital({ worklist: [], dataDir, risPort: 0, pacsPort: 0, clock, log });
  archive = await SqliteArchive.open({ root: join(folder, 'archive'), clock, log });
  const timeouts = { responseMs: 400, networkMs: 400, associateMs: 400, releaseMs: 400 };
  const service = mppsService(scu(hospital.ris, { timeouts }));
  worker = new MppsWorker({ archive, clock, log, service, station, backoff: { firstMs: 5, lastMs: 50 } });
  worker.events$.subscribe((event) => events.push(event));
  worker.start();
});
test.after(async () => {
  await worker.stop();
  await archive.close();
  await hospital.close();
});
test.after.each(() => {
  hospital.rules.clear();
  events = [];
});

/** The RIS does this to the requests, or the associations, that `when` names. */
function rule(action: object, when: object): void {
  const [parsed] = parseScript({ rules: [{ service: 'mpps', when, do: action }] }).rules;
  hospital.rules.add(parsed!);
}

/** An examination told from its start to its end. */
async function tell(): Promise<{ status: string | undefined; updates: number; types: string[] }> {
  const exam = specimenExam();
  await archive.putFacts(started(exam), complete(exam, series[0]!), { ...ended(exam), dose } as never);
  await worker.settled();
  const step = hospital.mpps.get(exam.ppsInstanceUid);
  const types = events.map(({ type }) => type.slice(5)).filter((type) => type !== 'retrying');
  return { status: step?.status, updates: step?.updates ?? 0, types };
}

const WHOLE = ['created', 'updated', 'completed'];

test('a strict RIS takes every request of an examination', async () => {
  assert.equal(await tell(), { status: 'COMPLETED', updates: 2, types: WHOLE });
});

for (const [name, action, command] of [
  ['takes the N-CREATE and closes without an answer', { action: 'close', at: 'answer' }, 'N-CREATE'],
  ['takes the N-CREATE and aborts', { action: 'abort', at: 'answer' }, 'N-CREATE'],
  ['breaks off within its answer', { action: 'close', at: 'mid-pdu' }, 'N-CREATE'],
  ['takes the N-CREATE and never answers', { action: 'silence', at: 'answer' }, 'N-CREATE'],
  ['answers the N-CREATE too late', { action: 'delay', at: 'answer', ms: 1500 }, 'N-CREATE'],
  ['answers with garbage', { action: 'garbage', at: 'answer' }, 'N-CREATE'],
  ['closes before the request is there', { action: 'close', at: 'request' }, 'N-CREATE'],
] as const) {
  test(`a RIS that ${name} has one step in the end`, async () => {
    rule(action, { command, count: 1 });
    const told = await tell();
    assert.equal(told, { status: 'COMPLETED', updates: 2, types: WHOLE });
    assert.ok(events.some(({ type }) => type === 'mpps.retrying'));
  });
}

test('a RIS that closes instead of answering each end hears of it once', async () => {
  // the first N-SET is the reconstruction's, the second the end
  rule({ action: 'close', at: 'answer' }, { command: 'N-SET', after: 1, count: 2 });
  assert.equal(await tell(), { status: 'COMPLETED', updates: 2, types: WHOLE });
});

test('a RIS that rejects associations for a while is waited for', async () => {
  rule({ action: 'reject', reason: 'local-limit' }, { count: 3 });
  assert.equal(await tell(), { status: 'COMPLETED', updates: 2, types: WHOLE });
  assert.is(events.filter(({ type }) => type === 'mpps.retrying').length, 3);
});

for (const [status, meaning] of [
  ['0110', /processing failure/],
  ['0105', /no such attribute/],
  ['0118', /no such SOP class/],
  ['0121', /missing attribute value/],
] as const) {
  test(`an N-CREATE refused with ${status} is given up and shown`, async () => {
    rule({ action: 'status', status, comment: 'because' }, { command: 'N-CREATE' });
    const told = await tell();
    assert.equal([told.types, events.length], [['refused'], 1]);
    const [refused] = events;
    assert.match(refused?.type === 'mpps.refused' ? refused.meaning : '', meaning);
  });
}

test('a context that is refused is no reason to try for ever', async () => {
  rule({ action: 'refuse-context' }, {});
  assert.equal((await tell()).types, ['refused']);
});

test('an update that is refused does not keep the end from being told', async () => {
  rule({ action: 'status', status: '0106' }, { command: 'N-SET', count: 1 });
  assert.equal((await tell()).types, ['created', 'refused', 'completed']);
});

test.run();
