/** What is done by itself when a commitment has ended: the rules that fit, once, with what is concerned. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log } from '../../hal/base/log.js';
import { type Rule, RulesWorker } from '../../runtime/network/rules.js';
import { type CommitmentSite, markSent, openCommitmentSite } from '../helpers/commitment-site.js';
import { clock } from '../helpers/dicom.js';

const test = suite('rules of commitment');
const RULES: readonly Rule[] = [
  { on: 'commitment.failed', do: 'send', to: 'SPARE' },
  { on: 'commitment.failed', node: 'PACS', do: 'log', message: 'call the PACS office' },
  { on: 'commitment.completed', node: 'ELSE', do: 'send', to: 'SPARE' },
  { on: 'commitment.completed', do: 'log' },
];
let site: CommitmentSite;
let uids: string[];
const sent: { sendId: string; node: string; instances: string[] }[] = [];
const told: string[] = [];

const log: Log = {
  debug: () => {},
  info: (_, text) => void told.push(`info ${text}`),
  warn: (_, text) => void told.push(`warn ${text}`),
  error: (_, text) => void told.push(`error ${text}`),
  child: () => log,
};

test.before(async () => {
  site = await openCommitmentSite();
  uids = site.instances.map(({ sopInstanceUid }) => sopInstanceUid);
});
test.after(() => site.close());

/** The worker does what is in the outbox. */
async function run(): Promise<void> {
  const send = async (job: (typeof sent)[number]) => sent.push(job);
  const worker = new RulesWorker({ archive: site.archive, clock, log, rules: RULES, send });
  worker.start();
  await worker.settled();
  await worker.stop();
}

const ended = (outcome: 'completed' | 'failed', node: string, committed: string[], failed: string[]) =>
  site.archive.putFacts({
    type: `commitment.${outcome}`,
    node,
    transactionUid: '2.25.9',
    sopInstanceUids: { committed, failed },
  });

test('what failed goes to another node and people are told; rules of other nodes and ends do nothing', async () => {
  await ended('failed', 'PACS', uids.slice(0, 1), uids.slice(1));
  await run();
  assert.equal(
    sent.map(({ node, instances }) => [node, instances]),
    [['SPARE', uids.slice(1)]],
  );
  assert.equal(told, ['warn call the PACS office']);
  await ended('completed', 'PACS', uids, []);
  await run();
  assert.is(sent.length, 1);
  assert.equal(told.slice(1), ['info rule: commitment.completed']);
});

test('what the node has been sent is not sent to it again; each fact has a job of its own name', async () => {
  sent.length = 0;
  await ended('failed', 'OTHER', [], uids.slice(0, 2));
  await ended('failed', 'OTHER', [], uids.slice(2));
  await run();
  assert.is(new Set(sent.map(({ sendId }) => sendId)).size, 2);
  await markSent(site, 'SPARE');
  await ended('failed', 'OTHER', [], uids);
  await run();
  assert.is(sent.length, 2);
});

test.run();
