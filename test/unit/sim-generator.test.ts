import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Anode } from '../../sim/devices/anode.js';
import { exposing, last, makeRig, prepare, tableAt } from './sim-rig.js';

const near = (got: number, expected: number, slack: number, what: string) =>
  assert.ok(Math.abs(got - expected) <= slack, `${what}: ${got}, expected ${expected} +- ${slack}`);
const MS = 1e-3;

test('an exposure is refused in every wrong state', () => {
  const rig = makeRig();
  const { generator, interlock } = rig.boards;
  const arm = () => JSON.stringify(generator.command('arm', { trigger: 'host' }));
  const fire = () => JSON.stringify(generator.command('fire', {}));
  assert.match(arm(), 'noHeartbeat');
  generator.hostSilent(0);
  assert.match(arm(), 'notReady');
  generator.command('prepare', { kv: 120, ma: 100, maxSeconds: 1 });
  rig.clock.advance(1999);
  assert.match(arm(), 'notReady');
  rig.clock.advance(1);
  assert.match(fire(), 'notReady');
  interlock.openDoor();
  rig.clock.advance(5);
  assert.match(arm(), 'interlock');
  interlock.closeDoor();
  rig.clock.advance(5);
  generator.hostSilent(200);
  assert.match(arm(), 'noHeartbeat');
  generator.hostSilent(10);
  assert.match(arm(), 'accepted');
  assert.is(generator.readState().beamOn, false);
  assert.match(fire(), 'accepted');
  assert.is(generator.readState().beamOn, true);
});

test('techniques beyond the limits are refused with the limit named', () => {
  const rig = makeRig();
  const prepared = (kv: number, ma: number, maxSeconds: number) =>
    JSON.stringify(rig.boards.generator.command('prepare', { kv, ma, maxSeconds }));
  assert.match(prepared(110, 100, 1), 'outOfRange');
  assert.match(prepared(120, 19, 1), 'outOfRange');
  assert.match(prepared(120, Number.NaN, 1), 'outOfRange');
  assert.match(prepared(120, 100, 101), 'outOfRange');
  assert.match(prepared(140, 600, 1), 'power');
  assert.match(prepared(120, 600, 99), 'heat');
  exposing(rig);
  assert.match(prepared(120, 100, 1), 'busy');
});

test('the generator ends an exposure by its own timer at the exact time', () => {
  const rig = makeRig();
  exposing(rig, 1.25);
  rig.clock.advance(5000);
  const { at, fields } = last(rig, 'exposureEnded');
  near(at - last(rig, 'exposureStarted').at, 1250, MS, 'length');
  assert.is(fields.reason, 'timer');
  near(Number(fields.mas), 125, 1e-3, 'mA s');
  assert.is(rig.boards.generator.readState().phase, 'ready');
});

test('a window exposure starts and ends with the table, not with the host', () => {
  const rig = makeRig();
  tableAt(rig, 1000);
  prepare(rig, { kv: 120, ma: 50, maxSeconds: 30 });
  rig.boards.generator.command('arm', { trigger: 'window' });
  rig.boards.table.command('feed', { stop: 800, speed: 20, windowStart: 950, windowEnd: 850 });
  rig.clock.advance(60_000);
  assert.is(last(rig, 'exposureStarted').at, last(rig, 'windowEntered').at);
  const ended = last(rig, 'exposureEnded');
  assert.is(ended.at, last(rig, 'windowLeft').at);
  assert.is(ended.fields.reason, 'window');
  near(Number(ended.fields.seconds), 5, 1e-5, 'seconds');
});

test('halting the table inside the window drops the beam with the line', () => {
  const rig = makeRig();
  tableAt(rig, 1000);
  prepare(rig);
  rig.boards.generator.command('arm', { trigger: 'window' });
  rig.boards.table.command('feed', { stop: 800, speed: 20, windowStart: 950, windowEnd: 850 });
  rig.clock.advance(4000);
  assert.is(rig.boards.generator.readState().beamOn, true);
  rig.boards.table.command('halt', {});
  assert.is(rig.boards.generator.readState().beamOn, false);
});

for (const [cause, reason] of [
  ['pressEmergencyStop', 'emergencyStop'],
  ['openDoor', 'interlock'],
] as const) {
  test(`${cause} drops the beam at the tube in under 5 ms by the hardware path`, () => {
    const rig = makeRig();
    exposing(rig);
    rig.clock.advance(500);
    rig.boards.interlock[cause]();
    rig.clock.advance(100);
    const latency = rig.boards.generator.beamOffMs! - rig.boards.interlock.causeMs!;
    assert.ok(latency > 0 && latency < 5, `${latency} ms`);
    assert.is(rig.lines.beam.level, undefined);
    assert.is(last(rig, 'exposureEnded').fields.reason, reason);
    assert.is(rig.boards.generator.readState().phase, 'standby');
  });
}

test('a tripped chain stays open until it is reset, which needs everything well', () => {
  const rig = makeRig();
  const { interlock } = rig.boards;
  interlock.pressEmergencyStop();
  rig.clock.advance(5);
  assert.match(JSON.stringify(interlock.command('reset', {})), 'chainOpen');
  interlock.releaseEmergencyStop();
  rig.clock.advance(5);
  assert.is(interlock.readState().beamPermit, false);
  interlock.openDoor();
  assert.match(JSON.stringify(interlock.command('reset', {})), 'chainOpen');
  interlock.closeDoor();
  assert.is(interlock.command('reset', {}).kind, 'accepted');
  rig.clock.advance(5);
  assert.equal(interlock.readState(), {
    emergencyStop: false,
    doorClosed: true,
    tripped: false,
    beamPermit: true,
    motionPermit: true,
  });
});

test('host silence of 200 ms ends an exposure and takes back an arming; 190 ms does not', () => {
  const rig = makeRig();
  exposing(rig);
  rig.boards.generator.hostSilent(190);
  assert.is(rig.boards.generator.readState().beamOn, true);
  rig.boards.generator.hostSilent(200);
  rig.clock.advance(1);
  assert.is(rig.boards.generator.readState().beamOn, false);
  assert.is(last(rig, 'exposureEnded').fields.reason, 'watchdog');
  assert.is(last(rig, 'watchdog').device, 'generator');
  prepare(rig);
  rig.boards.generator.command('arm', { trigger: 'window' });
  rig.boards.generator.hostSilent(250);
  assert.is(last(rig, 'disarmed').fields.reason, 'watchdog');
  assert.is(rig.boards.generator.readState().phase, 'standby');
});

test('an arc ends the exposure and needs a new preparation', () => {
  const rig = makeRig();
  rig.boards.generator.arc();
  assert.not(
    rig.notices.some((notice) => notice.name === 'arc'),
    'no beam, no arc',
  );
  exposing(rig);
  rig.boards.generator.arc();
  rig.clock.advance(1);
  assert.is(last(rig, 'exposureEnded').fields.reason, 'arc');
  assert.match(JSON.stringify(rig.boards.generator.command('arm', { trigger: 'host' })), 'notReady');
});

test('a reboot in mid-exposure drops the beam and forgets the exposure', () => {
  const rig = makeRig();
  exposing(rig);
  rig.clock.advance(100);
  rig.boards.generator.reboot();
  assert.is(rig.lines.beam.level, undefined);
  assert.is(rig.boards.generator.readState().phase, 'standby');
  const count = rig.notices.filter((notice) => notice.name === 'exposureEnded').length;
  rig.clock.advance(60_000);
  assert.is(rig.notices.filter((notice) => notice.name === 'exposureEnded').length, count);
});

test('the heat balance agrees with stepwise integration', () => {
  const anode = new Anode({ tauSeconds: 370, heat: 1e6, atMs: 0 });
  const power = 1.35 * 120 * 200;
  anode.setPower(0, power);
  let heat = 1e6;
  for (let i = 0; i < 400_000; i++) heat += (power - heat / 370) * 1e-4;
  near(anode.heat(40_000), heat, heat * 1e-5, 'after 40 s of beam');
  anode.setPower(40_000, 0);
  near(anode.heat(40_000 + 370_000), heat / Math.E, heat * 1e-4, 'one time constant later');
  const warm = new Anode({ tauSeconds: 370, heat: 1e6, atMs: 0 });
  near(warm.predict(0, power, warm.secondsTo(0, power, 3e6)), 3e6, 1, 'time to a limit');
});

test('a hot anode refuses, cools down, and is cut off at its limit', () => {
  const rig = makeRig();
  const { generator } = rig.boards;
  generator.setAnodeHeat(4.9e6);
  const technique = { kv: 120, ma: 600, maxSeconds: 10 };
  assert.match(JSON.stringify(generator.command('prepare', technique)), 'heat');
  rig.clock.advance(120_000);
  assert.match(JSON.stringify(generator.command('prepare', technique)), 'accepted');
  rig.clock.advance(2000);
  generator.hostSilent(0);
  generator.command('arm', { trigger: 'host' });
  rig.clock.advance(1);
  generator.command('fire', {});
  rig.clock.advance(1000);
  generator.setAnodeHeat(4.95e6);
  rig.clock.advance(9000);
  assert.is(last(rig, 'exposureEnded').fields.reason, 'heat');
  near(Number(generator.readState().anodeHeat), 5e6 * Math.exp(-8.4 / 370), 2e4, 'heat after the cut-off');
});

test.run();
