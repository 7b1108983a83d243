import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor } from 'xstate';
import { ManualClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { machineClock } from '../../machines/clock.js';
import type { SendBatchInput, SendInput, SendOutput } from '../../machines/send.types.js';
import { provideSend, type SendTasks } from '../../machines/tasks.js';
import { tick } from './world.js';

const test = suite('send job');

const input: SendInput = { sendId: 'S1', node: 'PACS', instances: ['1', '2', '3', '4'], commitment: true };

/** A node that keeps count of what it was sent. */
function node(answer: (uid: string, batch: SendBatchInput) => 'ok' | 'refuse' | 'break') {
  const received: string[] = [];
  const asked: string[][] = [];
  const tasks: SendTasks = {
    sendBatch: async (batch) => {
      const refused: { uid: string; status: number }[] = [];
      for (const uid of batch.instances) {
        await tick();
        const how = answer(uid, batch);
        if (how === 'break') throw new ScannerError('peer.aborted', { node: 'PACS', reason: 'test' });
        if (how === 'refuse') refused.push({ uid, status: 0xa900 });
        else {
          received.push(uid);
          batch.acknowledged([uid]);
        }
      }
      return { acknowledged: [], refused };
    },
    requestCommitment: async ({ instances }) => {
      await tick();
      asked.push(instances);
      return {};
    },
    inspectSend: async () => ({ acknowledged: received.slice(), committed: [] }),
  };
  return { received, asked, tasks };
}

async function run(
  tasks: SendTasks,
  from: SendInput,
  script: (actor: ReturnType<typeof started>['actor'], step: number) => void,
) {
  const { actor, clock } = started(tasks, from);
  const pauses: number[] = [];
  let since = 0;
  for (let step = 0; step < 4000 && actor.getSnapshot().status === 'active'; step++) {
    script(actor, step);
    await tick();
    if (actor.getSnapshot().value === 'queued') actor.send({ type: 'START' });
    if (actor.getSnapshot().value === 'backingOff') since += 100;
    else if (since > 0) {
      pauses.push(since);
      since = 0;
    }
    clock.advance(100);
  }
  return { output: actor.getSnapshot().output as SendOutput, pauses, snapshot: actor.getSnapshot() };
}

function started(tasks: SendTasks, from: SendInput) {
  const clock = new ManualClock();
  const actor = createActor(provideSend(tasks), { input: from, clock: machineClock(clock) });
  actor.start();
  return { actor, clock };
}

const reporting = (uids: string[]) => (actor: ReturnType<typeof started>['actor']) => {
  if (actor.getSnapshot().value === 'awaitingCommitment') {
    actor.send({ type: 'COMMITMENT_REPORTED', committed: uids, failed: [] });
  }
};

test('an association that breaks after each object sends none twice, with growing pauses', async () => {
  const pacs = node((uid, { attempt }) => (Number(uid) > attempt ? 'break' : 'ok'));
  const { output, pauses } = await run(pacs.tasks, input, reporting(['1', '2', '3', '4']));
  assert.is(output.outcome, 'done');
  assert.equal(pacs.received, ['1', '2', '3', '4']);
  assert.equal(output.committed, ['1', '2', '3', '4']);
  assert.is(pauses.length, 3);
  assert.ok(pauses[0]! < pauses[1]! && pauses[1]! < pauses[2]!, `pauses ${pauses}`);
});

test('a restart in mid-send asks the archive and sends only the rest', async () => {
  const pacs = node((uid, { attempt }) => (attempt === 1 && uid === '3' ? 'break' : 'ok'));
  const { actor } = started(pacs.tasks, input);
  actor.send({ type: 'START' });
  while (actor.getSnapshot().value !== 'backingOff') await tick();
  // the record is older than what the node has acknowledged
  const context = { ...actor.getSnapshot().context, acknowledged: [] };
  actor.stop();
  const recovered = { value: 'sending', context };
  const { output } = await run(pacs.tasks, { ...input, recovered }, reporting(['1', '2', '3', '4']));
  assert.is(output.outcome, 'done');
  assert.equal(pacs.received, ['1', '2', '3', '4']);
});

test('what the node refuses for good fails the job, the others are delivered', async () => {
  const pacs = node((uid) => (uid === '2' ? 'refuse' : 'ok'));
  const { output } = await run(pacs.tasks, { ...input, commitment: false }, () => {});
  assert.is(output.outcome, 'failed');
  assert.equal(output.refused, [{ uid: '2', status: 0xa900 }]);
  assert.equal(output.acknowledged, ['1', '3', '4']);
  assert.match(output.error?.message ?? '', /0xA900/);
});

test('an unanswered commitment is asked for three times, then what was not committed is named', async () => {
  const pacs = node(() => 'ok');
  let told = false;
  const { output } = await run(pacs.tasks, input, (actor) => {
    if (told || actor.getSnapshot().value !== 'awaitingCommitment') return;
    told = true;
    actor.send({ type: 'COMMITMENT_REPORTED', committed: ['1', '3', '99'], failed: [] });
  });
  assert.equal(pacs.asked, [
    ['1', '2', '3', '4'],
    ['2', '4'],
    ['2', '4'],
  ]);
  assert.is(output.outcome, 'failed');
  assert.equal(output.committed, ['1', '3']);
  assert.equal(output.uncommitted, ['2', '4']);
  assert.equal(pacs.received, ['1', '2', '3', '4']);
});

test('a node that cannot be reached is given up after the limit of tries', async () => {
  let tries = 0;
  const pacs = node(() => 'ok');
  const unreachable = async () => {
    tries++;
    throw new ScannerError('peer.connect', { node: 'PACS', host: 'h', port: 1, message: 'refused' });
  };
  const { output } = await run({ ...pacs.tasks, sendBatch: unreachable }, { ...input, attemptLimit: 3 }, () => {});
  assert.is(tries, 3);
  assert.is(output.outcome, 'failed');
  assert.is(output.error?.code, 'peer.connect');
});

test.run();
