/** docs/network-tests.md says which test shows what of the network services: each that it names exists, and no cell is empty. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENT = readFileSync(`${ROOT}docs/network-tests.md`, 'utf8');
const test = suite('table of network tests');

interface Named {
  file: string;
  name: string;
}

/** Tests are named as `folder/file: name`. */
function namedTests(): Named[] {
  const found = DOCUMENT.matchAll(/`((?:peers|dicom|faults|flow|unit|machines)\/[\w-]+): ([^`]+)`/g);
  return [...found].map(([, file, name]) => ({ file: file!, name: name! }));
}

/** The source of a test file and of the helper with its tables of cases, if there is one. */
function sourceOf(file: string): string {
  const helper = `${ROOT}test/helpers/${file.split('/')[1]}.ts`;
  const own = readFileSync(`${ROOT}test/${file}.test.ts`, 'utf8');
  return existsSync(helper) ? own + readFileSync(helper, 'utf8') : own;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Whether a test has the name, as it stands or made of a template whose first part is a literal of the source. */
function hasTest(source: string, name: string): boolean {
  if (["'", '`', '"'].some((quote) => source.includes(`${quote}${name}${quote}`))) return true;
  const templates = [...source.matchAll(/\btest\(`([^`]*\$\{[^`]*)`/g)].map(([, template]) => template!);
  return templates.some((template) => {
    const pattern = template
      .split(/\$\{[^}]*\}/)
      .map(escaped)
      .join('(.+)');
    const parts = new RegExp(`^${pattern}$`).exec(name);
    if (!parts) return false;
    const literal = /^\d+$/.test(parts[1]!) ? `\\b${parts[1]}\\b` : `(['"\`])${escaped(parts[1]!)}\\1`;
    return new RegExp(literal).test(source);
  });
}

test('every test that it names exists', () => {
  const named = namedTests();
  assert.ok(named.length > 100, `${named.length} tests are named`);
  const lacking = named.filter(({ file, name }) => {
    return !existsSync(`${ROOT}test/${file}.test.ts`) || !hasTest(sourceOf(file), name);
  });
  assert.equal(lacking, []);
});

test('no cell is empty', () => {
  const rows = DOCUMENT.split('\n').filter((line) => line.startsWith('| '));
  const empty = rows.filter((row) =>
    row
      .split('|')
      .slice(1, -1)
      .some((cell) => cell.trim() === ''),
  );
  assert.equal(empty, []);
});

test('the services that are tried with every misbehaviour are those of the tests', () => {
  const [, scus = '', scps = ''] = /Of ours as SCU: (.+?)\.\nOf ours as SCP: (.+?)\./s.exec(DOCUMENT) ?? [];
  const listed = (text: string) => text.split(',').map((name) => name.replace(/\s+/g, ' ').trim());
  const scu = readFileSync(`${ROOT}test/peers/misbehaving-scp.test.ts`, 'utf8');
  const scuKeys = keysOf(/const SCUS[^{]*\{\n(.*?)\n\};/s.exec(scu)?.[1] ?? '', 2);
  const scp = readFileSync(`${ROOT}test/helpers/misbehaving-scu.ts`, 'utf8');
  const scpKeys = keysOf(/export function goodRequests.*?return \{\n(.*?)\n {2}\};/s.exec(scp)?.[1] ?? '', 4);
  assert.equal(listed(scus), scuKeys);
  assert.equal(listed(scps), scpKeys);
});

/** Keys of an object literal's lines that are indented so far. */
function keysOf(literal: string, indent: number): string[] {
  const key = new RegExp(`^ {${indent}}(?:'([^']+)'|(\\w+)):`, 'gm');
  return [...literal.matchAll(key)].map(([, quoted, bare]) => (quoted ?? bare)!);
}

test.run();
