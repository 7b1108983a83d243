/** Random bytes and random JSON into every parser that is not DICOM's or the wire's (those have files of their own). */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { scanListmode } from '../../native/pet.js';
import { parseConfig } from '../../runtime/config.js';
import { loadProtocol, protocolSchema } from '../../runtime/protocol/definition.js';
import { planScan } from '../../runtime/protocol/planner.js';
import { InterfileHeader } from '../../runtime/raw/interfile.js';
import { readListmodeHeader } from '../../runtime/raw/listmode.js';
import { RpcConnection } from '../../runtime/service/rpc.js';
import { parsePhantom } from '../../sim/physics/phantom.js';

const test = suite('random input');
const RUNS = 10_000;

/** Runs the parser: it answers, or throws an error of ours that is no bug. */
function survive(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    assert.instance(error, ScannerError, String((error as Error).stack));
    assert.is.not((error as ScannerError).kind, 'bug', (error as Error).message);
  }
}

/** Bytes as text, half of them behind a beginning that the parser takes. */
const texts = (beginning: string) =>
  fc
    .tuple(fc.boolean(), fc.uint8Array({ maxLength: 200 }))
    .map(([valid, bytes]) => (valid ? beginning : '') + Buffer.from(bytes).toString('latin1'));

function heapAfter(run: () => void): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  run();
  globalThis.gc?.();
  return (process.memoryUsage().heapUsed - before) / 1e6;
}

test('Interfile and list-mode headers', () => {
  const grown = heapAfter(() =>
    fc.assert(
      fc.property(texts('!INTERFILE:=\r\n'), (text) => {
        survive(() => new InterfileHeader(text).number('image duration (sec)'));
        survive(() => readListmodeHeader(text));
      }),
      { numRuns: RUNS },
    ),
  );
  assert.ok(grown < 60, `${grown} MB`);
});

test('list-mode words: every word is an event, a tag, or counted as corrupt', async () => {
  const seeds = fc.sample(fc.uint32Array({ minLength: 1, maxLength: 100_000 }), 50);
  for (const words of seeds) {
    const scan = await scanListmode({ words });
    const counted = scan.prompts + scan.delayeds + scan.timeTags + scan.singlesTags + scan.otherTags + scan.corrupt;
    assert.is(counted, words.length);
  }
});

test('configurations, protocols and phantoms from any JSON', () => {
  const good = JSON.parse(JSON.stringify(loadProtocol('wholebody-fdg'))) as object;
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(good), 'ranges'), (value, key) => {
      survive(() => parseConfig(value));
      survive(() => parseConfig({ nodes: value, hardware: value }));
      survive(() => parsePhantom(value, 'random'));
      const parsed = protocolSchema.safeParse({ ...good, [key]: value });
      if (parsed.success) survive(() => planScan(parsed.data, { landmarkMm: 800 }));
    }),
    { numRuns: RUNS },
  );
});

test('protocols whose numbers are anything end in a plan or a named limit', () => {
  const good = loadProtocol('wholebody-fdg');
  const anyNumber = fc.double({ noDefaultInfinity: false });
  fc.assert(
    fc.property(
      fc.constantFrom('kv', 'ma', 'pitch', 'fromZ', 'toZ', 'rotationTime', 'rows', 'rowPitchMm'),
      anyNumber,
      (key, value) => {
        const ranges = good.ranges.map((range) => (key in range ? { ...range, [key]: value } : range));
        const parsed = protocolSchema.safeParse({ ...good, ranges });
        if (parsed.success) survive(() => planScan(parsed.data, { landmarkMm: 800 }));
      },
    ),
    { numRuns: 2000 },
  );
});

test('a protocol file of random bytes is refused by name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'petrig-fuzz-'));
  const file = join(folder, 'p.json');
  for (const bytes of fc.sample(fc.uint8Array({ maxLength: 500 }), 200)) {
    writeFileSync(file, bytes);
    survive(() => loadProtocol(file));
  }
  rmSync(folder, { recursive: true });
});

test('JSON-RPC: each text is answered with JSON or with nothing, and never throws', async () => {
  const answers: string[] = [];
  const transport = { send: (text: string) => answers.push(text) > 0 };
  const connection = new RpcConnection({ methods: {}, token: 'token-of-this-test', transport, trusted: true });
  const inputs = fc.sample(
    fc.oneof(
      texts('{"jsonrpc":"2.0","id":1,"method":"'),
      fc.json(),
      fc.json().map((json) => `{"jsonrpc":"2.0","id":1,"method":"x","params":${json}}`),
    ),
    RUNS,
  );
  for (const input of inputs) await connection.receive(input);
  for (const answer of answers) assert.is((JSON.parse(answer) as { jsonrpc: string }).jsonrpc, '2.0');
  assert.ok(answers.length > RUNS / 2, `${answers.length} answers`);
});

test.run();
