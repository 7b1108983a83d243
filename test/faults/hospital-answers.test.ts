/** Rules for requests and their answers, as DCMTK's programs meet them; MPPS, for which there is no such program, as our SCU does. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { find } from '../../runtime/dicom/services/find-scu.js';
import { createMpps } from '../../runtime/dicom/services/mpps-scu.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import type { Hospital } from '../../sim/hospital/hospital.js';
import type { Moment, RuleInput } from '../../sim/hospital/script.js';
import { makeObject, scratch, scu } from '../helpers/dicom.js';
import { codeOf, dcmtk, startTestHospital, type ToolRun, withRules } from '../helpers/hospital.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { stepInProgress } from '../helpers/steps.js';

enterPrivateNetwork();

const test = suite('hospital rules: answers');
const folder = scratch();
let hospital: Hospital;

test.before(async () => {
  hospital = await startTestHospital(folder);
});
test.after(() => hospital.close());

function echoscu(rule: RuleInput, args: readonly string[] = []): Promise<ToolRun> {
  return withRules(hospital, [rule], () => dcmtk('echoscu', hospital.pacs, args));
}

function findscu(rule: RuleInput, args: readonly string[] = []): Promise<ToolRun> {
  const keys = ['-W', '-k', '0010,0010', '-k', '0008,0050'];
  return withRules(hospital, [rule], () => dcmtk('findscu', hospital.ris, [...keys, ...args]));
}

const STRIKES: [string, Moment, RegExp][] = [
  ['abort', 'request', /Echo Failed: .*Peer aborted/],
  ['abort', 'answer', /Echo Failed: .*Peer aborted/],
  ['abort', 'mid-pdu', /Echo Failed: [\s\S]*(network closed|DIMSE Read PDV failed|Invalid stream)/],
  ['abort', 'after-answer', /Echo Response \(Success\)[\s\S]*(Release Failed|Peer [Aa]borted)/],
  ['close', 'request', /Echo Failed/],
  ['close', 'answer', /Echo Failed/],
  ['close', 'mid-pdu', /Echo Failed: [\s\S]*network closed/],
  ['close', 'after-answer', /Echo Response \(Success\)[\s\S]*Release Failed/],
  ['garbage', 'answer', /Unrecognized PDU type/],
  ['garbage', 'after-answer', /Echo Response \(Success\)[\s\S]*Unrecognized PDU type/],
  ['accept-again', 'answer', /Echo SCU Failed/],
  ['release', 'request', /Peer Requested Release/],
  ['release', 'answer', /Peer Requested Release/],
  ['release', 'after-answer', /Echo Response \(Success\)[\s\S]*Release Failed: .*Peer Requested Release/],
];

test('the conversation is aborted, closed, garbled and released at each moment of an answer', async () => {
  for (const [action, at, expected] of STRIKES) {
    const run = await echoscu({ service: 'verification', do: { action, at } as RuleInput['do'] });
    assert.match(run.output, expected, `${action} at ${at}`);
  }
  const reset = await echoscu({ do: { action: 'close', at: 'answer', reset: true } });
  assert.match(reset.output, /Echo Failed/);
});

test('answers are late, missing, doubled, for another request, of a wrong length', async () => {
  const late = await echoscu({ do: { action: 'delay', ms: 300 } });
  assert.is(late.code, 0, late.output);
  assert.ok(late.ms >= 300);
  assert.match((await echoscu({ do: { action: 'silence' } })).output, /Echo Failed: .*timeout/);
  const doubled = await echoscu({ do: { action: 'duplicate' } }, ['--repeat', '2']);
  assert.match(doubled.output, /Unexpected Response MsgId: 1 \(expected: 2\)/);
  assert.match((await echoscu({ do: { action: 'wrong-id' } })).output, /Unexpected Response MsgId: 2 \(expected: 1\)/);
  const other = await echoscu({ do: { action: 'wrong-id', messageId: 777 } });
  assert.match(other.output, /Unexpected Response MsgId: 777/);
  const lengths = [
    ['pdu', -4, /lengths don't add up/],
    ['pdv', -4, /invalid length/],
    ['pdv', 4, /lengths don't add up/],
    ['element', 1000, /larger|Invalid stream/],
  ] as const;
  for (const [of, by, expected] of lengths) {
    assert.match((await echoscu({ do: { action: 'wrong-length', of, by } })).output, expected, `${of} ${by}`);
  }
  // more declared than comes: DCMTK waits for it a minute
  const impatient = scu(hospital.pacs, { timeouts: { responseMs: 300, networkMs: 300 } });
  const waited = withRules(hospital, [{ do: { action: 'wrong-length', of: 'pdu', by: 4 } }], () =>
    codeOf(echo(impatient)),
  );
  assert.is(await waited, 'protocol.pdu');
});

test('a store is refused, warned of, or cut off in its midst; only what was performed is kept', async () => {
  const file = await makeObject(folder, { bytes: 2_000_000 });
  const store = (rule: RuleInput) =>
    withRules(hospital, [rule], () => dcmtk('storescu', hospital.pacs, [], [file.path]));
  const full = { action: 'status', status: 'A700', comment: 'disk full' } as const;
  assert.match((await store({ service: 'storage', do: full })).output, /Refused: OutOfResources/);
  for (const action of ['abort', 'close'] as const) {
    const cut = await store({ service: 'storage', do: { action, at: 'data' } });
    assert.match(cut.output, /Store Failed/, action);
  }
  assert.not(hospital.instances.has(file.sopInstanceUid));
  assert.equal(
    readdirSync(join(folder, 'hospital')).includes('pacs') ? readdirSync(join(folder, 'hospital', 'pacs')) : [],
    [],
  );
  assert.match((await store({ service: 'storage', do: { action: 'silence' } })).output, /Store Failed/);
  assert.ok(hospital.instances.has(file.sopInstanceUid), 'stored, though nobody said so');
  const warned = await store({ service: 'storage', do: { action: 'status', status: 'B000' } });
  assert.match(warned.output, /Warning: CoercionOfDataElements/);
  const foreign = { service: 'storage', when: { sopClass: '1.2.840.10008.5.1.4.1.1.128' }, do: full } as const;
  assert.match((await store(foreign)).output, /Store Response \(Success\)/);
});

test('a query fails at once, after some matches, in its midst, or pends until it is cancelled', async () => {
  const refused = await findscu({ service: 'worklist', do: { action: 'status', status: 'A700' } });
  assert.match(refused.output, /Final Find Response \(Refused: OutOfResources\)/);
  assert.not.match(refused.output, /Pending/);
  const failed = await findscu({ do: { action: 'status', status: 'C001', afterPending: 1 } });
  assert.match(failed.output, /Find Response: 1 \(Pending\)[\s\S]*Final Find Response \(Failed: UnableToProcess\)/);
  assert.not.match(failed.output, /Find Response: 2/);
  assert.not.match(failed.output, /E: /);
  const aborted = await findscu({ do: { action: 'abort', afterPending: 1 } });
  assert.match(aborted.output, /Find Response: 1 \(Pending\)[\s\S]*Find Failed/);
  const endless = await findscu({ do: { action: 'pending', everyMs: 10 } }, ['--cancel', '5']);
  assert.match(endless.output, /Find Response: 5 \(Pending\)[\s\S]*Final Find Response \(Cancel/);
});

test('a query that pends on though it is cancelled ends for our SCU, which gives up', async () => {
  const query = dataset({ PatientName: null });
  const options = {
    ...scu(hospital.ris, { timeouts: { worklistMs: 400 } }),
    sopClass: UIDS.modalityWorklist,
    query,
    limit: 3,
  };
  const found = await withRules(
    hospital,
    [{ do: { action: 'pending', everyMs: 20, ignoreCancel: true } }],
    async () => {
      const names: unknown[] = [];
      for await (const match of find(options)) names.push(match);
      return names;
    },
  );
  assert.is(found.length, 3);
});

test('a performed procedure step meets each failure', async () => {
  const create = (rule: RuleInput, sopInstanceUid = makeUid()) => {
    const timeouts = { responseMs: 300 };
    const attributes = stepInProgress();
    const options = { ...scu(hospital.ris, { timeouts }), sopInstanceUid, attributes };
    return withRules(hospital, [rule], () => codeOf(createMpps(options)));
  };
  const only = { service: 'mpps', when: { command: 'N-CREATE' } } as const;
  assert.is(await create({ ...only, do: { action: 'status', status: '0110' } }), '0110');
  assert.is(await create({ ...only, do: { action: 'silence' } }), 'peer.timeout');
  assert.is(await create({ ...only, do: { action: 'abort', at: 'data' } }), 'peer.aborted');
  assert.is(await create({ ...only, do: { action: 'close', at: 'mid-pdu' } }), 'peer.aborted');
  assert.is(await create({ ...only, when: { command: 'N-SET' }, do: { action: 'abort' } }), 'none');
  const kept = hospital.mpps.size;
  assert.is(await create({ ...only, do: { action: 'status', status: '0107' } }), 'none', 'a warning is performed');
  assert.is(hospital.mpps.size, kept + 1);
});

test('what happened is counted', () => {
  const { requests, responses, misbehaved, associations } = hospital.statistics.report();
  assert.ok(requests.verification! > 20);
  assert.is(responses.worklist!.C001, 1);
  assert.is(responses.mpps!['0110'], 1);
  assert.ok(misbehaved.abort! >= 6);
  assert.ok(associations.accepted > 30);
});

test.run();
