import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { last, makeRig, START_MS, tableAt } from './sim-rig.js';

const near = (got: number, expected: number, slack: number, what: string) =>
  assert.ok(Math.abs(got - expected) <= slack, `${what}: ${got}, expected ${expected} +- ${slack}`);

// epoch milliseconds have a resolution of 1/4096 ms
const MS = 1e-3;

test('a move follows the trapezoid formula', () => {
  const rig = makeRig();
  const { table } = rig.boards;
  assert.equal(table.command('moveHorizontal', { position: 100, speed: 100 }).kind, 'refused', 'not homed yet');
  tableAt(rig, 0);
  const start = rig.clock.now();
  assert.equal(table.command('moveHorizontal', { position: 800, speed: 200 }).kind, 'accepted');
  // run-up 0.8 s over 80 mm, 640 mm at 200 mm/s, run-out 0.8 s: 4.8 s
  rig.clock.advance(400);
  near(Number(table.readState().horizontal), (250 * 0.4 ** 2) / 2, 1e-3, 'on the ramp');
  near(Number(table.readState().velocity), 100, 1e-2, 'velocity on the ramp');
  rig.clock.advance(1600);
  near(Number(table.readState().horizontal), 80 + 200 * 1.2, 1e-3, 'at constant speed');
  rig.clock.advance(10_000);
  near(last(rig, 'arrived').at - start, 4800, MS, 'arrival');
  assert.is(table.readState().horizontal, 800);
  assert.is(table.readState().velocity, 0);
});

test('a short move is a triangle', () => {
  const rig = makeRig();
  tableAt(rig, 100);
  const start = rig.clock.now();
  rig.boards.table.command('moveHorizontal', { position: 90, speed: 200 });
  rig.clock.advance(10_000);
  near(last(rig, 'arrived').at - start, 2000 * Math.sqrt(10 / 250), MS, 'arrival');
});

test('the scan window of a feed is entered and left at exact times and positions, however late the timer is', () => {
  const rig = makeRig();
  tableAt(rig, 1000);
  const start = rig.clock.now();
  const speed = 15.36;
  const reply = rig.boards.table.command('feed', { stop: 700, speed, windowStart: 980, windowEnd: 730 });
  assert.equal(reply.kind, 'accepted');
  const levels: [boolean, number][] = [];
  rig.lines.scanWindow.watch((level, ms) => levels.push([level, ms]));
  rig.clock.advance(100_000);
  const ramp = speed / 250;
  const at = (distance: number) => start + 1000 * (ramp + (distance - (speed * ramp) / 2) / speed);
  near(last(rig, 'windowEntered').at, at(20), MS, 'entered');
  near(last(rig, 'windowLeft').at, at(270), MS, 'left');
  assert.is(last(rig, 'windowEntered').fields.position, 980);
  assert.equal(
    levels.map(([level]) => level),
    [true, false],
  );
  near(levels[0]![1], at(20), MS, 'line up');
  assert.is(rig.boards.table.readState().horizontal, 700);
});

test('a feed whose window lies in a ramp is refused, as is one the wrong way round', () => {
  const rig = makeRig();
  tableAt(rig, 1000);
  const feed = (windowStart: number, windowEnd: number) =>
    rig.boards.table.command('feed', { stop: 700, speed: 100, windowStart, windowEnd });
  // the run-up for 100 mm/s is 20 mm
  assert.match(JSON.stringify(feed(981, 900)), 'windowInRamp');
  assert.match(JSON.stringify(feed(980, 719)), 'windowInRamp');
  assert.match(JSON.stringify(feed(750, 950)), 'windowInRamp');
  assert.is(feed(980, 720).kind, 'accepted');
});

test('limits, load and the chain refuse a motion', () => {
  const rig = makeRig();
  tableAt(rig, 100);
  const move = (position: number, speed = 100) =>
    JSON.stringify(rig.boards.table.command('moveHorizontal', { position, speed }));
  assert.match(move(2001), 'outOfRange');
  assert.match(move(100, 201), 'outOfRange');
  assert.match(move(Number.NaN), 'outOfRange');
  rig.boards.table.setLoad(228);
  assert.match(move(200), 'overload');
  rig.boards.table.setLoad(70);
  rig.boards.interlock.openDoor();
  rig.clock.advance(5);
  assert.match(move(200), 'motionBlocked');
  rig.boards.interlock.closeDoor();
  rig.clock.advance(5);
  assert.match(move(200), 'accepted');
  assert.match(move(300), 'busy');
});

test('an emergency stop brings table and gantry to a stand by their own brakes', () => {
  const rig = makeRig();
  tableAt(rig, 0);
  rig.boards.gantry.command('startRotation', { rotationTime: 0.5 });
  rig.clock.advance(20_000);
  rig.boards.table.command('moveHorizontal', { position: 1500, speed: 200 });
  rig.clock.advance(2000);
  const pressed = rig.clock.now();
  rig.boards.interlock.pressEmergencyStop();
  rig.clock.advance(60_000);
  const halted = last(rig, 'halted');
  near(halted.at - pressed, 1.5 + 800, MS, 'the table stands');
  assert.is(halted.fields.reason, 'emergencyStop');
  near(Number(halted.fields.position), 320 + 0.3 + 80, 1e-3, 'stopping distance');
  near(last(rig, 'stopped').at - pressed, 1.5 + (1000 * 4 * Math.PI) / 3.5, MS, 'the gantry stands');
});

test('the gantry spins up in proportion to its speed and turns by the formula', () => {
  for (const rotationTime of [0.33, 0.5, 1.0]) {
    const rig = makeRig();
    const { gantry } = rig.boards;
    gantry.command('startRotation', { rotationTime });
    assert.match(JSON.stringify(gantry.command('startRotation', { rotationTime })), 'busy');
    rig.clock.advance(20_000);
    const omega = (2 * Math.PI) / rotationTime;
    const spinUp = omega / 2.38;
    const atSpeed = last(rig, 'atSpeed').at;
    near(atSpeed - START_MS, spinUp * 1000, MS, 'spin-up');
    const turned = (omega * spinUp) / 2 + omega * 7.3;
    near(gantry.angleAt(atSpeed + 7300), turned, 1e-5, 'angle');
    const when = gantry.timeAtAngle(turned, atSpeed)!;
    near(when, atSpeed + 7300, MS, 'time of an angle');
  }
});

test('rotation times, park angles and tilts outside the limits are refused', () => {
  const rig = makeRig();
  const { gantry } = rig.boards;
  assert.match(JSON.stringify(gantry.command('startRotation', { rotationTime: 0.4 })), 'outOfRange');
  assert.match(JSON.stringify(gantry.command('tiltTo', { tilt: 31 })), 'outOfRange');
  gantry.command('tiltTo', { tilt: 30 });
  assert.match(JSON.stringify(gantry.command('startRotation', { rotationTime: 0.5 })), 'busy');
  rig.clock.advance(60_000);
  assert.is(gantry.readState().tilt, 30);
  gantry.command('parkTube', { angle: 270 });
  rig.clock.advance(60_000);
  near(Number(gantry.readState().angle), 270, 1e-9, 'parked');
  // the short way: 90 degrees against the turn
  near(gantry.angleAt(rig.clock.now()), -Math.PI / 2, 1e-9, 'way');
});

test('a rebooted table has lost its reference, not its place', () => {
  const rig = makeRig();
  tableAt(rig, 500);
  const before = rig.boards.table.bootId;
  rig.boards.table.reboot();
  assert.is.not(rig.boards.table.bootId, before);
  assert.is(rig.boards.table.readState().homed, false);
  assert.is(rig.boards.table.readState().horizontal, 500);
  assert.ok(rig.boards.table.deviceTimeUs() < 10n);
});

test('a broken encoder reports NaN and says so', () => {
  const rig = makeRig();
  rig.boards.table.breakEncoder(true);
  assert.ok(Number.isNaN(rig.boards.table.readState().horizontal));
  assert.is(last(rig, 'encoderFault').device, 'table');
});

test.run();
