import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { DrainGate } from '../../hal/driver/bulk-inlet.js';
import { DeviceTime } from '../../hal/driver/device-time.js';
import { PetRingsDriver } from '../../hal/driver/petrings.js';
import { TableDriver } from '../../hal/driver/table.js';
import type { Link } from '../../hal/link/link.js';
import { memoryPair } from '../../hal/link/memory.js';
import { BulkSender } from '../../hal/wire/bulk.js';
import { dictionaryOf } from '../../hal/wire/dictionary.js';
import type { ModelOutlet } from '../../hal/wire/model.js';
import { DeviceNode } from '../../hal/wire/node.js';
import type { WireRecord } from '../../hal/wire/values.js';

const test = suite('drivers');

test('device time: the fastest frame counts, and clocks may part slowly', () => {
  const clock = new ManualClock(1_000_000);
  const time = new DeviceTime(clock);
  assert.is(time.at(5n), 1_000_000);
  // the device booted at 990,000 ms; frames travel 3, 1 and 8 ms
  for (const latency of [3, 1, 8]) {
    clock.advance(latency);
    time.sample(BigInt(Math.round((clock.now() - latency - 990_000) * 1000)));
  }
  const error = time.at(5_000_000n) - 995_000;
  assert.ok(error > 0.99 && error < 1.01, `mapped ${error} ms late`);
  // 50 ppm slower for an hour: followed, not held on to
  for (let minute = 0; minute < 60; minute++) {
    clock.advance(60_000);
    time.sample(BigInt(Math.round((clock.now() - 1 - 990_000) * 1000 * (1 - 50e-6))));
  }
  const deviceUs = BigInt(Math.round((clock.now() - 990_000) * 1000 * (1 - 50e-6)));
  assert.ok(Math.abs(time.at(deviceUs) - clock.now()) < 10);
});

test('drained waits for the last block, and not for ever', () => {
  const clock = new ManualClock();
  const gate = new DrainGate(clock);
  const passed: [string, boolean, number][] = [];
  const hold = (name: string, id: number, expected: number) =>
    gate.hold(id, expected, (complete, received) => passed.push([name, complete, received]));
  gate.count(1, 60);
  hold('late data', 1, 100);
  assert.equal(passed, []);
  gate.count(1, 40);
  hold('empty', 2, 0);
  gate.count(3, 5);
  hold('data first', 3, 5);
  assert.equal(passed.splice(0), [
    ['late data', true, 100],
    ['empty', true, 0],
    ['data first', true, 5],
  ]);
  hold('lost', 4, 10);
  gate.count(4, 4);
  clock.advance(1900);
  gate.count(4, 4);
  clock.advance(1900);
  assert.equal(passed, []);
  clock.advance(200);
  assert.equal(passed, [['lost', false, 8]]);
});

/** PET rings whose data the test sends, on a manual clock. */
async function petRig() {
  const clock = new ManualClock(5000);
  let outlet: ModelOutlet | undefined;
  const state: WireRecord = {
    phase: 'idle',
    frameId: 0,
    elapsed: 0,
    singlesPerSecond: 0,
    promptsPerSecond: 0,
    delayedsPerSecond: 0,
    lowerKeV: 435,
    upperKeV: 650,
    blocksFailed: 0,
    hottestBlockCelsius: 30,
  };
  const node = new DeviceNode({
    clock,
    log: silentLog,
    model: {
      dictionary: dictionaryOf('petrings'),
      identity: { model: 'M', serial: 'S', firmware: 'F' },
      bootId: 1,
      bulkPort: 0,
      deviceTimeUs: () => BigInt(Math.round((clock.now() - 5000) * 1000)),
      readState: () => state,
      read: (name) => (name === 'blockTemperatures' ? new Float32Array(192).fill(31) : '1'.repeat(192)),
      write: () => ({ kind: 'accepted' }),
      command: () => ({ kind: 'accepted' }),
      lifecycleChanged() {},
      hostSilent() {},
      attach(given) {
        outlet = given;
      },
    },
  });
  let bulk: Link | undefined;
  const rings = new PetRingsDriver({
    clock,
    log: silentLog,
    openControl: async () => {
      const [near, far] = memoryPair();
      node.connect(far);
      return near;
    },
    openBulk: async () => {
      const [near, far] = memoryPair();
      bulk = far;
      return near;
    },
  });
  const configured = rings.configure();
  await clock.run(30);
  await configured;
  const told: string[] = [];
  rings.events$.subscribe((event) => told.push(event.type));
  rings.faults$.subscribe((fault) => told.push(fault.code));
  let words = 0;
  rings.words$.subscribe((block) => {
    words += block.words.length;
  });
  return { clock, rings, told, sender: new BulkSender(bulk!), outlet: outlet!, words: () => words };
}

test('drained follows the words it announces', async () => {
  const rig = await petRig();
  rig.outlet.event('drained', { frameId: 3, words: 1000 });
  await rig.clock.run(20);
  assert.equal(rig.told, []);
  void rig.sender.sendWords({ frameId: 3, first: 0, words: new Uint32Array(1000) }, 0n);
  await rig.clock.run(20);
  assert.equal([rig.told, rig.words()], [['drained'], 1000]);
  await rig.rings.close();
});

test('words that never come are a fault, and then the frame is over', async () => {
  const rig = await petRig();
  void rig.sender.sendWords({ frameId: 3, first: 0, words: new Uint32Array(600) }, 0n);
  rig.outlet.event('drained', { frameId: 3, words: 1000 });
  await rig.clock.run(2100, 5);
  assert.equal([rig.told, rig.words()], [['bulkIncomplete', 'drained'], 600]);
  await rig.rings.close();
});

test('objects beyond the state can be read', async () => {
  const rig = await petRig();
  const reading = rig.rings.read('blockTemperatures');
  await rig.clock.run(5);
  assert.equal(await reading, new Float32Array(192).fill(31));
  await rig.rings.close();
});

test('a link that cannot be opened leaves the driver failed, and it can be tried again', async () => {
  let tries = 0;
  const clock = new ManualClock();
  const driver = new TableDriver({
    clock,
    log: silentLog,
    async openControl() {
      tries++;
      throw new Error('no such port');
    },
  });
  for (let i = 1; i <= 2; i++) {
    const code = await driver.configure().catch((error) => error.code);
    assert.equal([code, driver.lifecycle, tries], ['link.open', 'failed', i]);
  }
  await driver.close();
  assert.is(driver.lifecycle, 'unconfigured');
});

test.run();
