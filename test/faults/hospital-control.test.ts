/** `petrig sim hospital` as a bench drives it: a script to begin with, and lines of JSON while it runs. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { createMpps } from '../../runtime/dicom/services/mpps-scu.js';
import { parseScript } from '../../sim/hospital/script.js';
import { localNode, makeObject, scratch, scu } from '../helpers/dicom.js';
import { dcmtk } from '../helpers/hospital.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { PROGRAM, runPetrig } from '../helpers/petrig.js';
import { stepInProgress } from '../helpers/steps.js';

enterPrivateNetwork();

const test = suite('hospital control');
const folder = scratch();
let child: ChildProcess;
let lines: AsyncIterator<string>;
let ports: { ris: number; pacs: number };
let asked = 0;

interface Answer {
  id: number | null;
  result?: unknown;
  error?: { code: string; message: string };
}

async function next(): Promise<Record<string, unknown>> {
  const { value, done } = await lines.next();
  assert.not(done, 'it still answers');
  return JSON.parse(value as string) as Record<string, unknown>;
}

async function control(method: string, params?: unknown): Promise<Answer> {
  const id = ++asked;
  child.stdin!.write(`${JSON.stringify({ id, method, params })}\n`);
  const answer = (await next()) as unknown as Answer;
  assert.is(answer.id, id);
  return answer;
}

async function result<T>(method: string, params?: unknown): Promise<T> {
  const answer = await control(method, params);
  assert.is(answer.error, undefined, JSON.stringify(answer.error));
  return answer.result as T;
}

const worklist = (keys: string[] = []) =>
  dcmtk('findscu', localNode(ports.ris, 'RIS'), ['-W', '-k', '0008,0050', '-k', '0010,0010', ...keys]);

test.before(async () => {
  const script = join(folder, 'script.json');
  const rule = { service: 'verification', when: { count: 1 }, do: { action: 'reject', reason: 'congestion' } };
  writeFileSync(script, JSON.stringify({ name: 'first echo rejected', rules: [rule] }));
  const where = ['--data', join(folder, 'data'), '--ris-port', '0', '--pacs-port', '0'];
  const args = ['sim', 'hospital', ...where, '--script', script, '--control'];
  child = spawn(process.execPath, [...PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  ({ ports } = (await next()) as { ports: typeof ports });
});
test.after(() => {
  child.kill('SIGKILL');
});

test('the script counts from the start', async () => {
  const pacs = localNode(ports.pacs, 'PACS');
  assert.match((await dcmtk('echoscu', pacs)).output, /Temporary Congestion/);
  assert.is((await dcmtk('echoscu', pacs)).code, 0);
  const [rule] = await result<{ id: number; seen: number; applied: number }[]>('rule.list');
  assert.equal([rule!.seen, rule!.applied], [2, 1]);
});

test('rules come and go while it runs', async () => {
  const pacs = localNode(ports.pacs, 'PACS');
  const file = await makeObject(folder);
  const refuse = { service: 'storage', do: { action: 'status', status: 'A700' } };
  const { rule } = await result<{ rule: number }>('rule.add', refuse);
  assert.match((await dcmtk('storescu', pacs, [], [file.path])).output, /OutOfResources/);
  assert.equal(await result('instance.list'), []);
  await result('rule.remove', { rule });
  assert.match((await dcmtk('storescu', pacs, [], [file.path])).output, /Success/);
  const [instance] = await result<{ sopInstanceUid: string }[]>('instance.list');
  assert.is(instance!.sopInstanceUid, file.sopInstanceUid);
});

test('worklist entries are added, put off, cancelled and put back', async () => {
  const step = { Modality: 'PT', ScheduledStationAETitle: 'PETRIG', ScheduledProcedureStepID: 'S9' };
  const times = { ScheduledProcedureStepStartDate: '20261123', ScheduledProcedureStepStartTime: '0900' };
  const entry = {
    AccessionNumber: 'N9',
    PatientName: 'New^Comer',
    ScheduledProcedureStepSequence: [{ ...step, ...times }],
  };
  await result('worklist.add', { entry });
  assert.match((await worklist()).output, /New\^Comer/);
  const key = { accessionNumber: 'N9', scheduledProcedureStepId: 'S9' };
  await result('worklist.reschedule', { ...key, date: '20261224', time: '1015' });
  assert.match((await worklist(['-k', '0040,0100[0].0040,0002=20261224'])).output, /New\^Comer/);
  await result('worklist.cancel', key);
  assert.not.match((await worklist()).output, /New\^Comer/);
  await result('worklist.reschedule', { ...key, date: '20261225' });
  assert.match((await worklist(['-k', '0040,0100[0].0040,0002=20261225'])).output, /New\^Comer/);
  assert.is((await result<unknown[]>('worklist.list')).length, 3);
});

test('performed steps and statistics are told', async () => {
  const sopInstanceUid = makeUid();
  await createMpps({ ...scu(localNode(ports.ris, 'RIS')), sopInstanceUid, attributes: stepInProgress() });
  const [step] = await result<{ sopInstanceUid: string; status: string; attributes: object }[]>('mpps.list');
  assert.equal([step!.sopInstanceUid, step!.status], [sopInstanceUid, 'IN PROGRESS']);
  assert.is((step!.attributes as { Modality: string }).Modality, 'PT');
  const { responses } = await result<{ responses: Record<string, Record<string, number>> }>('statistics');
  assert.equal(responses.storage, { A700: 1, '0000': 1 });
});

test('what is wrong is said, and the next line is answered', async () => {
  const wrong: [string, unknown, string][] = [
    ['nothing', {}, 'operator.unknown'],
    ['toString', {}, 'operator.unknown'],
    ['rule.add', { do: { action: 'explode' } }, 'config.invalid'],
    ['rule.add', { do: { action: 'delay', ms: -1 } }, 'config.invalid'],
    ['rule.add', { do: { action: 'abort' }, wehn: {} }, 'config.invalid'],
    ['rule.remove', { rule: 999 }, 'operator.unknown'],
    ['worklist.add', { entry: { PatientNmae: 'X' } }, 'data.invalid'],
    ['worklist.add', { entry: 7 }, 'data.invalid'],
    ['worklist.cancel', { accessionNumber: 'NONE' }, 'operator.unknown'],
  ];
  for (const [method, params, code] of wrong) {
    assert.is((await control(method, params)).error?.code, code, `${method} ${JSON.stringify(params)}`);
  }
  child.stdin!.write('not JSON\n');
  assert.is(((await next()) as unknown as Answer).error?.code, 'config.invalid');
  assert.ok(await result('rule.list'));
});

test('it ends with its input, telling its statistics', async () => {
  const exited = new Promise((resolve) => child.once('close', resolve));
  child.stdin!.end();
  const { statistics } = (await next()) as { statistics: { associations: { rejected: number } } };
  assert.is(statistics.associations.rejected, 1);
  assert.is(await exited, 0);
});

test('the script that the manual shows is one', () => {
  const manual = readFileSync(new URL('../../docs/hospital.md', import.meta.url), 'utf8');
  const [, example] = /```json\n([\s\S]*?)```/.exec(manual)!;
  assert.is(parseScript(JSON.parse(example!)).rules.length, 2);
});

test('a script that is none, and half of TLS, are refused before anything listens', async () => {
  const bad = join(folder, 'bad.json');
  writeFileSync(bad, JSON.stringify({ rules: [{ do: { action: 'reject', reason: 'mood' } }] }));
  const run = await runPetrig(['sim', 'hospital', '--data', join(folder, 'x'), '--script', bad, '--json']);
  assert.is(run.code, 2);
  assert.match(run.stderr, /bad\.json: rules\.0\.do\.reason/);
  const half = await runPetrig(['sim', 'hospital', '--data', join(folder, 'x'), '--tls-key', bad, '--json']);
  assert.is(half.code, 2);
});

test.run();
