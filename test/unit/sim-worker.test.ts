import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { type SimWorker, startSimWorker } from '../../sim/worker.js';
import { collect, TestHost } from './sim-host.js';

const SPEED = 20;

type Open = (device: TestHost['device']) => Promise<TestHost>;

/** A test with a simulator that ends with it, however it ends. */
function onBench(name: string, phantom: string, body: (sim: SimWorker, open: Open) => Promise<void>): void {
  test(name, async () => {
    const clock = new ScaledClock({ speed: SPEED });
    const sim = await startSimWorker({ clock, log: silentLog, seed: 11, phantom });
    const hosts: TestHost[] = [];
    try {
      await body(sim, async (device) => {
        const host = new TestHost(device, await sim.openControl(device));
        hosts.push(host);
        return host.activate();
      });
    } finally {
      for (const host of hosts) await host.close();
      await sim.close();
    }
  });
}

onBench(
  'a short spiral through the worker: readings, geometry and water as they should be',
  'water-cylinder',
  async (sim, open) => {
    const hosts = await Promise.all(
      (['gantry', 'table', 'generator', 'ctdetector'] as const).map((device) => open(device)),
    );
    const [gantry, table, generator, detector] = hosts as [TestHost, TestHost, TestHost, TestHost];
    const bulk = collect(await sim.openBulk('ctdetector'));
    assert.is((await table.command('home')).kind, 'accepted');
    await table.event('homed');
    await table.command('moveHorizontal', { position: 830, speed: 200 });
    await gantry.command('startRotation', { rotationTime: 0.5 });
    await gantry.event('atSpeed');
    await table.event('arrived');
    await generator.command('prepare', { kv: 120, ma: 100, maxSeconds: 10 });
    await generator.event('ready');
    const arm = { scanId: 5, rows: 16, rowPitchMm: 1.2, readingsPerRotation: 1152, readingsPerSecond: 500 };
    assert.is((await detector.command('arm', arm)).kind, 'accepted');
    assert.is((await generator.command('arm', { trigger: 'window' })).kind, 'accepted');
    // one turn: 15 mm at 30 mm/s
    await table.command('feed', { stop: 770, speed: 30, windowStart: 807.5, windowEnd: 792.5 });
    const drained = await detector.event('drained', 30_000);
    assert.equal(drained.fields, { scanId: 5, readings: 1152 });
    const ended = await generator.event('exposureEnded');
    assert.is(ended.fields.reason, 'window');
    assert.ok(Math.abs(Number(ended.fields.seconds) - 0.5) < 1e-5, String(ended.fields.seconds));
    await detector.until(() => bulk.ct.reduce((sum, block) => sum + block.count, 0) === 1152, 'readings');
    assert.equal(bulk.problems, []);
    let next = 0;
    let sum = 0;
    for (const block of bulk.ct) {
      assert.is(block.first, next);
      next += block.count;
      // the middle of the fan looks through 200 mm of water, the outermost channel through air
      for (let i = 0; i < block.count; i++) {
        sum += block.words[(i * 16 + 8) * 736 + 367]! - 1024;
        assert.ok(Math.abs(block.words[(i * 16 + 8) * 736]! - 1024) < 200, 'air');
      }
    }
    const attenuation = sum / 1152 / 4096;
    // 200 mm of water at 60 to 70 keV effective: mu 0.0195 to 0.0205 /mm
    assert.ok(attenuation > 3.6 && attenuation < 4.3, `-ln(I/I0) ${attenuation}`);
  },
);

onBench(
  'a PET frame through the worker: counts, time tags each millisecond, an exact length',
  'uniform-cylinder',
  async (sim, open) => {
    const petrings = await open('petrings');
    const bulk = collect(await sim.openBulk('petrings'));
    // the world puts z = 0 into the rings at 1600 mm; the table needs no host here
    const table = await open('table');
    await table.command('home');
    await table.event('homed');
    await table.command('moveHorizontal', { position: 1600, speed: 200 });
    await table.event('arrived');
    assert.is((await petrings.command('start', { frameId: 9, seconds: 2 })).kind, 'accepted');
    const drained = await petrings.event('drained', 30_000);
    const ended = await petrings.event('frameEnded');
    assert.equal(ended.fields, { frameId: 9, reason: 'time', seconds: 2 });
    const count = () => bulk.words.reduce((sum, block) => sum + block.words.length, 0);
    await petrings.until(() => count() === Number(drained.fields.words), 'words');
    assert.equal(bulk.problems, []);
    const words = bulk.words.flatMap((block) => [...block.words]);
    const tags = words.filter((word) => word >>> 29 === 4).map((word) => word & 0x1fffffff);
    assert.equal(
      tags,
      Array.from({ length: 2000 }, (_, ms) => ms),
    );
    const prompts = words.filter((word) => word >>> 30 === 1).length;
    assert.ok(prompts > 10_000, `${prompts} prompts`);
  },
);

onBench('the emergency stop reaches the tube without the host', 'air', async (sim, open) => {
  const generator = await open('generator');
  const interlock = await open('interlock');
  await generator.command('prepare', { kv: 80, ma: 20, maxSeconds: 100 });
  await generator.event('ready');
  await generator.command('arm', { trigger: 'host' });
  assert.is((await generator.command('fire')).kind, 'accepted');
  assert.is((await sim.act({ do: 'stats' })).beamOn, true);
  await sim.act({ do: 'pressEmergencyStop' });
  const ended = await generator.event('exposureEnded');
  assert.is(ended.fields.reason, 'emergencyStop');
  await interlock.event('emergencyStopPressed');
  const { beamOn, beamOffLatencyMs } = await sim.act({ do: 'stats' });
  assert.is(beamOn, false);
  assert.ok(beamOffLatencyMs !== null && beamOffLatencyMs > 0 && beamOffLatencyMs < 5, `${beamOffLatencyMs} ms`);
  console.log(`emergency stop to dark tube: ${beamOffLatencyMs?.toFixed(2)} ms of scanner time`);
});

onBench('a wrong action or phantom is refused with its name, and the scanner stays as it is', 'air', async (sim) => {
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => 'nothing',
      (error: Error) => error.message,
    );
  assert.match(await failure(sim.act({ do: 'setPhantom', phantom: 'no-such' })), 'no-such');
  assert.match(await failure(sim.act({ do: 'failBlock', block: 192 })), 'block');
  assert.is((await sim.act({ do: 'setPhantom', phantom: 'water-cylinder' })).phantom, 'water-cylinder');
  await sim.close();
  const options = { clock: new ScaledClock(), log: silentLog, seed: 1, phantom: 'no-such' };
  assert.match(await failure(startSimWorker(options)), 'no-such');
  assert.match(await failure(sim.act({ do: 'stats' })), 'link is closed');
});

test.run();
