/** What each device's own driver does beyond the common. */

import * as assert from 'uvu/assert';
import type { Chain } from '../../hal/contract/chain.js';
import type { CtReadingBlock } from '../../hal/contract/ctdetector.js';
import type { DeviceName } from '../../hal/contract/device.js';
import type { ListModeBlock } from '../../hal/contract/petrings.js';
import { event, next, until } from '../helpers/observe.js';
import { accepted, type Case, ready, refused } from './common.js';

async function homed(chain: Chain): Promise<void> {
  await ready(chain.table);
  if (chain.table.state.homed) return;
  const home = event(chain.table.events$, 'homed', 60_000);
  accepted(await chain.table.home());
  await home;
}

async function chainClosed(chain: Chain): Promise<void> {
  await ready(chain.interlock);
  if (!chain.interlock.state.beamPermit) accepted(await chain.interlock.reset());
  await permits(chain, true);
}

/** The chain's relays follow a few milliseconds behind their cause. */
async function permits(chain: Chain, given: boolean): Promise<void> {
  await until(
    () => chain.interlock.state.beamPermit === given && chain.interlock.state.motionPermit === given,
    5000,
    `permits ${given}`,
  );
}

async function preheated(chain: Chain, maxSeconds: number): Promise<void> {
  await chainClosed(chain);
  await ready(chain.generator);
  const isReady = event(chain.generator.events$, 'ready', 10_000);
  accepted(await chain.generator.prepare({ kv: 120, ma: 50, maxSeconds }));
  await isReady;
}

const interlock: Case[] = [
  {
    name: 'a stop asked for by the host trips the chain until it is reset',
    async run(_device, chain) {
      await chainClosed(chain);
      const pressed = event(chain.interlock.events$, 'emergencyStopPressed');
      accepted(await chain.interlock.stopAll());
      await pressed;
      assert.ok(chain.interlock.state.tripped);
      await permits(chain, false);
      const reset = event(chain.interlock.events$, 'chainReset');
      accepted(await chain.interlock.reset());
      await reset;
      await permits(chain, true);
    },
  },
  {
    name: 'an open door keeps the chain open and refuses a reset',
    bench: true,
    async run(_device, chain, bench) {
      await chainClosed(chain);
      const opened = event(chain.interlock.events$, 'doorOpened');
      bench!.boards.interlock.openDoor();
      await opened;
      await permits(chain, false);
      refused(await chain.interlock.reset(), 'chainOpen');
      const closed = event(chain.interlock.events$, 'doorClosed');
      bench!.boards.interlock.closeDoor();
      await closed;
    },
  },
];

const gantry: Case[] = [
  {
    name: 'spins up, turns at speed, refuses to park meanwhile, stops',
    async run(_device, chain) {
      await chainClosed(chain);
      await ready(chain.gantry);
      const atSpeed = event(chain.gantry.events$, 'atSpeed', 60_000);
      accepted(await chain.gantry.startRotation({ rotationTime: 0.5 }));
      assert.is((await atSpeed).rotationTime, 0.5);
      assert.is(chain.gantry.state.rotation, 'atSpeed');
      refused(await chain.gantry.parkTube({ angle: 90 }), 'busy');
      const stopped = event(chain.gantry.events$, 'stopped', 60_000);
      accepted(await chain.gantry.stopRotation());
      await stopped;
      assert.is(chain.gantry.state.rotation, 'stopped');
    },
  },
  {
    name: 'parks the tube and tilts',
    async run(_device, chain) {
      await ready(chain.gantry);
      const parked = event(chain.gantry.events$, 'tubeParked', 60_000);
      accepted(await chain.gantry.parkTube({ angle: 90 }));
      assert.ok(Math.abs((await parked).angle - 90) < 0.1);
      const tilted = event(chain.gantry.events$, 'tiltReached', 60_000);
      accepted(await chain.gantry.tiltTo({ tilt: -2 }));
      assert.ok(Math.abs((await tilted).tilt + 2) < 0.01);
    },
  },
];

const table: Case[] = [
  {
    name: 'moves where it is told, at an instant that follows from its speed, and state$ follows it',
    async run(_device, chain) {
      await chainClosed(chain);
      await homed(chain);
      await move(chain, 500);
      const positions: number[] = [];
      const seen = chain.table.state$.subscribe((state) => positions.push(state.horizontal));
      const before = performance.timeOrigin;
      const arrived = event(chain.table.events$, 'arrived', 60_000);
      accepted(await chain.table.moveHorizontal({ position: 700, speed: 100 }));
      refused(await chain.table.moveHorizontal({ position: 600, speed: 100 }), 'busy');
      const { position, axis, at } = await arrived;
      seen.unsubscribe();
      assert.is(axis, 'horizontal');
      assert.ok(Math.abs(position - 700) < 0.01 && at > before);
      assert.ok(
        positions.some((p) => p > 510 && p < 690),
        `state$ showed only ${positions}`,
      );
      assert.not(chain.table.state.moving);
    },
  },
  {
    name: 'a halt ends a motion before its target',
    async run(_device, chain) {
      await homed(chain);
      const halted = event(chain.table.events$, 'halted', 60_000);
      accepted(await chain.table.moveHorizontal({ position: 1500, speed: 50 }));
      accepted(await chain.table.halt());
      assert.ok((await halted).position < 1500);
    },
  },
  {
    name: 'a feed passes its window in order; a window in the ramp is refused',
    async run(_device, chain) {
      await homed(chain);
      await move(chain, 500);
      const wrong = { stop: 700, speed: 100, windowStart: 505, windowEnd: 650 };
      refused(await chain.table.feed(wrong), 'windowInRamp');
      const names: string[] = [];
      const at: number[] = [];
      const seen = chain.table.events$.subscribe((e) => {
        names.push(e.type);
        at.push(e.at);
      });
      const ended = event(chain.table.events$, 'feedEnded', 60_000);
      accepted(await chain.table.feed({ ...wrong, windowStart: 550 }));
      await ended;
      seen.unsubscribe();
      assert.equal(names, ['feedStarted', 'windowEntered', 'windowLeft', 'feedEnded']);
      // 100 mm at 100 mm/s, told by the device's own clock
      assert.ok(Math.abs(at[2]! - at[1]! - 1000) < 2, `window open for ${at[2]! - at[1]!} ms`);
    },
  },
];

async function move(chain: Chain, position: number): Promise<void> {
  const arrived = event(chain.table.events$, 'arrived', 60_000);
  accepted(await chain.table.moveHorizontal({ position, speed: 200 }));
  await arrived;
}

const generator: Case[] = [
  {
    name: 'refuses to arm before it is ready',
    async run(_device, chain) {
      await ready(chain.generator);
      accepted(await chain.generator.standby());
      refused(await chain.generator.arm({ trigger: 'host' }), 'notReady');
      refused(await chain.generator.fire(), 'notReady');
    },
  },
  {
    name: 'preheats, arms, exposes for the time set, and says what it gave',
    async run(_device, chain) {
      await preheated(chain, 0.5);
      const armed = event(chain.generator.events$, 'armed');
      accepted(await chain.generator.arm({ trigger: 'host' }));
      await armed;
      const started = event(chain.generator.events$, 'exposureStarted');
      const ended = event(chain.generator.events$, 'exposureEnded', 20_000);
      accepted(await chain.generator.fire());
      const on = await started;
      const off = await ended;
      assert.equal([on.kv, on.ma, off.reason], [120, 50, 'timer']);
      assert.ok(Math.abs(off.seconds - 0.5) < 0.001 && Math.abs(off.mas - 25) < 0.05);
      assert.ok(Math.abs(off.at - on.at - 500) < 2);
      assert.not(chain.generator.state.beamOn);
    },
  },
  {
    name: 'beamOff ends an exposure',
    async run(_device, chain) {
      await preheated(chain, 50);
      accepted(await chain.generator.arm({ trigger: 'host' }));
      const started = event(chain.generator.events$, 'exposureStarted');
      accepted(await chain.generator.fire());
      await started;
      const ended = event(chain.generator.events$, 'exposureEnded');
      accepted(await chain.generator.beamOff());
      assert.is((await ended).reason, 'host');
    },
  },
];

const ctdetector: Case[] = [
  {
    name: 'reads out while the beam is on; all readings are here before drained',
    async run(_device, chain) {
      await preheated(chain, 1);
      await ready(chain.ctdetector);
      const blocks: CtReadingBlock[] = [];
      const seen = chain.ctdetector.readings$.subscribe((block) => blocks.push(block));
      const arm = { scanId: 77, rows: 16, rowPitchMm: 1.2, readingsPerRotation: 1152, readingsPerSecond: 400 };
      accepted(await chain.ctdetector.arm(arm));
      refused(await chain.ctdetector.arm(arm), 'busy');
      const drained = event(chain.ctdetector.events$, 'drained', 60_000);
      accepted(await chain.generator.arm({ trigger: 'host' }));
      accepted(await chain.generator.fire());
      const { scanId, readings } = await drained;
      seen.unsubscribe();
      assert.is(scanId, 77);
      assert.ok(readings >= 399 && readings <= 401, `${readings} readings`);
      let expected = 0;
      for (const block of blocks) {
        assert.equal([block.scanId, block.first, block.rows, block.channels], [77, expected, 16, 736]);
        assert.is(block.words.length, block.count * 16 * 736);
        assert.ok(block.tubeMa.every((ma) => ma > 49 && ma < 51));
        expected += block.count;
      }
      assert.is(expected, readings);
    },
  },
];

const petrings: Case[] = [
  {
    name: 'counts for a frame; all words are here before drained, with a time tag each millisecond',
    async run(_device, chain) {
      await ready(chain.petrings);
      accepted(await chain.petrings.setEnergyWindow({ lowerKeV: 435, upperKeV: 650 }));
      const blocks: ListModeBlock[] = [];
      const seen = chain.petrings.words$.subscribe((block) => blocks.push(block));
      const started = event(chain.petrings.events$, 'frameStarted');
      const ended = event(chain.petrings.events$, 'frameEnded', 30_000);
      const drained = event(chain.petrings.events$, 'drained', 60_000);
      accepted(await chain.petrings.start({ frameId: 5, seconds: 2 }));
      refused(await chain.petrings.start({ frameId: 6, seconds: 2 }), 'busy');
      const [first, last, out] = [await started, await ended, await drained];
      seen.unsubscribe();
      assert.equal([last.frameId, last.reason, last.seconds, out.frameId], [5, 'time', 2, 5]);
      assert.ok(Math.abs(last.at - first.at - 2000) < 2);
      let expected = 0;
      for (const block of blocks) {
        assert.equal([block.frameId, block.first], [5, expected]);
        expected += block.words.length;
      }
      assert.is(expected, out.words);
      const tags = blocks.flatMap((block) => [...block.words].filter((word) => word >>> 29 === 4));
      const times = tags.map((word) => word & 0x1fff_ffff);
      assert.ok(times.every((time, i) => i === 0 || time === times[i - 1]! + 1));
      assert.ok(Math.abs(times.length - 2000) <= 1, `${times.length} time tags`);
    },
  },
  {
    name: 'stop ends a frame early',
    async run(_device, chain) {
      await ready(chain.petrings);
      const ended = event(chain.petrings.events$, 'frameEnded', 30_000);
      const drained = event(chain.petrings.events$, 'drained', 60_000);
      accepted(await chain.petrings.start({ frameId: 8, seconds: 1000 }));
      accepted(await chain.petrings.stop());
      assert.is((await ended).reason, 'host');
      await drained;
    },
  },
];

const gating: Case[] = [
  {
    name: 'gives R-waves at their own instants, and a waveform without gaps',
    async run(_device, chain) {
      await ready(chain.gating);
      const beats: number[] = [];
      let end = 0;
      let gaps = 0;
      const triggers = chain.gating.events$.subscribe((e) => e.source === 'ecg' && beats.push(e.at));
      const wave = chain.gating.waveform$.subscribe((block) => {
        if (end > 0 && Math.abs(block.at - end) > 1) gaps++;
        end = block.at + (1000 * block.values.length) / block.samplesPerSecond;
      });
      accepted(await chain.gating.enable({ source: 'ecg' }));
      await until(() => beats.length >= 4 && end > beats[2]!, 30_000, 'four beats');
      accepted(await chain.gating.disable({ source: 'ecg' }));
      triggers.unsubscribe();
      wave.unsubscribe();
      for (let i = 1; i < 4; i++) assert.ok(beats[i]! - beats[i - 1]! > 250 && beats[i]! - beats[i - 1]! < 3000);
      assert.is(gaps, 0);
      await next(chain.gating.state$, (state) => !state.ecgEnabled);
    },
  },
];

export const DEVICE_CASES: Record<DeviceName, readonly Case[]> = {
  interlock,
  gantry,
  table,
  generator,
  ctdetector,
  petrings,
  gating,
};
