import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const FLAGS = ['-std=c++20', '-O1', '-g1', '-pthread', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

/** Every source below `folder` that knows no N-API. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => join(root, folder, String(file)))
    .filter((file) => file.endsWith('.cc') && !/include .*(napi|job)\.h[">]/.test(readFileSync(file, 'utf8')))
    .filter((file) => !['module.cc', 'addon.cc'].includes(basename(file)))
    .sort();
}

async function compile(files: string[], folder: string): Promise<string[]> {
  const queue = files.map((file, i) => ({ file, object: join(folder, `${i}-${basename(file)}.o`) }));
  const objects = queue.map(({ object }) => object);
  const header = join(root, 'test/native/driver/std.h');
  await run('g++', [...FLAGS, '-x', 'c++-header', header, '-o', join(folder, 'std.h.gch')]);
  const include = [
    '-I',
    folder,
    '-include',
    'std.h',
    '-I',
    join(root, 'native'),
    '-I',
    join(root, 'test/native/driver'),
  ];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift())
      await run('g++', [...FLAGS, ...include, '-c', next.file, '-o', next.object]);
  };
  await Promise.all([worker(), worker()]);
  return objects;
}

test('the kernels run clean under the address and undefined-behaviour sanitizers, with 1 and 4 threads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'petrig-sanitize-'));
  try {
    const kernels = sources('native');
    const drivers = sources('test/native/driver');
    assert.ok(kernels.length > 5 && drivers.length > 3, `${kernels.length} kernels, ${drivers.length} drivers`);
    const objects = await compile([...kernels, ...drivers], folder);
    const program = join(folder, 'driver');
    await run('g++', [...FLAGS, ...objects, '-o', program]);
    const env = { ...process.env, UBSAN_OPTIONS: 'print_stacktrace=1' };
    const { stdout } = await run(program, [], { env, maxBuffer: 1 << 24 });
    const cases = Number(/^cases (\d+)$/m.exec(stdout)?.[1]);
    assert.is(stdout.split('\n').filter((line) => line.startsWith('ran ')).length, cases);
    assert.ok(cases >= drivers.length - 1, stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the sanitizers are on: a program that reads past a buffer or overflows is stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'petrig-sanitize-'));
  try {
    const source = join(folder, 'bad.cc');
    writeFileSync(
      source,
      '#include <vector>\nint main(int n, char**) { std::vector<int> v(n); return n == 1 ? v.data()[n] : 2147483647 + n; }\n',
    );
    const program = join(folder, 'bad');
    await run('g++', [...FLAGS, source, '-o', program]);
    for (const [args, complaint] of [
      [[], /AddressSanitizer/],
      [['x'], /runtime error/],
    ] as const) {
      const failure = await run(program, [...args]).then(
        () => '',
        (error: { stderr: string }) => error.stderr,
      );
      assert.match(failure, complaint);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
