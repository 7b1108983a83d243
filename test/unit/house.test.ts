/** The house keeps its own rules: folders explained, files short, documents true, tables complete, generated files fresh. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_KINDS, registeredErrors } from '../../hal/base/errors.js';
import { parseConfig } from '../../runtime/config.js';
import type { Benchmark } from '../bench/benchmark.js';
import { PROGRAM } from '../helpers/petrig.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('house');

/** Top-level folders, and how deep their folders need a README. */
const README_DEPTH: Record<string, number> = {
  hal: 2,
  sim: 2,
  native: 2,
  machines: 2,
  runtime: 2,
  test: 1,
  docs: 1,
  scripts: 1,
};
const README_LINES = 30;
const FILE_LINES = 300;
/** Longer than they should be: may shrink, may not grow. */
const LONG: Record<string, number> = {
  'test/conformance/devices.ts': 319,
  'test/dicom/objects.test.ts': 404,
  'test/native/physics-pet.test.ts': 342,
  'test/unit/session.test.ts': 306,
};
const SOURCE = /\.(ts|mjs|cc|h)$/;
const GENERATED = /(^|\/)generated\/|^docs\/firmware\//;

const files = trackedFiles();
const sources = files.filter((file) => SOURCE.test(file) && !GENERATED.test(file));
const markdown = files.filter((file) => file.endsWith('.md'));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const linesOf = (file: string) => read(file).trimEnd().split('\n').length;

/** What git would commit; without git, everything but what `.gitignore` names. */
function trackedFiles(): string[] {
  const git = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  if (git.status === 0) {
    const listed = git.stdout.toString().split('\n').filter(Boolean);
    return [...new Set(listed)].filter((file) => file !== 'node_modules' && existsSync(join(ROOT, file)));
  }
  const folders = [...Object.keys(README_DEPTH), '.ci'];
  const below = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length)),
  );
  return [...below, 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'package.json'];
}

test('every folder says what lives in it, in less than 30 lines', () => {
  const folders = new Set<string>();
  for (const file of sources) {
    const [top = ''] = file.split('/');
    const parts = dirname(file)
      .split('/')
      .slice(0, README_DEPTH[top] ?? 0);
    for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join('/'));
  }
  assert.ok(folders.size > 30, `${folders.size} folders`);
  const wrong = [...folders].filter((folder) => {
    const readme = `${folder}/README.md`;
    return !files.includes(readme) || linesOf(readme) >= README_LINES;
  });
  assert.equal(wrong, []);
});

test('no source file is longer than 300 lines', () => {
  const long = sources.filter((file) => linesOf(file) > (LONG[file] ?? FILE_LINES));
  assert.equal(long, []);
  const shortened = Object.keys(LONG).filter((file) => !files.includes(file) || linesOf(file) <= FILE_LINES);
  assert.equal(shortened, [], 'these need no exception any more');
});

test('nothing speaks of where or how it was written', () => {
  const words = ['../sha' + 'red', '/wo' + 'rk/', '/tmp/' + 'wt', 'iss' + 'ue #', 'TO' + 'DO', 'FIX' + 'ME'];
  const texts = files.filter((file) => /\.(ts|mjs|cc|h|md|json|gyp|sh)$/.test(file) && file !== 'package-lock.json');
  const found = texts.flatMap((file) => {
    const text = read(file);
    return words.filter((word) => text.includes(word)).map((word) => `${file}: ${word}`);
  });
  assert.equal(found, []);
});

test('error codes: all that are thrown are registered, all that are registered are used', () => {
  const product = sources.filter((file) => /^(hal|sim|native|machines|runtime)\//.test(file) && file.endsWith('.ts'));
  const code = new RegExp(`['"\`]((?:${ERROR_KINDS.join('|')})\\.[a-zA-Z]+)['"\`]`, 'g');
  const used = new Set<string>();
  const thrown = new Set<string>();
  for (const file of product) {
    const text = read(file);
    for (const [, name] of text.matchAll(code)) used.add(name!);
    for (const [, name] of text.matchAll(/new ScannerError\(\s*['"`]([^'"`]+)['"`]/g)) thrown.add(name!);
  }
  const registered = Object.keys(registeredErrors());
  assert.ok(thrown.size > 20, `${thrown.size} codes are thrown`);
  assert.equal(
    [...thrown].filter((name) => !registered.includes(name)),
    [],
    'not registered',
  );
  assert.equal(
    registered.filter((name) => !used.has(name)),
    [],
    'not used',
  );
});

test('generated files are what the dictionaries say', () => {
  const run = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/gen.ts', '--check'], { cwd: ROOT });
  assert.is(run.status, 0, run.stderr.toString());
});

test('every package that is installed for users is used', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const text = [...sources.filter((file) => !file.startsWith('test/')), 'binding.gyp', 'package.json']
    .map(read)
    .join('\n')
    .replace(/"dependencies": \{[^}]*\}/, '');
  const unused = Object.keys(dependencies).filter((name) => !new RegExp(`['"/ ]${name}['"/ ]`).test(text));
  assert.equal(unused, []);
});

test('documents: links lead somewhere, scripts and settings that they name exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const wrong: string[] = [];
  for (const file of markdown) {
    const text = read(file);
    for (const [, target] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (!/^https?:/.test(target!) && !existsSync(join(ROOT, dirname(file), target!)))
        wrong.push(`${file}: ${target}`);
    }
    for (const [, name] of text.matchAll(/npm run (?:--silent )?([\w:]+)/g)) {
      if (!scripts[name!]) wrong.push(`${file}: npm run ${name}`);
    }
    for (const [, path] of text.matchAll(/`((?:hal|sim|native|machines|runtime|test|scripts|docs)\/[\w./-]+\.\w+)`/g)) {
      if (!existsSync(join(ROOT, path!))) wrong.push(`${file}: ${path}`);
    }
  }
  assert.equal(wrong, []);
  const site = /```json\n(.*?)```/s.exec(read('README.md'))?.[1];
  assert.is(parseConfig(JSON.parse(site ?? '')).nodes[1]?.aeTitle, 'PACS');
});

test("README's commands are commands of the program", () => {
  const named = [...read('README.md').matchAll(/^ {4}petrig ([a-z]+)(?: ([a-z]+))?/gm)];
  const commands = new Map(named.map(([, first, second]) => [[first, second].filter(Boolean).join(' '), first!]));
  assert.ok(commands.size > 6, `${commands.size} commands`);
  const help = execFileSync(process.execPath, [...PROGRAM, '--help'], { cwd: ROOT }).toString();
  const unknown = [...commands.values()].filter((name) => !new RegExp(`^  ${name}\\b`, 'm').test(help));
  assert.equal(unknown, []);
});

test('every benchmark has its row in docs/benchmarks.md', async () => {
  const names: string[] = [];
  for (const file of readdirSync(join(ROOT, 'test/bench')).filter((name) => name.endsWith('.bench.ts'))) {
    const { benchmarks } = (await import(`../bench/${file}`)) as { benchmarks: Benchmark[] };
    names.push(...benchmarks.map(({ name }) => name));
  }
  const rows = [...read('docs/benchmarks.md').matchAll(/^\| `([\w-]+)`\s*\|/gm)].map(([, name]) => name!);
  assert.equal(rows.sort(), names.sort());
});

test.run();
