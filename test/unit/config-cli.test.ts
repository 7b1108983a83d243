/** `petrig config`: mistakes at once, what holds, secrets hidden. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../runtime/config.js';
import { withoutSecrets } from '../../runtime/config-hidden.js';
import { PROGRAM } from '../helpers/petrig.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('petrig config');
const folder = mkdtempSync(join(tmpdir(), 'petrig-config-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function petrig(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...PROGRAM, 'config', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

function fileOf(content: object): string {
  const file = join(folder, 'site.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const NODE = { aeTitle: 'PACS', host: 'pacs', port: 104, services: ['storage'] };

test('check tells all mistakes, each with key, value and what is expected', () => {
  const file = fileOf({ dicom: { port: -1 }, qualityFactor: 101, colour: 1 });
  const { status, stdout } = petrig('check', '--config', file, '--json');
  assert.is(status, 2);
  const { ok, mistakes } = JSON.parse(stdout) as {
    ok: boolean;
    mistakes: { key: string; value: string; expected: string }[];
  };
  assert.is(ok, false);
  assert.equal(mistakes.map(({ key, value }) => [key, value]).sort(), [
    ['colour', '1'],
    ['dicom.port', '-1'],
    ['qualityFactor', '101'],
  ]);
  assert.match(petrig('check', '--config', file).stderr, /qualityFactor +101 +whole number 0 to 100/);
});

test('check reads the TLS files, and warns of wide AE titles', () => {
  const tls = { ca: [join(folder, 'absent.pem')], certificate: 'c.pem', key: 'k.pem' };
  const { status, stderr } = petrig('check', '--config', fileOf({ dicom: { tls } }));
  assert.is(status, 2);
  assert.match(stderr, /absent\.pem/);
  const wide = petrig('check', '--config', fileOf({ aeTitle: 'MY SCANNER' }));
  assert.is(wide.status, 0);
  assert.match(wide.stderr, /aeTitle "MY SCANNER".*blank/);
});

test('show is what holds, without secrets; it is a configuration again', () => {
  const file = fileOf({ nodes: [NODE], archive: { url: 'postgres://u:hidden-word@h/d' }, institution: 'Here' });
  const { status, stdout } = petrig('show', '--config', file, '--json');
  assert.is(status, 0);
  assert.not.match(stdout, /hidden-word/);
  const shown = JSON.parse(stdout) as { archive: object; nodes: object[]; institution: string };
  assert.equal(shown.archive, { url: '(hidden)' });
  assert.is(shown.institution, 'Here');
  const again = parseConfig({ ...shown, archive: {} });
  assert.is(again.nodes[0]?.port, 104);
  assert.match(petrig('show', '--config', file).stderr, /^institution +"Here" +set$/m);
});

test('defaults are those of the schemas', () => {
  const { status, stdout } = petrig('defaults', '--json');
  assert.is(status, 0);
  assert.equal(parseConfig(JSON.parse(stdout)), parseConfig({}));
});

test('neither config show nor config.get tells the token or the password of the archive', () => {
  const service = { token: 'a-token-of-sixteen-letters' };
  const input = { service, archive: { url: 'postgres://petrig:pass-word@db/petrig' }, nodes: [NODE] };
  const shown = petrig('show', '--config', fileOf(input), '--json').stdout;
  const told = withoutSecrets(parseConfig(input));
  for (const text of [shown, JSON.stringify(told)]) {
    assert.not.match(text, /pass-word|a-token-of/);
    assert.match(text, /hidden/);
  }
  assert.equal(told.nodes, parseConfig(input).nodes);
});

test.run();
