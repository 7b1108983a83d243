import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import type { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { memoryPair } from '../../hal/link/memory.js';
import { dictionaryOf } from '../../hal/wire/dictionary.js';
import { EventOrder } from '../../hal/wire/event-order.js';
import { type ControlFrame, encodeControl, OP } from '../../hal/wire/frame.js';
import type { DeviceModel, ModelOutlet } from '../../hal/wire/model.js';
import { DeviceNode } from '../../hal/wire/node.js';
import {
  heartbeatPayload,
  readRefusal,
  readRequest,
  STATE_INDEX,
  sequenceDistance,
} from '../../hal/wire/operations.js';
import { controlParser } from '../../hal/wire/parser.js';
import { HostSession, type SessionListener } from '../../hal/wire/session.js';

const test = suite('session');
const NOTHING = new Uint8Array(0);

/** A host session whose far end is the test: it sees each frame and answers what it likes. */
function hostRig() {
  const clock = new ManualClock(1000);
  const [near, far] = memoryPair();
  const sent: ControlFrame[] = [];
  const parser = controlParser((frame) => sent.push(frame));
  far.onData((bytes) => parser.push(bytes));
  const told: string[] = [];
  const listener: SessionListener = {
    onEvent: (frame) => told.push(`event ${frame.sequence}`),
    onState: () => told.push('state'),
    onTime() {},
    onLost: (ms) => told.push(`lost ${ms}`),
    onRebooted: () => told.push('rebooted'),
    onEventsLost: (count) => told.push(`${count} events lost`),
  };
  const session = new HostSession({ link: near, device: 'table', clock, log: silentLog, listener });
  const say = (frame: Partial<ControlFrame>) =>
    void far.send(encodeControl({ type: OP.heartbeat, sequence: 0, time: 5n, payload: NOTHING, ...frame }));
  const beat = (bootId: number, lastEvent = 0) =>
    say({ type: OP.heartbeat, sequence: lastEvent, payload: heartbeatPayload(bootId, 'active') });
  const requests = () => sent.filter((frame) => frame.type === OP.command);
  return { clock, session, sent, requests, told, say, beat };
}

const command = (idempotent: boolean, deadlineMs = 1000) => ({
  op: OP.command,
  payload: Buffer.from([4, 0]),
  what: 'halt',
  idempotent,
  deadlineMs,
});

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'resolved',
    (error: ScannerError) => error.code,
  );

test('heartbeats go out every 50 ms, and silence ends the session between 200 and 250 ms', async () => {
  const rig = hostRig();
  await rig.clock.run(100);
  assert.is(rig.sent.filter((frame) => frame.type === OP.heartbeat).length, 3);
  rig.beat(7);
  await rig.clock.run(1);
  const pending = codeOf(rig.session.request(command(false, 5000)));
  await rig.clock.run(190);
  assert.equal(rig.told, []);
  await rig.clock.run(60);
  assert.is(rig.told.length, 1);
  const silent = Number(rig.told[0]!.split(' ')[1]);
  assert.ok(silent >= 200 && silent < 250, rig.told[0]);
  assert.is(await pending, 'link.lost');
  assert.is(await codeOf(rig.session.request(command(true))), 'link.lost');
});

test('only idempotent requests are sent again, under the number they had', async () => {
  const rig = hostRig();
  const keepAlive = rig.clock.every(50, () => rig.beat(7));
  const once = codeOf(rig.session.request(command(false, 450)));
  await rig.clock.run(500);
  assert.is(rig.requests().length, 1);
  assert.is(await once, 'timeout.command');
  rig.sent.length = 0;
  const often = rig.session.request(command(true));
  await rig.clock.run(350);
  const [first, ...again] = rig.requests();
  assert.is(again.length, 3);
  assert.ok(again.every((frame) => frame.sequence === first!.sequence));
  rig.say({ type: OP.accept, sequence: first!.sequence });
  rig.say({ type: OP.accept, sequence: first!.sequence });
  await rig.clock.run(5);
  assert.is((await often).kind, 'accepted');
  assert.is(rig.session.staleAnswers, 1);
  keepAlive.cancel();
  rig.session.close();
});

test('another boot id ends the session', async () => {
  const rig = hostRig();
  rig.beat(7);
  await rig.clock.run(5);
  const pending = codeOf(rig.session.request(command(true)));
  rig.beat(8);
  await rig.clock.run(5);
  assert.is(await pending, 'device.rebooted');
  assert.equal(rig.told, ['rebooted']);
});

test('frames that pass their checksum and make no sense harm nothing', async () => {
  const rig = hostRig();
  rig.beat(7);
  rig.say({ type: 0x77 });
  rig.say({ type: OP.heartbeat, payload: Buffer.from([1]) });
  rig.say({ type: OP.refuse, payload: Buffer.from([200, 0, 1]) });
  await rig.clock.run(5);
  assert.equal(rig.told, []);
  rig.session.close();
});

test('events: reordered, repeated and lost ones', async () => {
  const clock = new ManualClock(0);
  const told: number[] = [];
  const asked: [number, number][] = [];
  let givenUp = 0;
  const order = new EventOrder({
    wall: clock,
    onEvent: (frame) => told.push(frame.sequence),
    replay: (first, last) => asked.push([first, last]),
    onGivenUp: (count) => {
      givenUp += count;
    },
  });
  const take = (sequence: number) =>
    order.take({ type: OP.event, sequence: sequence & 0xffff, time: 0n, payload: NOTHING });
  order.latest(0xfffe);
  // across the wrap of the numbers
  for (const sequence of [0xffff, 0xffff, 1, 0, 0, 2]) take(sequence);
  assert.equal(told, [0xffff, 0, 1, 2]);
  assert.is(asked.length, 1);
  order.latest(5);
  clock.advance(250);
  assert.equal(asked.slice(1), [
    [3, 5],
    [3, 5],
    [3, 5],
  ]);
  take(5);
  clock.advance(1100);
  assert.is(givenUp, 2);
  assert.equal(told, [0xffff, 0, 1, 2, 5]);
  const before = asked.length;
  clock.advance(1000);
  assert.is(asked.length, before);
});

test('the circle of sequence numbers', () => {
  assert.is(sequenceDistance(5, 7), 2);
  assert.is(sequenceDistance(7, 5), -2);
  assert.is(sequenceDistance(0xffff, 0), 1);
  assert.is(sequenceDistance(0, 0xffff), -1);
});

/** A device node whose host is the test. */
function nodeRig() {
  const clock = new ManualClock(0);
  const [near, far] = memoryPair();
  const done: string[] = [];
  const silences: number[] = [];
  let outlet: ModelOutlet | undefined;
  const model: DeviceModel & { bootId: number } = {
    dictionary: dictionaryOf('table'),
    identity: { model: 'M', serial: 'S', firmware: 'F' },
    bootId: 1,
    bulkPort: 0,
    deviceTimeUs: () => BigInt(Math.round(clock.now() * 1000)),
    readState: () => ({ horizontal: 1, vertical: 500, velocity: 0, moving: false, homed: true, loadKg: 0 }),
    read: () => 0,
    write: () => ({ kind: 'accepted' }),
    command(name) {
      done.push(name);
      return { kind: 'accepted' };
    },
    lifecycleChanged: (active) => void done.push(active ? 'active' : 'inactive'),
    hostSilent: (ms) => void silences.push(ms),
    attach(given) {
      outlet = given;
    },
  };
  const node = new DeviceNode({ model, clock, log: silentLog });
  node.connect(far);
  const got: ControlFrame[] = [];
  const parser = controlParser((frame) => got.push(frame));
  near.onData((bytes) => parser.push(bytes));
  const say = async (type: number, sequence: number, payload: Uint8Array, session = 100n) => {
    void near.send(encodeControl({ type, sequence, time: session, payload }));
    await clock.run(2);
  };
  const answers = () => got.filter((frame) => frame.type === OP.accept || frame.type === OP.refuse);
  return { clock, model, node, done, silences, got, say, answers, outlet: () => outlet! };
}

const ACTIVE = Buffer.from([0x07, 0x10, 0, 1]);
const HOME = Buffer.from([5, 0]);
const HALT = Buffer.from([4, 0]);

test('a node carries a request out once, repeats its answer, drops what is stale', async () => {
  const rig = nodeRig();
  await rig.say(OP.write, 10, ACTIVE);
  await rig.say(OP.command, 11, HOME);
  await rig.say(OP.command, 11, HOME);
  assert.equal(rig.done, ['active', 'home']);
  assert.equal(
    rig.answers().map((frame) => frame.sequence),
    [10, 11, 11],
  );
  // the same number for another request, and a number from long ago
  await rig.say(OP.command, 11, HALT);
  await rig.say(OP.command, (11 - 40) & 0xffff, HOME);
  assert.equal(rig.done, ['active', 'home']);
  assert.equal(rig.node.counts, { repeated: 1, stale: 2 });
  // one that was overtaken on its way is no repetition
  await rig.say(OP.command, 13, HALT);
  await rig.say(OP.command, 12, HALT);
  assert.equal(rig.done, ['active', 'home', 'halt', 'halt']);
});

test('a new session starts inactive; an older one is let in only when the line was quiet', async () => {
  const rig = nodeRig();
  await rig.say(OP.write, 10, ACTIVE, 100n);
  await rig.say(OP.command, 10, HOME, 101n);
  assert.equal(readRefusal(rig.answers()[1]!.payload).reason, 'inactive');
  await rig.say(OP.command, 12, HALT, 101n);
  await rig.say(OP.command, 13, HALT, 100n);
  assert.equal(rig.done, ['active', 'inactive', 'halt']);
  await rig.clock.run(250);
  await rig.say(OP.command, 13, HALT, 100n);
  assert.is(rig.done.at(-1), 'halt');
  assert.is(rig.done.length, 4);
});

test('the model hears how long the host has been silent, at least every 20 ms', async () => {
  const rig = nodeRig();
  await rig.clock.run(30);
  assert.ok(rig.silences.length >= 2 && rig.silences.every((ms) => ms === Number.POSITIVE_INFINITY));
  await rig.say(OP.heartbeat, 0, NOTHING);
  assert.is(rig.silences.at(-1)! < 20, true);
  rig.silences.length = 0;
  await rig.clock.run(200);
  assert.ok(rig.silences.length >= 10);
  assert.ok(rig.silences.at(-1)! >= 190 && rig.silences.at(-1)! <= 210);
});

test('what no request may be is refused with its reason', async () => {
  const rig = nodeRig();
  await rig.say(OP.write, 1, ACTIVE);
  const nan = Buffer.alloc(18, 0);
  nan.writeUInt16LE(1, 0);
  nan.writeDoubleLE(Number.NaN, 2);
  nan.writeDoubleLE(100, 10);
  const tooFar = Buffer.from(nan);
  tooFar.writeDoubleLE(2001, 2);
  const cases: [number, Uint8Array, string][] = [
    [OP.command, nan, 'outOfRange'],
    [OP.command, tooFar, 'outOfRange'],
    [OP.command, nan.subarray(0, 12), 'outOfRange'],
    [OP.command, Buffer.concat([HALT, HALT]), 'outOfRange'],
    [OP.command, Buffer.from([99, 0]), 'unknownCommand'],
    [OP.read, readRequest(0x4444, 0), 'unknownObject'],
    [OP.write, Buffer.from([0, 0x20, 0, 0]), 'readOnly'],
    [0x33, NOTHING, 'unknownOperation'],
  ];
  for (const [i, [type, payload]] of cases.entries()) await rig.say(type, 20 + i, payload);
  const reasons = rig
    .answers()
    .slice(1)
    .map((frame) => readRefusal(frame.payload).reason);
  assert.equal(
    reasons,
    cases.map(([, , reason]) => reason),
  );
  assert.equal(rig.done, ['active']);
  await rig.say(OP.read, 50, readRequest(STATE_INDEX, 0));
  assert.is(rig.answers().at(-1)!.payload.length, 34);
});

test('after a reboot a node knows neither session, nor answers, nor events', async () => {
  const rig = nodeRig();
  await rig.say(OP.write, 10, ACTIVE);
  rig.outlet().event('homed', {});
  await rig.clock.run(2);
  rig.model.bootId = 2;
  rig.outlet().rebooted();
  await rig.clock.run(2);
  const beat = rig.got.findLast((frame) => frame.type === OP.heartbeat)!;
  assert.equal([beat.sequence, beat.payload[0]], [0, 2]);
  assert.is(rig.node.lifecycle, 'inactive');
  await rig.say(OP.command, 10, HOME);
  assert.equal(readRefusal(rig.answers().at(-1)!.payload).reason, 'inactive');
});

test.run();
