/** Emergency stop and door in mid-scan, and what the command line answers to what may not be done. */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServiceClient } from '../../runtime/service/client.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import {
  clientOf,
  examOver,
  inPhase,
  inStage,
  killLeftOvers,
  runPetrig,
  startServe,
  testFolder,
} from '../helpers/petrig.js';
import {
  assertDelivered,
  assertStepsEnded,
  assertWholeArchive,
  closeSites,
  smallExam,
  smallProtocol,
  startSite,
} from '../helpers/site.js';

const test = suite('interlock and exit codes');
test.after(killLeftOvers);
test.after(closeSites);

/** Slow enough that an exposure lasts long enough to be hit. */
const SPEED = 8;
/** Of simulated time, from the button to the dark tube. */
const BEAM_OFF_MS = 5;

interface Stats {
  beamOn: boolean;
  beamOffLatencyMs: number | null;
}

async function beamOn(client: ServiceClient): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await client.call<Stats>('sim.do', { do: 'stats' })).beamOn) {
    if (performance.now() > end) throw new Error('no beam');
  }
}

test('emergency stop and door in mid-exposure, emergency stop in mid PET scan; then the examination completes', async () => {
  const folder = testFolder('interlock');
  const site = await startSite(folder);
  const serve = await startServe(folder, { speed: SPEED, nodes: site.nodes });
  const client = await clientOf(folder);
  const request = { protocol: smallProtocol(folder), accession: 'A1', bedSeconds: 16 };
  const span = { fromZ: -60, toZ: 60 };
  const { examId } = await client.call<{ examId: string }>('exam.start', { ...request, span });
  const doing = (action: string) => runPetrig(['simulate', action, '--data', join(folder, 'data')]);

  await inStage(client, 'CT scan');
  await beamOn(client);
  await client.call('sim.do', { do: 'openDoor' });
  await inPhase(client, examId, 'interrupted');
  const door = await client.call<Stats>('sim.do', { do: 'stats' });
  assert.is(door.beamOn, false);
  assert.ok(door.beamOffLatencyMs !== null && door.beamOffLatencyMs < BEAM_OFF_MS, `${door.beamOffLatencyMs} ms`);
  const early = await runPetrig(['exam', 'continue', examId, '--data', join(folder, 'data')]);
  assert.is(early.code, 3, early.stderr);
  assert.match(early.stderr, /interlock/);
  assert.is((await doing('closeDoor')).code, 0);
  assert.is((await runPetrig(['exam', 'continue', examId, '--data', join(folder, 'data')])).code, 0);

  await beamOn(client);
  await client.call('sim.do', { do: 'pressEmergencyStop' });
  await inPhase(client, examId, 'interrupted');
  const stop = await client.call<Stats>('sim.do', { do: 'stats' });
  assert.is(stop.beamOn, false);
  assert.ok(stop.beamOffLatencyMs !== null && stop.beamOffLatencyMs < BEAM_OFF_MS, `${stop.beamOffLatencyMs} ms`);
  await client.call('sim.do', { do: 'releaseEmergencyStop' });
  const latched = await client.call('exam.continue', { examId }).catch((error: Error) => error.message);
  assert.match(String(latched), /emergencyStop|interlock/, 'the latch holds until it is reset');
  await client.call('interlock.reset');
  await continueExam(client, examId);

  await inStage(client, 'PET scan');
  await client.call('sim.do', { do: 'pressEmergencyStop' });
  await inPhase(client, examId, 'interrupted');
  await client.call('sim.do', { do: 'releaseEmergencyStop' });
  await client.call('interlock.reset'); // PET goes on by itself once nothing stands in the way
  const report = await examOver(client, examId);
  assertDelivered(report);
  const [, ...ct] = report.dose.exposures;
  assert.equal(
    ct.map(({ label }) => /ended by (\w+)/.exec(label)?.[1] ?? 'whole'),
    ['interlock', 'emergencyStop', 'whole'],
    'what was cut short gave dose too',
  );
  assert.ok(ct.every(({ dlp }) => dlp > 0));
  assertStepsEnded(site, { repeats: 0 }, 'COMPLETED');
  client.close();
  await serve.stop();
  await site.close();
  await assertWholeArchive(join(folder, 'data'));
});

/** As soon as the reset has been seen. */
async function continueExam(client: ServiceClient, examId: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await client.call('exam.continue', { examId });
      return;
    } catch (error) {
      if (tries > 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test('exit codes: a limit, wrong usage, an unknown entry, a destination that refuses us', async () => {
  const folder = testFolder('exits');
  const data = join(folder, 'data');
  const site = await startSite(folder);
  const [node] = site.nodes;
  const ris = { ...node!, services: ['worklist' as const, 'mpps' as const] };
  const stranger = { ...node!, aeTitle: 'STRANGER', services: ['storage' as const] };
  const serve = await startServe(folder, { sendAttempts: 2, nodes: [ris, stranger] });
  const client = await clientOf(folder);
  const before = await client.call<{ table: { state: { horizontal: number } } }>('devices.get');

  const limit = await runPetrig([...smallExam(folder), '--ma', '700']);
  assert.is(limit.code, 3, limit.stderr);
  assert.match(limit.stderr, /limit\./);
  assert.match(limit.stderr, /666/, 'the limit is named');
  const refusal = JSON.parse(limit.stdout) as { error: { kind: string } };
  assert.is(refusal.error.kind, 'limit');
  const after = await client.call<typeof before>('devices.get');
  assert.equal(after.table.state.horizontal, before.table.state.horizontal, 'nothing moved');
  assert.is(site.creations(), 0, 'nothing was told');

  const unknown = await runPetrig(smallExam(folder).map((word) => (word === 'A1' ? 'NOPE' : word)));
  assert.is(unknown.code, 2, unknown.stderr);
  assert.match(unknown.stderr, /NOPE.*A1/s, 'the known ones are named');
  const wrong: string[][] = [
    ['exam', 'run', '--data', data],
    ['exam', 'run', '--protocol', 'nothing', '--accession', 'A1', '--data', data],
    ['exam', 'run', '--protocol', 'wholebody-fdg', '--span=80:20', '--accession', 'A1', '--data', data],
    ['exam', 'abort', 'no-such-exam', '--data', data],
    ['fly'],
  ];
  for (const args of wrong) assert.is((await runPetrig(args)).code, 2, args.join(' '));
  const unserved = await runPetrig(['exam', 'list', '--data', join(folder, 'elsewhere')]);
  assert.is(unserved.code, 2);
  assert.match(unserved.stderr, /petrig serve/, 'what to do is said');

  const topogram = ['exam', 'run', '--protocol', 'topogram', '--patient-id', 'P1', '--patient-name', 'DOE^JANE'];
  const run = await runPetrig([...topogram, '--span=-40:40', '--data', data, '--json']);
  assert.is(run.code, 4, run.stderr);
  const report = JSON.parse(run.stdout) as ExamReport;
  assert.is(report.outcome, 'COMPLETED', 'the examination itself is complete');
  assert.match(report.deliveries[0]?.error ?? '', /STRANGER/);
  client.close();
  await serve.stop();
  await site.close();
});

test.run();
