/** One side of the bench is killed in mid-scan: the beam goes off, and the examination ends or goes on. */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServiceClient } from '../../runtime/service/client.js';
import {
  actOnRig,
  clientOf,
  examOver,
  inPhase,
  inStage,
  killLeftOvers,
  nextEvent,
  type PetrigProcess,
  startPetrig,
  startServe,
  testFolder,
} from '../helpers/petrig.js';
import {
  assertDelivered,
  assertStepsEnded,
  assertWholeArchive,
  closeSites,
  type Site,
  smallProtocol,
  startSite,
} from '../helpers/site.js';

const test = suite('bench killed in mid-scan');
test.after(killLeftOvers);
test.after(closeSites);

/** Slow enough that an exposure lasts seconds of wall time. */
const SPEED = 4;
/** The device's own limit is 200 ms of host silence; the rest is what asking costs on a busy machine. */
const BEAM_OFF_MS = 1000;

interface Rig {
  folder: string;
  rig: string;
  site: Site;
  hardware: PetrigProcess;
  serve: PetrigProcess;
  client: ServiceClient;
}

function startRigHardware(rig: string): Promise<PetrigProcess> {
  return startPetrig(['sim', 'hardware', '--pty', rig, '--speed', String(SPEED)]);
}

function startRigServe(folder: string, site: Site): Promise<PetrigProcess> {
  return startServe(folder, { hardware: `serial:${join(folder, 'rig')}`, speed: SPEED, nodes: site.nodes });
}

async function startRig(name: string): Promise<Rig> {
  const folder = testFolder(name);
  const rig = join(folder, 'rig');
  const site = await startSite(folder);
  const hardware = await startRigHardware(rig);
  const serve = await startRigServe(folder, site);
  return { folder, rig, site, hardware, serve, client: await clientOf(folder) };
}

async function startExam({ folder, client }: Rig, half: number, bedSeconds = 2): Promise<string> {
  const request = { protocol: smallProtocol(folder), accession: 'A1', bedSeconds };
  const { examId } = await client.call<{ examId: string }>('exam.start', {
    ...request,
    span: { fromZ: -half, toZ: half },
  });
  return examId;
}

async function beamIs(rig: string, on: boolean, ms: number): Promise<number> {
  const started = performance.now();
  for (;;) {
    const { stats } = (await actOnRig(rig, { do: 'stats' })) as { stats: { beamOn: boolean } };
    const waited = performance.now() - started;
    if (stats.beamOn === on) return waited;
    if (waited > ms) throw new Error(`beam is ${on ? 'not on' : 'still on'} after ${waited} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function stop({ serve, hardware, site, client }: Rig): Promise<void> {
  client.close();
  await serve.stop();
  await hardware.stop();
  await site.close();
}

test('controller killed in mid-exposure: beam off by the device, exam ended, the next one runs', async () => {
  const bench = await startRig('kill-serve');
  const { folder, rig, site } = bench;
  const examId = await startExam(bench, 120);
  await inStage(bench.client, 'CT scan');
  await beamIs(rig, true, 20_000);
  await bench.serve.kill();
  const offMs = await beamIs(rig, false, BEAM_OFF_MS);
  assert.ok(offMs < BEAM_OFF_MS, `${offMs} ms`);

  bench.serve = await startRigServe(folder, site);
  bench.client = await clientOf(folder);
  const left = await inPhase(bench.client, examId, 'interrupted');
  assert.is(left.outcome, undefined, 'an exposure is never repeated without the operator');
  assert.is(((await actOnRig(rig, { do: 'stats' })).stats as { beamOn: boolean }).beamOn, false);
  await bench.client.call('exam.abort', { examId });
  const ended = await examOver(bench.client, examId);
  assert.is(ended.outcome, 'DISCONTINUED');
  assertStepsEnded(site, { repeats: 0 }, 'DISCONTINUED');

  const next = await startExam(bench, 40);
  assertDelivered(await examOver(bench.client, next));
  assertStepsEnded(site, { repeats: 0 }, 'COMPLETED', 'DISCONTINUED');
  await stop(bench);
  await assertWholeArchive(join(folder, 'data'));
});

test('hardware killed in mid PET scan: the loss is seen within 250 ms, the range resumes and completes', async () => {
  const bench = await startRig('kill-rig');
  const { folder, rig, site, client } = bench;
  const examId = await startExam(bench, 40, 16);
  await inStage(client, 'PET scan');
  const lost = nextEvent(client, (event) => event.type === 'device' && event.device === 'table' && !!event.fault);
  await bench.hardware.kill();
  const event = await lost;
  const silent = /linkLost nothing heard for (\d+) ms/.exec(event.type === 'device' ? (event.fault ?? '') : '');
  assert.ok(silent && Number(silent[1]) <= 250, JSON.stringify(event));
  await inPhase(client, examId, 'interrupted');
  const refused = await client.call('exam.continue', { examId }).catch((error: Error) => error.message);
  assert.match(String(refused), /link/, 'what stands in the way is named');

  bench.hardware = await startRigHardware(rig);
  const report = await examOver(client, examId);
  assertDelivered(report);
  assertStepsEnded(site, { repeats: 0 }, 'COMPLETED');
  await stop(bench);
  await assertWholeArchive(join(folder, 'data'));
});

test('hardware killed in mid-exposure: interrupted, and the operator ends it', async () => {
  const bench = await startRig('kill-ct');
  const { folder, rig, site, client } = bench;
  const examId = await startExam(bench, 120);
  await inStage(client, 'CT scan');
  await beamIs(rig, true, 20_000);
  await bench.hardware.kill();
  const report = await inPhase(client, examId, 'interrupted');
  assert.is(report.outcome, undefined);
  await client.call('exam.abort', { examId });
  const ended = await examOver(client, examId);
  assert.is(ended.outcome, 'DISCONTINUED');
  assert.match(ended.reason ?? '', /link|generator|table|gantry/);
  assertStepsEnded(site, { repeats: 0 }, 'DISCONTINUED');
  client.close();
  await bench.serve.stop();
  await site.close();
  await assertWholeArchive(join(folder, 'data'));
});

test.run();
