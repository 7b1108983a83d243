import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExamReport } from '../../runtime/service/operations.js';
import type { Benchmark, Measurement } from './benchmark.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT_MS = 600_000;

/** README's first command after the install: builds, scans, reconstructs, stores, sends. Stages overlap, so they add up to more. */
async function demo(): Promise<Measurement> {
  const data = mkdtempSync(join(tmpdir(), 'petrig-bench-demo-'));
  try {
    const started = performance.now();
    const args = ['run', '--silent', 'demo', '--', '--json', '--data', data];
    const { stdout } = await promisify(execFile)('npm', args, { cwd: ROOT, timeout: LIMIT_MS, maxBuffer: 1 << 24 });
    const value = (performance.now() - started) / 1000;
    const report = JSON.parse(stdout) as ExamReport;
    if (report.outcome !== 'COMPLETED') throw new Error(`the demo ended ${report.outcome}: ${report.reason}`);
    return { value, parts: Object.fromEntries(report.stages.map(({ name, seconds }) => [name, seconds])) };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

export const benchmarks: Benchmark[] = [{ name: 'demo', unit: 's', runs: 3, run: demo }];
