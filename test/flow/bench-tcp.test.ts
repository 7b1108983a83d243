/** The simulated devices on TCP ports in one process, the controller in another. */

import { connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExamReport } from '../../runtime/service/operations.js';
import { ACTION_PORT_OFFSET } from '../../sim/hardware.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { killLeftOvers, runPetrig, startPetrig, startServe, testFolder } from '../helpers/petrig.js';
import {
  assertDelivered,
  assertStepsEnded,
  assertWholeArchive,
  closeSites,
  smallExam,
  startSite,
} from '../helpers/site.js';

enterPrivateNetwork(); // a row of ports of our own

const BASE = 21_000;

const test = suite('bench on TCP');
test.after(killLeftOvers);
test.after(closeSites);

/** One action line, answered by one line. */
function act(action: object): Promise<{ ok: boolean; stats: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const socket = connect(BASE + ACTION_PORT_OFFSET, '127.0.0.1');
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (!text.includes('\n')) return;
      socket.destroy();
      resolve(JSON.parse(text));
    });
    socket.write(`${JSON.stringify(action)}\n`);
  });
}

test('an examination over TCP ends completed and delivered', async () => {
  const folder = testFolder('tcp');
  const site = await startSite(folder);
  const hardware = await startPetrig(['sim', 'hardware', '--tcp', String(BASE), '--speed', '20']);
  const where = `tcp:127.0.0.1:${BASE}`;
  assert.is(hardware.ready.hardware, where);
  const serve = await startServe(folder, { hardware: where, speed: 20, nodes: site.nodes });
  const run = await runPetrig(smallExam(folder));
  assert.is(run.code, 0, `${run.stderr}\n${serve.output()}\n${hardware.output()}`);
  const report = JSON.parse(run.stdout) as ExamReport;
  assertDelivered(report);
  assert.equal(report.deviations, []);
  assertStepsEnded(site, { repeats: 0 }, 'COMPLETED');

  const { stats } = await act({ do: 'stats' });
  assert.is(stats.beamOn, false);
  assert.is(stats.bulkBlocksLost, 0);
  const refused = await act({ do: 'levitate' });
  assert.is(refused.ok, false, 'an unknown action is answered, not obeyed');

  await serve.stop();
  assert.equal([...site.stores.keys()].sort(), (await assertWholeArchive(join(folder, 'data'))).sort());
  await hardware.stop();
  await site.close();
});

test.run();
