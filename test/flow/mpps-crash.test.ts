/** The controller is killed while the RIS has taken the N-CREATE and its answer is still to come. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { loadProtocol } from '../../runtime/protocol/definition.js';
import type { StepReport } from '../../runtime/service/operations.js';
import { startHospital } from '../../sim/hospital/hospital.js';
import { parseScript } from '../../sim/hospital/script.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { eventually } from '../helpers/peers.js';
import { clientOf, examOver, killLeftOvers, startServe, testFolder } from '../helpers/petrig.js';

const test = suite('a crash between N-CREATE and its answer');
test.after(killLeftOvers);

test('the next start finds that the RIS has the step, and ends it: one step, one end', async () => {
  const folder = testFolder('mpps-crash');
  const silence = { service: 'mpps', when: { command: 'N-CREATE', count: 1 }, do: { action: 'silence', at: 'answer' } };
  const hospital = await startHospital({
    worklist: demoEntries('20261123', 'PETRIG'),
    dataDir: join(folder, 'hospital'),
    risPort: 0,
    pacsPort: 0,
    script: parseScript({ rules: [silence] }),
    clock: new ScaledClock(),
    log: silentLog,
  });
  const config = { nodes: [{ ...hospital.ris, services: ['worklist' as const, 'mpps' as const] }] };
  const whole = loadProtocol('wholebody-fdg');
  const protocol = join(folder, 'topogram.json');
  const ranges = whole.ranges.filter(({ kind }) => kind === 'topogram');
  writeFileSync(protocol, JSON.stringify({ ...whole, name: 'topogram', ranges }));

  let serve = await startServe(folder, config);
  const before = await clientOf(folder);
  const { examId } = await before.call<{ examId: string }>('exam.start', { protocol, accession: 'A1' });
  await eventually(() => hospital.mpps.size === 1 || undefined);
  await serve.kill();
  before.close();

  serve = await startServe(folder, config);
  const client = await clientOf(folder);
  // killed in mid-scan it waits for the operator, or went on: either way it ends now
  await client.call('exam.abort', { examId, reason: 'test' }).catch(() => undefined);
  const report = await examOver(client, examId, 60_000);
  const [step, ...others] = await client.call<StepReport[]>('mpps.list');
  assert.is(others.length, 0);
  assert.is(step?.phase, report.outcome?.toLowerCase(), JSON.stringify({ step, report }));
  assert.equal(
    [...hospital.mpps.values()].map(({ status }) => status),
    [report.outcome],
  );
  client.close();
  await serve.stop();
  await hospital.close();
});

test.run();
