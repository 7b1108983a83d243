import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { readTable } from '../../hal/base/table.js';
import { DEVICE_NAMES } from '../../hal/contract/device.js';
import { GENERATOR_LIMITS } from '../../hal/contract/generator.js';
import { TABLE_LIMITS } from '../../hal/contract/table.js';
import { dictionaryOf, WIRE_DEVICES } from '../../hal/wire/dictionary.js';
import {
  problem,
  ValueReader,
  type ValueSpec,
  ValueWriter,
  WIRE_TYPES,
  type WireValue,
} from '../../hal/wire/values.js';

const test = suite('dictionary');
const root = fileURLToPath(new URL('../..', import.meta.url));

const name = z.string().regex(/^[a-z][A-Za-z]*$/);
const id = z.int().min(1).max(0xffff);
const value = {
  name,
  type: z.enum(WIRE_TYPES),
  unit: z.string().min(1).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  values: z.array(name).min(2).optional(),
  text: z.string().min(3),
};
const spec = z.strictObject(value);
const file = z.strictObject({
  title: z.string(),
  objects: z.array(
    z.strictObject({
      ...value,
      index: z.string().regex(/^0x[0-9A-F]{4}$/),
      subindex: z.int().min(0).max(255),
      access: z.enum(['ro', 'rw']),
      state: z.literal(true).optional(),
    }),
  ),
  commands: z.array(
    z.strictObject({
      id,
      name,
      args: z.array(spec),
      idempotent: z.boolean(),
      always: z.literal(true).optional(),
      refusals: z.array(name),
      text: z.string(),
    }),
  ),
  events: z.array(z.strictObject({ id, name, fields: z.array(spec), text: z.string() })),
  emergencies: z.array(z.strictObject({ id, name, text: z.string() })),
});

for (const device of ['common', ...WIRE_DEVICES]) {
  test(`${device}.json holds what a dictionary may hold`, () => {
    const parsed = file.parse(readTable(import.meta.url, `../../hal/wire/objects/${device}.json`));
    const specs = [
      ...parsed.objects,
      ...parsed.commands.flatMap((c) => c.args),
      ...parsed.events.flatMap((e) => e.fields),
    ];
    for (const one of specs) {
      assert.is(one.type === 'enum', one.values !== undefined, `${one.name}: values belong to an enum`);
      assert.ok((one.min ?? -Infinity) <= (one.max ?? Infinity), one.name);
    }
  });
}

test('numbers and names are given once in each device', () => {
  for (const device of WIRE_DEVICES) {
    const { objects, commands, events, emergencies, state } = dictionaryOf(device);
    const lists = [
      objects.map((o) => `${o.index}.${o.subindex}`),
      ...[objects, commands, events, emergencies].map((list) => list.map((one: { name: string }) => one.name)),
      ...[commands, events, emergencies].map((list) => list.map((one: { id: number }) => one.id)),
    ];
    for (const list of lists) assert.is(new Set<unknown>(list).size, list.length, `${device}: ${list}`);
    assert.ok(state.length > 0);
  }
});

test('the dictionaries agree with the contracts', () => {
  assert.equal([...WIRE_DEVICES], [...DEVICE_NAMES]);
  const range = (device: (typeof WIRE_DEVICES)[number], command: string, arg: string) => {
    const { min, max } = dictionaryOf(device)
      .command(command)
      .args.find((one) => one.name === arg)!;
    return [min, max];
  };
  assert.equal(range('table', 'moveHorizontal', 'position'), [...TABLE_LIMITS.horizontalMm]);
  assert.equal(range('table', 'moveVertical', 'position'), [...TABLE_LIMITS.verticalMm]);
  assert.equal(range('table', 'feed', 'speed'), [...TABLE_LIMITS.horizontalMmPerSecond]);
  assert.equal(range('generator', 'prepare', 'ma'), [...GENERATOR_LIMITS.ma]);
  assert.equal(range('generator', 'prepare', 'kv'), [GENERATOR_LIMITS.kv[0], GENERATOR_LIMITS.kv.at(-1)]);
});

test('what is generated is what the dictionaries say', () => {
  const run = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/gen.ts', '--check'], { cwd: root });
  assert.is(run.status, 0, run.stderr.toString());
});

test('the header for firmware is C', () => {
  const directory = mkdtempSync(join(tmpdir(), 'header-'));
  const source = join(directory, 'firmware.c');
  writeFileSync(
    source,
    `#include "petrig_objects.h"
    _Static_assert(PETRIG_OP_HEARTBEAT == 0x08, "heartbeat");
    _Static_assert(PETRIG_TABLE_CMD_FEED == 3, "feed");
    int lifecycle(void) { return PETRIG_TABLE_LIFECYCLE_IS_ACTIVE + PETRIG_GENERATOR_EVENT_EXPOSURE_ENDED_REASON_IS_ARC; }
    int main(void) { return lifecycle(); }`,
  );
  const flags = ['-std=c11', '-Wall', '-Werror', '-fsyntax-only', '-I', join(root, 'docs/firmware')];
  execFileSync(process.env.CC ?? 'cc', [...flags, source]);
  rmSync(directory, { recursive: true });
});

const specs: Record<string, [ValueSpec, fc.Arbitrary<WireValue>]> = {
  u8: [{ name: 'v', type: 'u8' }, fc.integer({ min: 0, max: 255 })],
  u16: [{ name: 'v', type: 'u16' }, fc.integer({ min: 0, max: 0xffff })],
  u32: [{ name: 'v', type: 'u32' }, fc.integer({ min: 0, max: 0xffff_ffff })],
  u64: [{ name: 'v', type: 'u64' }, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })],
  i32: [{ name: 'v', type: 'i32' }, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })],
  f32: [{ name: 'v', type: 'f32' }, fc.float({ noNaN: true, noDefaultInfinity: true })],
  f64: [{ name: 'v', type: 'f64', min: -1e6, max: 1e6 }, fc.double({ noNaN: true, min: -1e6, max: 1e6 })],
  bool: [{ name: 'v', type: 'bool' }, fc.boolean()],
  enum: [{ name: 'v', type: 'enum', values: ['a', 'b', 'c'] }, fc.constantFrom('a', 'b', 'c')],
  string: [{ name: 'v', type: 'string' }, fc.string({ maxLength: 60, unit: 'grapheme' })],
  'f32[]': [{ name: 'v', type: 'f32[]' }, fc.float32Array({ maxLength: 50, noNaN: true, noDefaultInfinity: true })],
};

for (const [type, [one, arbitrary]] of Object.entries(specs)) {
  test(`${type}: what is written is read`, () => {
    fc.assert(
      fc.property(arbitrary, (given) => {
        if (problem(one, given)) return; // a string whose bytes are too many
        const reader = new ValueReader(new ValueWriter().write(one, given).bytes());
        assert.equal(reader.read(one), given);
        assert.is(reader.remaining, 0);
      }),
    );
  });
}

test('wrong values are refused in both directions', () => {
  const f64: ValueSpec = { name: 'position', type: 'f64', unit: 'mm', min: 0, max: 2000 };
  const wrong: [ValueSpec, unknown, RegExp][] = [
    [f64, Number.NaN, /finite/],
    [f64, Number.POSITIVE_INFINITY, /finite/],
    [f64, -0.001, /expected 0 to 2000 mm/],
    [f64, '5', /number/],
    [{ name: 'n', type: 'u8' }, 256, /integer/],
    [{ name: 'n', type: 'u8' }, 1.5, /integer/],
    [{ name: 'n', type: 'u8', max: 3 }, 4, /expected/],
    [{ name: 'n', type: 'u64' }, 1n << 64n, /2\^64/],
    [{ name: 'n', type: 'bool' }, 1, /true or false/],
    [{ name: 'n', type: 'enum', values: ['a', 'b'] }, 'c', /one of a, b/],
    [{ name: 'n', type: 'string' }, 'x'.repeat(256), /string/],
    [{ name: 'n', type: 'f32[]' }, Float32Array.of(Number.NaN), /finite/],
  ];
  for (const [one, given, message] of wrong) {
    assert.throws(() => new ValueWriter().write(one, given as WireValue), message);
  }
  const read = (one: ValueSpec, bytes: number[]) => () => new ValueReader(Uint8Array.from(bytes)).read(one);
  assert.throws(read(f64, [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]), /finite/);
  assert.throws(read(f64, [0, 0, 0, 0, 0, 0, 0x59, 0xc0]), /0 to 2000/);
  assert.throws(read(f64, [0, 0, 0]), /needs 8 bytes/);
  assert.throws(read({ name: 'n', type: 'bool' }, [2]), /true or false/);
  assert.throws(read({ name: 'n', type: 'enum', values: ['a', 'b'] }, [2]), /one of/);
  assert.throws(read({ name: 'n', type: 'string' }, [5, 0, 65]), /needs 5 bytes/);
  assert.throws(read({ name: 'n', type: 'string' }, [0, 200]), /needs/);
});

test.run();
