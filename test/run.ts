/**
 * Runs uvu test files, each in a process of its own with a deadline, several at a time.
 *   npm test                      all of them, on the program as `npm run build` makes it
 *   npm test -- unit/cobs flow    those whose path holds one of the words
 *   npm test -- --jobs 1          one after the other (default: as many as there are cores)
 *   PETRIG_TEST_SECONDS=600       deadline per file (default 300)
 * `lanes.json` says which need the machine to themselves.
 * A file that ran no test fails. The last line is `N passed, N failed[, N skipped]`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readTable } from '../hal/base/table.js';

interface FileResult {
  passed: number;
  failed: number;
  skipped: number;
}

interface Lanes {
  /** They assert times or take the whole machine: nothing else runs beside them. */
  alone: { files: string; why: string }[];
}

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const lanes: Lanes = readTable(import.meta.url, './lanes.json');
const deadlineSeconds = Number(process.env.PETRIG_TEST_SECONDS ?? 300);
const { jobs, words } = readArguments(process.argv.slice(2));
const running = new Set<number>();

function readArguments(given: string[]): { jobs: number; words: string[] } {
  const at = given.indexOf('--jobs');
  const jobs = at < 0 ? availableParallelism() : Number(given[at + 1]);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 64) throw new Error('--jobs: expected a number from 1 to 64');
  const words = given.filter((word, i) => !word.startsWith('-') && (at < 0 || i !== at + 1));
  return { jobs, words };
}

function chosenFiles(): string[] {
  return readdirSync(here, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word))))
    .sort();
}

function runFile(file: string, env: NodeJS.ProcessEnv): Promise<FileResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', `${here}${file}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...env, FORCE_COLOR: '0', UV_THREADPOOL_SIZE: '8' },
    });
    if (child.pid) running.add(child.pid);
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
    const started = performance.now();
    child.on('close', (code) => {
      clearTimeout(timer);
      killGroup(child.pid); // what a test left running must not outlive its file
      const result = judge(output, code, timedOut);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
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
  if (!pid) return;
  running.delete(pid);
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // the group is gone
  }
}

/** Tests that start the program start it compiled, as users do; a single file need not wait for the compiler. */
function buildProgram(): NodeJS.ProcessEnv {
  const build = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (build.status !== 0) throw new Error('npm run build failed');
  return { ...process.env, PETRIG_TEST_PROGRAM: `${root}dist/runtime/cli/petrig.js` };
}

async function runAll(files: readonly string[], env: NodeJS.ProcessEnv): Promise<FileResult> {
  const sum: FileResult = { passed: 0, failed: 0, skipped: 0 };
  const isAlone = (file: string) => lanes.alone.some((entry) => file.startsWith(entry.files));
  const alone = files.filter(isAlone);
  const light = files.filter((file) => !isAlone(file));
  const drain = async (queue: string[]) => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const result = await runFile(file, env);
      sum.passed += result.passed;
      sum.failed += result.failed;
      sum.skipped += result.skipped;
    }
  };
  await drain(alone);
  await Promise.all(Array.from({ length: jobs }, () => drain(light)));
  return sum;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const pid of running) killGroup(pid);
    process.exit(1);
  });
}
const files = chosenFiles();
const sum = await runAll(files, words.length === 0 ? buildProgram() : process.env);
if (files.length === 0) {
  console.log(`no test file matches ${words.join(' ')}`);
  sum.failed = 1;
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped ? `, ${sum.skipped} skipped` : ''}`);
process.exitCode = sum.failed ? 1 : 0;
