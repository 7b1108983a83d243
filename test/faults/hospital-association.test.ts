/** Rules for associations, as DCMTK's programs meet them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import type { Hospital } from '../../sim/hospital/hospital.js';
import type { Moment, REJECTIONS, RuleInput } from '../../sim/hospital/script.js';
import { EXPLICIT, makeObject, scratch, scu } from '../helpers/dicom.js';
import { codeOf, dcmtk, startTestHospital, type ToolRun, withRules } from '../helpers/hospital.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';

enterPrivateNetwork();

const test = suite('hospital rules: associations');
const folder = scratch();
const IMPLICIT = '1.2.840.10008.1.2';
let hospital: Hospital;

test.before(async () => {
  hospital = await startTestHospital(folder);
});
test.after(() => hospital.close());

function echoscu(rules: RuleInput[], args: readonly string[] = []): Promise<ToolRun> {
  return withRules(hospital, rules, () => dcmtk('echoscu', hospital.pacs, args));
}

const REASONS: Record<keyof typeof REJECTIONS, RegExp> = {
  'no-reason': /Permanent, Source: Service User[\s\S]*Reason: No Reason/,
  'application-context': /Permanent, Source: Service User[\s\S]*App Context Name Not Supported/,
  'calling-ae': /Permanent, Source: Service User[\s\S]*Calling AE Title Not Recognized/,
  'called-ae': /Permanent, Source: Service User[\s\S]*Called AE Title Not Recognized/,
  'acse-no-reason': /Permanent, Source: Service Provider \(ACSE[\s\S]*No Reason/,
  'protocol-version': /Permanent, Source: Service Provider \(ACSE[\s\S]*Protocol Version Not Supported/,
  congestion: /Transient, Source: Service Provider \(Presentation[\s\S]*Temporary Congestion/,
  'local-limit': /Transient, Source: Service Provider \(Presentation[\s\S]*Local Limit Exceeded/,
};

test('without a rule nothing happens', async () => {
  assert.is((await echoscu([])).code, 0);
});

test('each reason of a rejection reaches echoscu', async () => {
  for (const [reason, expected] of Object.entries(REASONS)) {
    const run = await echoscu([{ do: { action: 'reject', reason: reason as keyof typeof REJECTIONS } }]);
    assert.match(run.output, expected, reason);
  }
});

test('rules are for a caller, a service, a SOP class, the n-th, so many times, after so many, or by lot', async () => {
  const reject = { action: 'reject' } as const;
  const codes = (rule: Omit<RuleInput, 'do'>, count: number, args: string[] = []) =>
    withRules(hospital, [{ ...rule, do: reject }], async () => {
      const seen: (number | null)[] = [];
      for (let i = 0; i < count; i++) seen.push((await dcmtk('echoscu', hospital.pacs, args)).code);
      return seen;
    });
  assert.equal(await codes({ when: { callingAe: 'CT1' } }, 1), [0]);
  assert.equal(await codes({ when: { callingAe: 'CT1' } }, 1, ['-aet', 'CT1']), [1]);
  assert.equal(await codes({ when: { calledAe: 'RIS' } }, 1), [0]);
  assert.equal(await codes({ service: 'worklist' }, 1), [0]);
  assert.equal(await codes({ service: 'verification' }, 1), [1]);
  assert.equal(await codes({ when: { sopClass: '1.2.840.10008.1.1' } }, 1), [1]);
  assert.equal(await codes({ when: { nth: 2 } }, 3), [0, 1, 0]);
  assert.equal(await codes({ when: { count: 2 } }, 3), [1, 1, 0]);
  assert.equal(await codes({ when: { after: 2 } }, 3), [0, 0, 1]);
  const lots = await codes({ when: { chance: 0.5 } }, 12);
  assert.ok(lots.includes(0) && lots.includes(1), lots.join());
});

const STRIKES: [string, Moment, RegExp][] = [
  ['abort', 'associate', /Association Request Failed: .*Peer aborted/],
  ['close', 'associate', /Association Request Failed: .*Peer aborted/],
  ['garbage', 'associate', /Association Request Failed: .*Unrecognized PDU type/],
  ['release', 'associate', /F: /],
  ['abort', 'accepted', /Peer aborted Association/],
  ['close', 'accepted', /Echo Failed/],
  ['garbage', 'accepted', /Unrecognized PDU type/],
  ['release', 'accepted', /Peer Requested Release/],
  ['accept-again', 'accepted', /Echo SCU Failed/],
  ['abort', 'release', /Echo Response \(Success\)[\s\S]*Association Release Failed: .*Peer aborted/],
  ['close', 'release', /Echo Response \(Success\)[\s\S]*Association Release Failed/],
  ['garbage', 'release', /Echo Response \(Success\)[\s\S]*Unrecognized PDU type/],
];

test('associations are aborted, closed, released and garbled at each of their moments', async () => {
  for (const [action, at, expected] of STRIKES) {
    const run = await echoscu([{ do: { action, at } as RuleInput['do'] }]);
    assert.match(run.output, expected, `${action} at ${at}`);
  }
  assert.is((await echoscu([])).code, 0, 'the hospital serves on');
});

test('no answer to a request, or to a release, and late ones', async () => {
  const silent = await echoscu([{ do: { action: 'silence', at: 'associate' } }]);
  assert.match(silent.output, /Association Request Failed: .*timeout/);
  const unreleased = await echoscu([{ do: { action: 'silence', at: 'release' } }]);
  assert.match(unreleased.output, /Echo Response \(Success\)[\s\S]*Association Release Failed: .*timeout/);
  for (const at of ['associate', 'release'] as const) {
    const late = await echoscu([{ do: { action: 'delay', at, ms: 400, jitterMs: 100 } }]);
    assert.is(late.code, 0, late.output);
    assert.ok(late.ms >= 400, `${at} after ${late.ms} ms`);
  }
});

test('presentation contexts and transfer syntaxes are refused, PDUs kept small', async () => {
  assert.match((await echoscu([{ do: { action: 'refuse-context' } }])).output, /No Acceptable Presentation Contexts/);
  const others: RuleInput['do'] = { action: 'refuse-context', sopClasses: ['1.2.840.10008.5.1.4.31'] };
  assert.is((await echoscu([{ do: others }])).code, 0);
  const small = await echoscu([{ do: { action: 'max-pdu', bytes: 4096 } }], ['-d']);
  assert.match(small.output, /Their Max PDU Receive Size: +4096/);
  const file = await makeObject(folder);
  const store = () => dcmtk('storescu', hospital.pacs, [], [file.path]);
  await store();
  assert.is(hospital.instances.get(file.sopInstanceUid)!.transferSyntax, EXPLICIT);
  const refused: RuleInput = { service: 'storage', do: { action: 'refuse-syntax', transferSyntaxes: [EXPLICIT] } };
  const { code, output } = await withRules(hospital, [refused], store);
  assert.is(code, 0, output);
  assert.is(hospital.instances.get(file.sopInstanceUid)!.transferSyntax, IMPLICIT);
  const tiny = await withRules(hospital, [{ do: { action: 'max-pdu', bytes: 64 } }], () => echo(scu(hospital.pacs)));
  assert.ok(tiny.ms >= 0, 'an echo in PDUs of 64 bytes');
});

test('a slow reader holds storescu back, and takes all', async () => {
  const file = await makeObject(folder, { bytes: 400_000 });
  const slow = await withRules(hospital, [{ do: { action: 'slow', bytesPerSecond: 500_000 } }], () =>
    dcmtk('storescu', hospital.pacs, ['-td', '10'], [file.path]),
  );
  assert.is(slow.code, 0, slow.output);
  assert.ok(slow.ms > 500, `${slow.ms} ms`);
  assert.ok(hospital.instances.has(file.sopInstanceUid));
});

test('our own echo tells these apart too', async () => {
  const code = (rule: RuleInput) => withRules(hospital, [rule], () => codeOf(echo(impatient())));
  const impatient = () => scu(hospital.pacs, { timeouts: { associateMs: 300, responseMs: 300, networkMs: 300 } });
  assert.is(await code({ do: { action: 'reject', reason: 'congestion' } }), 'peer.rejected');
  assert.is(await code({ do: { action: 'abort', at: 'associate' } }), 'peer.aborted');
  assert.is(await code({ do: { action: 'garbage', at: 'associate' } }), 'protocol.pdu');
  assert.is(await code({ do: { action: 'silence', at: 'associate' } }), 'peer.timeout');
  assert.is(await code({ do: { action: 'refuse-context', result: 'no-reason' } }), 'peer.context');
});

test.run();
