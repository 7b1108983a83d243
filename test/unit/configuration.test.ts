/** The configuration: every key checked, told clearly, described once and used. */

import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { CONFIG_KEYS, checkConfig, parseConfig } from '../../runtime/config.js';
import type { Mistake } from '../../runtime/config-mistakes.js';
import type { ConfigKey } from '../../runtime/config-reference.js';
import { titleWarnings } from '../../runtime/config-titles.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { destinationsOf } from '../../runtime/nodes.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('configuration');

const NODE = { aeTitle: 'PACS', host: 'pacs', port: 104, services: ['storage'] };
const TLS = { ca: ['ca.pem'], certificate: 'c.pem', key: 'k.pem' };
const RULE = { on: 'commitment.failed', do: 'log' };

/** A good configuration but for one key. */
function withKey(path: string, value: unknown): { input: unknown; key: string } {
  const input: Record<string, unknown> = {
    dicom: { tls: { ...TLS } },
    nodes: [structuredClone(NODE)],
    rules: [{ ...RULE }],
  };
  const key = path.replaceAll('[]', '.0');
  const parts = key.split('.');
  const last = parts.pop()!;
  let inner = input;
  for (const [i, part] of parts.entries()) {
    inner = (inner[part] ??= (parts[i + 1] ?? last) === '0' ? [] : {}) as Record<string, unknown>;
  }
  inner[last] = value;
  return { input, key };
}

function mistakesIn(input: unknown): Mistake[] {
  const checked = checkConfig(input);
  return 'mistakes' in checked ? checked.mistakes : [];
}

function errorOf(input: unknown): ScannerError {
  try {
    parseConfig(input);
  } catch (thrown) {
    return thrown as ScannerError;
  }
  throw new Error('nothing was thrown');
}

const values = CONFIG_KEYS.filter(({ group }) => !group);

test('a value of no type is refused for every key, which is named with what it expects', () => {
  assert.ok(values.length > 90, `${values.length} keys`);
  for (const { path, group } of CONFIG_KEYS) {
    const { input, key } = withKey(path, null);
    const mistake = mistakesIn(input).find((each) => each.key === key);
    assert.ok(mistake, `${path} was taken`);
    assert.ok(mistake.expected.length > 3, `${path}: ${mistake.expected}`);
    if (!group) assert.not.match(mistake.expected, /Invalid input/, path);
  }
});

test('ranges are those that the manual says', () => {
  const numbers = values.filter(({ type }) => type.startsWith('number') || type.startsWith('whole number'));
  assert.ok(numbers.length > 40, `${numbers.length} numbers`);
  const refused = (key: ConfigKey, value: number) => {
    const { input, key: at } = withKey(key.path, value);
    return mistakesIn(input).some((mistake) => mistake.key === at);
  };
  for (const key of numbers) {
    const [, least, most] = /(?:number,? )(\d+) to (\d+)/.exec(key.type) ?? [];
    const above = /above (\d+)/.exec(key.type)?.[1];
    const atMost = most ?? /at most (\d+)/.exec(key.type)?.[1];
    const from = least ?? /, (\d+) or more/.exec(key.type)?.[1];
    if (from !== undefined)
      assert.equal([refused(key, Number(from) - 1), refused(key, Number(from))], [true, false], key.path);
    if (above !== undefined) assert.ok(refused(key, Number(above)), key.path);
    if (atMost !== undefined) {
      assert.equal([refused(key, Number(atMost)), refused(key, Number(atMost) + 1)], [false, true], key.path);
    }
    if (key.type.startsWith('whole')) assert.ok(refused(key, 5.5), key.path);
  }
});

test('a message tells key, value and what is expected, several mistakes at once, and no secret', () => {
  const { code, message } = errorOf({
    dicom: { port: 70000, prot: 104 },
    service: { token: 'short-secret' },
    nodes: [{ ...NODE, port: 0, services: ['fax'] }],
  });
  assert.is(code, 'config.invalid');
  assert.match(message, /dicom\.port: 70000; expected whole number 0 to 65535/);
  assert.match(message, /dicom\.prot: 104; expected no such key; one of host, port,/);
  assert.match(message, /nodes\.0\.port: 0; expected whole number 1 to 65535/);
  assert.match(message, /nodes\.0\.services\.0: "fax"; expected list of any of storage, commitment/);
  assert.match(message, /service\.token: \(hidden\); expected text, 16 or more/);
  assert.not.match(message, /short-secret/);
  assert.match(errorOf({ nodes: [NODE, NODE] }).message, /nodes\.1\.name.*two nodes are called PACS/);
  assert.match(errorOf(5).message, /top level: 5; expected a JSON object/);
});

test('any JSON is taken or refused with config.invalid', () => {
  const anywhere = fc.constantFrom(...CONFIG_KEYS.map(({ path }) => path));
  fc.assert(
    fc.property(fc.jsonValue(), anywhere, (value, path) => {
      for (const input of [value, withKey(path, value).input]) {
        try {
          parseConfig(input);
        } catch (thrown) {
          assert.instance(thrown, ScannerError);
          assert.is((thrown as ScannerError).code, 'config.invalid');
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('every key says what it means, and its unit where its name does not', () => {
  assert.equal(
    CONFIG_KEYS.filter(({ meaning }) => meaning.length < 3).map(({ path }) => path),
    [],
  );
});

test('the statement’s defaults hold: 6.2.3 and 6.3', () => {
  const { dicom, worklistQuery } = parseConfig({});
  assert.equal([worklistQuery.waitSeconds, worklistQuery.limit, worklistQuery.intervalMinutes], [20, 200, 60]);
  assert.is(dicom.strictApplicationContext, false);
  const [node] = parseConfig({ nodes: [{ ...NODE, services: ['commitment'] }] }).nodes;
  assert.is(node?.commitment.openMinutes, 60);
  assert.is(mistakesIn({ dicom: { maxPduLength: 262145 } }).length, 1);
  const waits = Object.fromEntries(values.map(({ path, fallback }) => [path, fallback]));
  for (const name of ['associateMs', 'releaseMs', 'networkMs', 'printMs'])
    assert.is(waits[`dicom.timeouts.${name}`], '`60000`');
  for (const name of ['storeMs', 'actionMs', 'queryMs']) assert.is(waits[`dicom.timeouts.${name}`], '`600000`');
  assert.is(waits['dicom.timeouts.printSetMs'], '`240000`');
});

test('AE titles: the standard’s repertoire is taken, what 6.1 does not allow is warned of', () => {
  const warned = (titles: object) => titleWarnings(parseConfig(titles)).map((line) => line.split(' ')[0]);
  for (const aeTitle of ['A\\B', 'Ä', '', '    ', 'A'.repeat(17), 'A\tB', 'A\n']) {
    assert.is(mistakesIn({ aeTitle })[0]?.key, 'aeTitle', JSON.stringify(aeTitle));
  }
  assert.equal(warned({ aeTitle: 'HRI_station4', aeTitles: { worklist: 'STATION4', print: 'P4' } }), []);
  assert.equal(warned({ aeTitle: 'A & B' }), ['aeTitle', 'aeTitle']);
  assert.equal(warned({ aeTitles: { print: '4PRINT', worklist: '4RIS' } }), ['aeTitles.print']);
  assert.equal(warned({ nodes: [NODE, { ...NODE, name: 'B', aeTitle: 'P<CS>' }] }), ['nodes.1.aeTitle']);
});

test('what we call ourselves is in the request to every node', async () => {
  const implementation = { classUid: '1.2.826.0.1.1', versionName: 'SITE_7' };
  let hear: (bytes: string) => void = () => {};
  const heard = new Promise<string>((resolve) => {
    hear = resolve;
  });
  const server = createServer((socket) => {
    socket.once('data', (bytes) => {
      hear(bytes.toString('latin1'));
      socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const config = parseConfig({ dicom: { implementation }, nodes: [{ ...NODE, host: '127.0.0.1', port }] });
  for (const node of [...config.nodes, ...destinationsOf(config)]) assert.equal(node.implementation, implementation);
  const [node] = config.nodes;
  const failure = await echo({ node: node!, callingAe: 'PETRIG', clock: new ScaledClock(), log: silentLog }).catch(
    (e) => e,
  );
  server.close();
  assert.instance(failure, ScannerError);
  const request = await heard;
  assert.ok(request.includes('R\0\0\x0d1.2.826.0.1.1'), 'class UID');
  assert.ok(request.includes('U\0\0\x06SITE_7'), 'version name');
});

test('every key is read outside the schemas', () => {
  const files = readdirSync(join(ROOT, 'runtime'), { recursive: true, encoding: 'utf8' }).filter((file) => {
    return file.endsWith('.ts') && !/^config(-\w+)?\.ts$/.test(file) && !/^(cli|conformance)\//.test(file);
  });
  const text = files.map((file) => readFileSync(join(ROOT, 'runtime', file), 'utf8')).join('\n');
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const words = new Set(code.match(/\w+/g));
  const unused = CONFIG_KEYS.filter(({ path }) => path.split(/[.[\]]+/).some((part) => part && !words.has(part)));
  assert.equal(
    unused.map(({ path }) => path),
    [],
  );
});

test.run();
