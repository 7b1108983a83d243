/** `petrig serve` killed in one stage of an examination and started again on the same data. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { ServiceClient } from '../../runtime/service/client.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import { clientOf, startServe, testFolder } from './petrig.js';
import { assertDelivered, assertStepsEnded, assertWholeArchive, type Site, smallProtocol, startSite } from './site.js';

export interface Crash {
  /** Resolves when the process is to be killed. */
  when(client: ServiceClient, data: string): Promise<unknown>;
  /** What the operator does where the examination waits for him. */
  operator?: 'continue' | 'abort';
  /** An instance or a request may have been under way whose answer died with the process: so many may come twice. */
  repeats?: { stores?: number; creations?: number };
}

const SPEED = 20;
const PATIENCE_MS = 120_000;

/** The examination ends by itself or by the operator, told once, delivered once, with nothing half-written left. */
export async function crashIn({ when, operator = 'continue', repeats = {} }: Crash): Promise<void> {
  const folder = testFolder('crash');
  const data = join(folder, 'data');
  const site = await startSite(folder);
  const first = await startServe(folder, { speed: SPEED, nodes: site.nodes });
  const client = await clientOf(folder);
  const request = { protocol: smallProtocol(folder), accession: 'A1', bedSeconds: 4, span: { fromZ: -40, toZ: 40 } };
  const reached = when(client, data);
  const { examId } = await client.call<{ examId: string }>('exam.start', request);
  await reached;
  await first.kill();

  const second = await startServe(folder, { speed: SPEED, nodes: site.nodes });
  const again = await clientOf(folder);
  const report = await conclude(again, examId, operator);
  const devices = await again.call<{ generator: { state: { beamOn: boolean } } }>('devices.get');
  assert.is(devices.generator.state.beamOn, false);
  again.close();
  await second.stop();
  await assertOutcome(report, site, data, repeats);
  await site.close();
}

async function assertOutcome(
  report: ExamReport,
  site: Site,
  data: string,
  { stores = 0, creations = 0 }: NonNullable<Crash['repeats']>,
): Promise<void> {
  if (report.outcome === 'COMPLETED') assertDelivered(report);
  assertStepsEnded(site, { repeats: creations }, report.outcome ?? 'IN PROGRESS');
  const uids = await assertWholeArchive(data);
  const numbers = report.series.map(({ seriesInstanceUid }) => seriesInstanceUid);
  assert.is(new Set(numbers).size, numbers.length, 'no series twice');
  assert.is(
    report.series.reduce((sum, one) => sum + one.count, 0),
    uids.length,
    'the archive holds what the report says',
  );
  assert.equal([...site.stores.keys()].sort(), [...uids].sort(), 'all of it at the destination');
  const extra = [...site.stores.values()].reduce((sum, times) => sum + times - 1, 0);
  assert.ok(extra <= stores, `${extra} instances were sent again`);
}

/** Gives the operator's order whenever the examination waits for one. */
async function conclude(client: ServiceClient, examId: string, order: 'continue' | 'abort'): Promise<ExamReport> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const { phase, reason } = await client.call<ExamReport>('exam.get', { examId });
    if (phase === 'completed' || phase === 'discontinued') return client.call('exam.wait', { examId });
    if (phase === 'interrupted') await client.call(`exam.${order}`, { examId }).catch(() => undefined);
    if (performance.now() > end) throw new Error(`examination is still ${phase}: ${reason}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Resolves when some objects are on the disk and more are being written. */
export async function objectsAppear(data: string, least: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const names = readdirSync(join(data, 'objects'), { recursive: true }).map(String);
    const whole = names.filter((name) => name.endsWith('.dcm')).length;
    if (whole >= least) return;
    if (performance.now() > end) throw new Error(`${whole} objects only`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
