/** Quality control as its users run it: a phantom is scanned, its images measured, reports kept. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { QcReport } from '../../runtime/qc/report.js';
import { runPetrig, testFolder } from '../helpers/petrig.js';

const test = suite('petrig qc');

test('water at every tube voltage: figures within their limits, a report as JSON and as a page', async () => {
  const data = testFolder('qc');
  const { code, stdout, stderr } = await runPetrig(['qc', 'ct-water', '--data', data, '--json']);
  assert.is(code, 0, stderr);
  const report = JSON.parse(stdout) as QcReport;
  assert.is(report.passed, true);
  const figure = (name: string) => report.checks.find((check) => check.name === name)!.value;
  assert.ok(Math.abs(figure('Water, 120 kV')) < 2);
  assert.ok(figure('Noise, 80 kV') > figure('Noise, 140 kV'), 'fewer photons at a low voltage');
  const files = readdirSync(join(data, 'qc')).sort();
  assert.equal(files.map((name) => name.replace(/-.*\./, '-.')).sort(), ['ct-.html', 'ct-.json']);
  assert.equal(
    JSON.parse(readFileSync(join(data, 'qc', files.find((name) => name.endsWith('.json'))!), 'utf8')),
    report,
  );
});

test('outside of its limits it says so, and ends with 1', async () => {
  const data = testFolder('qc');
  // too few counts for any image
  const words = ['qc', 'daily', '--data', data, '--bed-seconds', '1', '--json'];
  const { code, stdout, stderr } = await runPetrig(words);
  assert.is(code, 1, stderr);
  const report = JSON.parse(stdout) as QcReport;
  assert.is(report.passed, false);
  assert.ok(report.checks.some(({ name, value, max }) => name.startsWith('Uniformity') && value > max!));
});

test.run();
