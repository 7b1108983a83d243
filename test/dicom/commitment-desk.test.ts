/** Commitment as SCU, against a PACS that answers as its rules have it, and over restarts. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reportResult } from '../../runtime/dicom/services/commitment-scp.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { type Hospital, startHospital } from '../../sim/hospital/hospital.js';
import type { RuleInput } from '../../sim/hospital/script.js';
import { type CommitmentSite, committing, markSent, openCommitmentSite } from '../helpers/commitment-site.js';
import { clock, localNode, log, scratch, scu } from '../helpers/dicom.js';
import { codeOf, withRules } from '../helpers/hospital.js';
import { eventually, freePort } from '../helpers/peers.js';

const test = suite('commitment desk');
let hospital: Hospital;
let site: CommitmentSite;
let port: number;
const root = scratch();
let job = 0;

async function openSite(openMs?: number, association?: 'same' | 'separate'): Promise<void> {
  site = await openCommitmentSite({ root, port, nodes: [committing(hospital.pacs, association, openMs)] });
  await markSent(site, 'PACS');
}

test.before(async () => {
  port = await freePort();
  const callbacks = [localNode(port, 'PETRIG')];
  hospital = await startHospital({ worklist: [], dataDir: scratch(), risPort: 0, pacsPort: 0, callbacks, clock, log });
  await openSite();
  const files = (await site.archive.instances()).map(({ file }) => file);
  await storeFiles(scu(hospital.pacs), files);
  await site.close();
});

test.after(() => hospital.close());

type Wish = Omit<Extract<RuleInput['do'], { action: 'commitment' }>, 'action'>;

const rule = (wish: Wish): RuleInput => ({ service: 'commitment', do: { action: 'commitment', ...wish } });

/** Asks once more under a rule. */
function ask(...rules: RuleInput[]) {
  const before = site.ends.length;
  return withRules(hospital, rules, async () => {
    await site.desk.request(`job${job++}`, 'PACS', site.instances);
    return eventually(() => site.ends[before], 15_000);
  });
}

const flags = async () => (await site.archive.deliveries({ node: 'PACS' })).map(({ commitment }) => commitment);

test('a result on the association of the request, or on its own, ends the transaction with durable flags', async () => {
  for (const [kept, sent] of [
    ['same', 'same'],
    ['same', 'separate'],
    ['separate', 'separate'],
    ['separate', 'same'],
  ] as const) {
    await openSite(20_000, kept);
    const end = await ask(rule({ association: sent, delayMs: 100 }));
    assert.is(end.outcome, 'completed', `${kept} ${sent}`);
    assert.is(end.committed.length, 4);
    assert.equal(await flags(), ['committed', 'committed', 'committed', 'committed']);
    assert.is(site.desk.pending, 0);
    await site.close();
  }
});

test('what fails is flagged with its reason, alone; the fact names both', async () => {
  await openSite();
  await site.archive.facts('test');
  const end = await ask(rule({ says: 'partial', failureReason: '0213' }));
  assert.is(end.outcome, 'failed');
  assert.equal([end.committed.length, end.failed.map(({ reason }) => reason)], [2, [0x0213, 0x0213]]);
  assert.equal((await flags()).sort(), ['committed', 'committed', 'failed', 'failed']);
  const facts = (await site.archive.facts('test')).map(({ fact }) => fact);
  const told = facts.find((fact) => fact.type === 'commitment.failed');
  assert.ok(told?.type === 'commitment.failed');
  assert.equal([told.node, told.sopInstanceUids.failed.length], ['PACS', 2]);
  await site.close();
});

test('what was sent as another object is judged by that one’s UID, flagged under its own, and retrievable nowhere', async () => {
  await openSite();
  const [first, second, third] = site.instances;
  const held = { ...first!, sentAs: second!.sopInstanceUid };
  await site.desk.request(`job${job++}`, 'PACS', [held, { ...third!, sentAs: '2.25.404' }]);
  const end = await eventually(() => site.ends[0], 15_000);
  assert.equal(end.committed, [first!.sopInstanceUid]);
  assert.equal(end.failed, [{ sopInstanceUid: third!.sopInstanceUid, reason: 0x112 }]);
  const uids = [first!.sopInstanceUid, third!.sopInstanceUid];
  const rows = await site.archive.deliveries({ node: 'PACS', sopInstanceUids: uids });
  const flagOf = (uid: string) => rows.find(({ sopInstanceUid }) => sopInstanceUid === uid)?.commitment;
  assert.equal(uids.map(flagOf), ['committed', 'failed']);
  const retrievable = async () => {
    const facts = await site.archive.facts('test');
    return facts.filter(({ fact }) => fact.type === 'instances.committed').length;
  };
  const before = await retrievable();
  await site.desk.request(`job${job++}`, 'PACS', [held]);
  await eventually(() => site.ends[1], 15_000);
  assert.is(await retrievable(), before, 'the node has not the original');
  await ask();
  assert.is(await retrievable(), before + 1);
  await site.close();
});

test('a result that names others, or another class, commits to nothing of ours', async () => {
  await openSite();
  const others = await ask(rule({ wrong: 'instances' }));
  assert.equal([others.committed.length, others.failed.map(({ reason }) => reason)], [0, [0x110, 0x110, 0x110, 0x110]]);
  const classes = await ask(rule({ wrong: 'classes' }));
  assert.equal([classes.committed.length, classes.failed[0]?.reason], [0, 0x119]);
  await site.close();
});

test('no result, or one for another transaction: failed when the time is over, and a late one is refused', async () => {
  await openSite(700);
  const silent = await ask(rule({ times: 0 }));
  assert.equal([silent.outcome, silent.committed.length, silent.failed.length], ['failed', 0, 4]);
  assert.match(silent.cause ?? '', /no result within/);
  assert.equal(await flags(), ['failed', 'failed', 'failed', 'failed']);
  const late = { transactionUid: silent.transactionUid, committed: site.instances, failed: [] };
  const pacs = { ...scu(site.us), callingAe: 'PACS' };
  assert.is(await codeOf(reportResult(pacs, late)), '0115');
  assert.equal(await flags(), ['failed', 'failed', 'failed', 'failed'], 'a late result changes nothing');
  const other = await ask(rule({ wrong: 'transaction' }));
  assert.is(other.outcome, 'failed');
  await site.close();
});

test('a result that comes twice is answered twice and counts once', async () => {
  await openSite();
  const end = await ask(rule({ times: 3 }));
  assert.is(end.outcome, 'completed');
  const again = { transactionUid: end.transactionUid, committed: [], failed: [] };
  assert.is(await codeOf(reportResult({ ...scu(site.us), callingAe: 'PACS' }, again)), 'none');
  assert.is(site.ends.length, 1);
  assert.equal(await flags(), ['committed', 'committed', 'committed', 'committed']);
  await site.close();
});

test('a job asks once however often it is told to; a refused request is failed at once', async () => {
  await openSite();
  await withRules(hospital, [rule({ delayMs: 300 })], async () => {
    for (let i = 0; i < 3; i++) await site.desk.request('once', 'PACS', site.instances);
    assert.is(site.desk.pending, 1);
    await eventually(() => site.ends[0]);
  });
  await site.desk.request('once', 'PACS', site.instances);
  assert.equal([site.ends.length, site.ends[1]?.transactionUid], [2, site.ends[0]?.transactionUid], 'told again');
  const refused = await ask({ service: 'commitment', do: { action: 'status', status: '0213' } });
  assert.is(refused.outcome, 'failed');
  assert.match(refused.cause ?? '', /0213/);
  await site.close();
});

test('a result that comes after a restart is claimed; one for a process that is down comes when it is up', async () => {
  await openSite();
  await withRules(hospital, [rule({ association: 'separate', delayMs: 1500 })], async () => {
    await site.desk.request('restarted', 'PACS', site.instances);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(await flags(), ['pending', 'pending', 'pending', 'pending']);
    await site.close();
    await openSite();
    assert.is(site.desk.pending, 1, 'taken up');
    const end = await eventually(() => site.ends[0], 10_000);
    assert.equal([end.sendId, end.outcome, end.committed.length], ['restarted', 'completed', 4]);
  });
  await site.close();
});

test('a transaction whose time ran out while nothing ran is failed at the start', async () => {
  await openSite(400);
  await withRules(hospital, [rule({ times: 0 })], async () => {
    await site.desk.request('overslept', 'PACS', site.instances);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await site.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await openSite(400);
    const end = await eventually(() => site.ends[0]);
    assert.equal([end.sendId, end.outcome, end.failed.length], ['overslept', 'failed', 4]);
  });
  await site.close();
});

test('a node that cannot be reached is asked when it is there; within the time only', async () => {
  const away = await freePort();
  site = await openCommitmentSite({ nodes: [committing(localNode(away, 'AWAY'), 'separate', 10_000)] });
  await markSent(site, 'AWAY');
  await site.desk.request('patient', 'AWAY', site.instances);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const asked: string[] = [];
  const service = {
    syntaxes: { '1.2.840.10008.1.20.1': ['1.2.840.10008.1.2'] },
    operations: {
      'N-ACTION': async () => {
        asked.push('asked');
        return { status: 0 };
      },
    },
  };
  const server = new DicomServer({ port: away, clock, log, services: [service] });
  await server.listen();
  await eventually(() => asked[0]);
  assert.is(site.ends.length, 0);
  await server.close();
  await site.close();
});

test.run();
