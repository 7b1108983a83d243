/** The simulated devices behind pseudo-terminals in one process, the controller in another. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExamReport } from '../../runtime/service/operations.js';
import { actOnRig, killLeftOvers, runPetrig, startPetrig, startServe, testFolder } from '../helpers/petrig.js';
import {
  assertDelivered,
  assertStepsEnded,
  assertWholeArchive,
  closeSites,
  smallExam,
  startSite,
} from '../helpers/site.js';

const test = suite('bench on pseudo-terminals');
test.after(killLeftOvers);
test.after(closeSites);

test('an examination over ptys and TCP bulk ends completed and delivered', async () => {
  const folder = testFolder('pty');
  const rig = join(folder, 'rig');
  const site = await startSite(folder);
  const hardware = await startPetrig(['sim', 'hardware', '--pty', rig, '--speed', '20']);
  assert.is(hardware.ready.hardware, `serial:${rig}`);
  const serve = await startServe(folder, { hardware: `serial:${rig}`, speed: 20, nodes: site.nodes });
  const run = await runPetrig(smallExam(folder));
  assert.is(run.code, 0, `${run.stderr}\n${serve.output()}\n${hardware.output()}`);
  const report = JSON.parse(run.stdout) as ExamReport;
  assertDelivered(report);
  assert.is(report.mpps, 'completed');
  assert.equal(report.deviations, []);
  assertStepsEnded(site, { repeats: 0 }, 'COMPLETED');

  const stats = (await actOnRig(rig, { do: 'stats' })).stats as Record<string, unknown>;
  assert.is(stats.beamOn, false);
  assert.is(stats.bulkBlocksLost, 0);
  assert.ok(Number(stats.ctBlocksSent) > 0 && Number(stats.petBlocksSent) > 0, 'bulk went over TCP');

  await serve.stop();
  const uids = await assertWholeArchive(join(folder, 'data'));
  assert.equal([...site.stores.keys()].sort(), uids.sort());
  assert.equal([...new Set(site.stores.values())], [1], 'each instance was sent once');
  await hardware.stop();
  assert.equal(existsSync(rig) ? readdirSync(rig) : [], [], 'the rig folder is left empty');
  await site.close();
});

test.run();
