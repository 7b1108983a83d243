/**
 * Runs uvu test files, each in a process of its own with a deadline.
 *   npm test                      all of them
 *   npm test -- unit/cobs flow    those whose path holds one of the words
 *   PETRIG_TEST_SECONDS=600       deadline per file (default 300)
 * A file that ran no test fails. The last line is `N passed, N failed[, N skipped]`.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface FileResult {
  passed: number;
  failed: number;
  skipped: number;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const deadlineSeconds = Number(process.env.PETRIG_TEST_SECONDS ?? 300);
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));

const files = readdirSync(here, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word))))
  .sort();

function runFile(file: string): Promise<FileResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', `${here}${file}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, FORCE_COLOR: '0', UV_THREADPOOL_SIZE: '8' },
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-200_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, deadlineSeconds * 1000);
    const started = Date.now();
    child.on('close', (code) => {
      clearTimeout(timer);
      killGroup(child.pid); // what a test left running must not outlive its file
      const result = judge(output, code, timedOut);
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      console.log(
        `${result.failed ? 'FAIL' : 'ok  '} ${file}  ${result.passed} passed, ${result.failed} failed  ${seconds} s`,
      );
      if (result.failed)
        console.log(`${output.trimEnd()}\n${timedOut ? `deadline of ${deadlineSeconds} s passed\n` : ''}`);
      resolve(result);
    });
  });
}

function judge(output: string, code: number | null, timedOut: boolean): FileResult {
  const count = (name: string) => Number(new RegExp(`^\\s*${name}:\\s+(\\d+)`, 'm').exec(output)?.[1] ?? 0);
  const total = count('Total');
  const passed = count('Passed');
  const skipped = count('Skipped');
  const broken = timedOut || code !== 0 || total === 0;
  const failed = Math.max(total - passed, broken ? 1 : 0);
  return { passed, failed, skipped };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {
    // the group is gone
  }
}

const sum: FileResult = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  const result = await runFile(file);
  sum.passed += result.passed;
  sum.failed += result.failed;
  sum.skipped += result.skipped;
}
if (files.length === 0) {
  console.log(`no test file matches ${words.join(' ')}`);
  sum.failed = 1;
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped ? `, ${sum.skipped} skipped` : ''}`);
process.exitCode = sum.failed ? 1 : 0;
