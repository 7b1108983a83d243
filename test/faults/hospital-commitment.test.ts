/** Rules for storage commitment, as our SCU meets them: no free program asks for a commitment and shows each answer. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Reply } from '../../runtime/dicom/dimse/performer.js';
import { CommitmentScu } from '../../runtime/dicom/services/commitment-scu.js';
import { DicomServer, type Service } from '../../runtime/dicom/services/server.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import type { Hospital } from '../../sim/hospital/hospital.js';
import type { RuleInput } from '../../sim/hospital/script.js';
import { clock, localNode, log, type MadeFile, makeObject, scratch, scu } from '../helpers/dicom.js';
import { codeOf, startTestHospital, withRules } from '../helpers/hospital.js';
import { eventually } from '../helpers/peers.js';

const test = suite('hospital rules: commitment');
const folder = scratch();
const unclaimed: string[] = [];
const commitment = new CommitmentScu({
  clock,
  log,
  onUnclaimed: async ({ transactionUid }) => {
    unclaimed.push(transactionUid);
    return false;
  },
});
let modality: DicomServer;
let reports: { separate: boolean; reply: Reply }[] = [];
let hospital: Hospital;
let files: MadeFile[];

test.before(async () => {
  const service = commitment.service();
  const perform = service.operations['N-EVENT-REPORT']!;
  const watched: Service = {
    ...service,
    operations: {
      'N-EVENT-REPORT': async (request) => {
        const reply = await (perform(request) as Promise<Reply>);
        reports.push({ separate: true, reply });
        return reply;
      },
    },
  };
  modality = new DicomServer({ port: 0, clock, log, services: [watched] });
  const callbacks = [localNode(await modality.listen(), 'PETRIG')];
  hospital = await startTestHospital(folder, { callbacks });
  files = await Promise.all([makeObject(folder), makeObject(folder), makeObject(folder)]);
  await storeFiles(
    scu(hospital.pacs),
    files.map(({ path }) => path),
  );
});
test.before.each(() => {
  reports = [];
});
test.after(async () => {
  await hospital.close();
  await modality.close();
});

type Wish = Omit<Extract<RuleInput['do'], { action: 'commitment' }>, 'action'>;

function ask(wish: Wish, keepOpenMs = 0, commitMs = 5000) {
  const options = { ...scu(hospital.pacs, { timeouts: { commitMs } }), instances: files, keepOpenMs };
  const rule: RuleInput = { service: 'commitment', do: { action: 'commitment', ...wish } };
  return withRules(hospital, [rule], () => commitment.request(options));
}

test('the result fails, fails in part, or says all is well', async () => {
  const failed = await ask({ says: 'failed', failureReason: '0213' });
  assert.equal([failed.committed.length, failed.failed.map(({ reason }) => reason)], [0, ['0213', '0213', '0213']]);
  const partial = await ask({ says: 'partial' });
  assert.equal([partial.committed.length, partial.failed.length], [1, 2]);
  assert.is((await ask({ says: 'committed' })).committed.length, 3);
});

test('the result comes on the same association or on its own, at once or late', async () => {
  assert.is((await ask({ association: 'same' }, 5000)).committed.length, 3);
  assert.is(reports.length, 0);
  assert.is((await ask({ association: 'separate' })).committed.length, 3);
  assert.is(reports.length, 1);
  const started = performance.now();
  await ask({ delayMs: 400 });
  assert.ok(performance.now() - started >= 400);
});

test('the result never comes, comes twice, or late on an association that is gone', async () => {
  assert.is(await codeOf(ask({ times: 0 }, 0, 300)), 'peer.timeout');
  await ask({ times: 2 });
  await eventually(() => (reports.length === 2 ? true : undefined));
  assert.is(reports[0]!.reply.status, 0);
  // released before the result is due: it comes to the listed address instead
  assert.is((await ask({ association: 'same', delayMs: 300 })).committed.length, 3);
});

test('the result is for another transaction, or for other objects', async () => {
  const before = unclaimed.length;
  assert.is(await codeOf(ask({ wrong: 'transaction' }, 0, 500)), 'peer.timeout');
  assert.is(unclaimed.length, before + 1);
  assert.is.not(reports.at(-1)!.reply.status, 0);
  const mine = files.map(({ sopInstanceUid }) => sopInstanceUid);
  const others = await ask({ wrong: 'instances' });
  assert.ok(others.committed.every(({ sopInstanceUid }) => !mine.includes(sopInstanceUid)));
  const classes = await ask({ wrong: 'classes' });
  assert.ok(classes.committed.every(({ sopClassUid }, i) => sopClassUid !== files[i]!.sopClassUid));
  const contradiction = await ask({ wrong: 'event-type' });
  assert.is(contradiction.committed.length + contradiction.failed.length, 3);
});

test('the request itself is refused, and only that of the one who is meant', async () => {
  const refuse = (callingAe: string) =>
    withRules(
      hospital,
      [{ service: 'commitment', when: { callingAe }, do: { action: 'status', status: '0213' } }],
      () => codeOf(commitment.request({ ...scu(hospital.pacs), instances: files })),
    );
  assert.is(await refuse('PETRIG'), '0213');
  assert.is(await refuse('CT1'), 'none');
});

test.run();
