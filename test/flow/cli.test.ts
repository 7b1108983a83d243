/** The command line as people meet it: help, doctor, lists, and the demonstration. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExamReport } from '../../runtime/service/operations.js';
import { freePort } from '../helpers/peers.js';
import { killLeftOvers, runPetrig, startServe, testFolder } from '../helpers/petrig.js';
import { assertDelivered, assertWholeArchive, closeSites, smallProtocol, startSite } from '../helpers/site.js';

const test = suite('command line');
test.after(killLeftOvers);
test.after(closeSites);

interface Findings {
  ok: boolean;
  findings: { check: string; ok: boolean; found: string; remedy: string }[];
}

test('help of every command says what it does and with what', async () => {
  const top = await runPetrig(['--help']);
  assert.is(top.code, 0);
  assert.match(top.stdout, /Exit codes: 0 done/);
  const list = top.stdout.slice(top.stdout.indexOf('Commands:'), top.stdout.indexOf('Examples:'));
  const commands = [...list.matchAll(/^ {2}([a-z]+)\b.* {2,}\S/gm)].map(([, name]) => name!);
  for (const name of ['demo', 'serve', 'sim', 'exam', 'worklist', 'devices', 'simulate', 'protocols', 'doctor']) {
    assert.ok(commands.includes(name), `${name} in the help`);
  }
  const lines = [...new Set(commands)].filter((name) => name !== 'help');
  const nested = [
    ['exam', 'run'],
    ['exam', 'continue'],
    ['sim', 'hardware'],
    ['sim', 'hospital'],
    ['worklist', 'update'],
    ['worklist', 'query'],
    ['mpps', 'discontinue'],
  ];
  for (const command of [...lines.map((name) => [name]), ...nested]) {
    const help = await runPetrig([...command, '--help']);
    assert.is(help.code, 0, command.join(' '));
    assert.match(help.stdout, new RegExp(`^Usage: petrig ${command.join(' ')}`), command.join(' '));
  }
});

test('doctor finds what is built, and names what to do about a taken port and a node that is not there', async () => {
  const folder = testFolder('doctor');
  const config = join(folder, 'site.json');
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
  });
  const gone = { aeTitle: 'GONE', host: '127.0.0.1', port: await freePort() };
  const site = (dicomPort: number, nodes: object[]) =>
    writeFileSync(
      config,
      JSON.stringify({ dicom: { port: dicomPort }, service: { port: 0 }, data: join(folder, 'data'), nodes }),
    );
  const doctor = async () => {
    const { code, stdout, stderr } = await runPetrig(['doctor', '--config', config, '--json']);
    assert.ok(stdout, stderr);
    return { code, report: JSON.parse(stdout) as Findings };
  };

  site(0, []);
  const well = await doctor();
  assert.is(well.code, 0, JSON.stringify(well.report));
  assert.is(well.report.ok, true);
  const addon = well.report.findings.find(({ check }) => check === 'native addon');
  assert.ok(addon?.ok && existsSync(addon.found), 'the addon and where it is');

  site(port, [{ ...gone, services: ['worklist'] }]);
  const ill = await doctor();
  assert.is(ill.code, 1);
  const bad = ill.report.findings.filter(({ ok }) => !ok);
  assert.equal(bad.map(({ check }) => check).sort(), ['DICOM port', 'node GONE (worklist)']);
  for (const { check, remedy } of bad) assert.ok(remedy.length > 10, `${check}: what to do`);
  taken.close();
});

test('protocols, worklist update and devices', async () => {
  const folder = testFolder('lists');
  const data = join(folder, 'data');
  const catalogue = await runPetrig(['protocols', '--json']);
  const names = (JSON.parse(catalogue.stdout) as { name: string }[]).map(({ name }) => name);
  assert.ok(names.includes('wholebody-fdg') && names.length >= 9, names.join());
  const plan = JSON.parse((await runPetrig(['protocols', 'wholebody-fdg'])).stdout) as { ranges: { kind: string }[] };
  assert.equal(
    plan.ranges.map(({ kind }) => kind),
    ['topogram', 'ct', 'pet'],
  );

  const site = await startSite(folder);
  const serve = await startServe(folder, { nodes: site.nodes, worklistQuery: { intervalMinutes: 0 } });
  const before = JSON.parse((await runPetrig(['worklist', 'list', '--data', data, '--json'])).stdout) as object[];
  assert.equal(before, []);
  const update = await runPetrig(['worklist', 'update', '--data', data, '--json']);
  assert.is(update.code, 0, update.stderr);
  const { entries: items } = JSON.parse(update.stdout) as { entries: { accessionNumber: string }[] };
  assert.ok(items.some(({ accessionNumber }) => accessionNumber === 'A1'));
  const devices = await runPetrig(['devices', '--data', data, '--json']);
  const report = JSON.parse(devices.stdout) as Record<
    string,
    { lifecycle: string; identity: { model: string } | null }
  >;
  assert.is(Object.keys(report).length, 7);
  for (const [name, { lifecycle, identity }] of Object.entries(report)) {
    assert.is(lifecycle, 'active', name);
    assert.ok(identity?.model, name);
  }
  await serve.stop();
  await site.close();
});

test('the demonstration ends with its document', async () => {
  const folder = testFolder('demo');
  const data = join(folder, 'data');
  const options = ['--data', data, '--protocol', smallProtocol(folder), '--bed-seconds', '2', '--seed', '3'];
  const demo = await runPetrig(['demo', ...options, '--json']);
  assert.is(demo.code, 0, demo.stderr);
  const report = JSON.parse(demo.stdout) as ExamReport;
  assertDelivered(report);
  assert.is(report.mpps, 'completed');
  const stages = report.stages.map(({ name }) => name);
  for (const name of ['topogram', 'CT scan', 'PET scan', 'CT images', 'PET images', 'storing', 'sending']) {
    assert.ok(stages.includes(name), name);
  }
  const ct = report.dose.exposures.find(({ kind }) => kind === 'ct');
  assert.ok(ct && ct.ctdiVol > 0 && ct.dlp > 0, 'dose of the CT');
  assert.ok(report.countRates.length > 0 && report.countRates.every((rate) => rate.promptsPerSecond > 0));
  assert.is(report.previews.length, 3, 'CT, PET and their fusion');
  for (const file of report.previews) {
    assert.equal([...readFileSync(file).subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47], file);
  }
  assert.match(demo.stderr, /CT scan +\d+ %/, 'progress');
  await assertWholeArchive(data);
});

test.run();
