import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { insertTags } from '../../sim/devices/listmode.js';
import { exposing, last, makeRig, prepare, type Rig, tableAt } from './sim-rig.js';

const near = (got: number, expected: number, slack: number, what: string) =>
  assert.ok(Math.abs(got - expected) <= slack, `${what}: ${got}, expected ${expected} +- ${slack}`);

const ARM = { scanId: 7, rows: 16, rowPitchMm: 1.2, readingsPerRotation: 1152, readingsPerSecond: 500 };

async function spiral(rig: Rig): Promise<void> {
  tableAt(rig, 1000);
  rig.boards.gantry.command('startRotation', { rotationTime: 0.5 });
  rig.clock.advance(20_000);
  prepare(rig, { kv: 120, ma: 50, maxSeconds: 30 });
  rig.boards.generator.command('arm', { trigger: 'window' });
  assert.is(rig.boards.ctdetector.command('arm', ARM).kind, 'accepted');
  rig.boards.table.command('feed', { stop: 850, speed: 30, windowStart: 970, windowEnd: 880 });
  await rig.clock.run(10_000, 50);
}

test('a spiral gives the readings of its window, each where the gantry and the table were', async () => {
  const rig = makeRig();
  await spiral(rig);
  // 90 mm at 30 mm/s: 3 s, 6 turns
  const total = 6 * 1152;
  assert.is(last(rig, 'acquisitionEnded').fields.readings, total);
  assert.is(last(rig, 'drained').fields.readings, total);
  assert.is(rig.boards.ctdetector.readState().phase, 'idle');
  let next = 0;
  let angle: number | undefined;
  for (const block of rig.readings) {
    assert.is(block.first, next);
    assert.is(block.scanId, 7);
    assert.is(block.words.length, block.count * 16 * 736);
    for (let i = 0; i < block.count; i++) {
      if (angle !== undefined) near(block.angles[i]! - angle, (2 * Math.PI) / 1152, 1e-9, 'step');
      angle = block.angles[i]!;
      near(block.tableMm[i]!, 970 - (next + i + 0.5) * (30 / 2304), 1e-4, 'table');
    }
    next += block.count;
  }
  assert.is(next, total);
  const mas = rig.projections.flatMap((projection) => [...projection.mas]).reduce((a, b) => a + b);
  near(mas, Number(last(rig, 'exposureEnded').fields.mas), 1e-3, 'charge');
});

test('a topogram reads with a standing tube at its own rate', async () => {
  const rig = makeRig();
  tableAt(rig, 1000);
  prepare(rig, { kv: 120, ma: 50, maxSeconds: 30 });
  rig.boards.generator.command('arm', { trigger: 'window' });
  rig.boards.ctdetector.command('arm', ARM);
  rig.boards.table.command('feed', { stop: 700, speed: 100, windowStart: 970, windowEnd: 750 });
  await rig.clock.run(5000, 50);
  assert.is(last(rig, 'drained').fields.readings, 1100);
  assert.ok(rig.readings.every((block) => block.angles.every((angle) => angle === 0)));
});

test('detector data do not depend on when the physics gets its turn', async () => {
  const prompt = makeRig();
  await spiral(prompt);
  const late = makeRig();
  tableAt(late, 1000);
  late.boards.gantry.command('startRotation', { rotationTime: 0.5 });
  late.clock.advance(20_000);
  prepare(late, { kv: 120, ma: 50, maxSeconds: 30 });
  late.boards.generator.command('arm', { trigger: 'window' });
  late.boards.ctdetector.command('arm', ARM);
  late.boards.table.command('feed', { stop: 850, speed: 30, windowStart: 970, windowEnd: 880 });
  late.clock.advance(10_000);
  await late.clock.run(100, 1);
  assert.equal(
    late.readings.map(({ first, count, angles }) => [first, count, angles[0]]),
    prompt.readings.map(({ first, count, angles }) => [first, count, angles[0]]),
  );
});

test('an end that the host notices late, when a block has just gone, ends the readings where the beam ended', async () => {
  const rig = makeRig();
  tableAt(rig, 1000);
  prepare(rig, { kv: 120, ma: 50, maxSeconds: 30 });
  rig.boards.generator.command('arm', { trigger: 'window' });
  rig.boards.ctdetector.command('arm', ARM);
  rig.boards.table.command('feed', { stop: 700, speed: 100, windowStart: 970, windowEnd: 750 });
  for (let ms = 0; ms < 20_000 && rig.projections.length === 0; ms++) rig.clock.advance(1);
  // the first block is with the physics; it comes back to a host that has slept through the end of the exposure
  rig.clock.oversleptMs = 5000;
  await rig.clock.run(5000, 50);
  assert.is(last(rig, 'acquisitionEnded').fields.readings, 1100);
  assert.is(last(rig, 'drained').fields.readings, 1100);
  const starts = rig.readings.map((block) => block.first);
  assert.equal(
    starts,
    [...new Set(starts)].sort((a, b) => a - b),
    'each block once',
  );
  assert.is(
    rig.readings.reduce((sum, block) => sum + block.count, 0),
    1100,
  );
});

test('a frame whose end the host notices late, when a slice has just gone, gives each of its words once', async () => {
  const rig = makeRig();
  rig.boards.petrings.command('start', { frameId: 3, seconds: 2 });
  for (let ms = 0; ms < 5000 && rig.slices.length === 0; ms++) rig.clock.advance(1);
  rig.clock.oversleptMs = 5000;
  await rig.clock.run(1000, 50);
  const starts = rig.slices.map((slice) => slice.startSeconds);
  assert.equal(
    starts,
    [...new Set(starts)].sort((a, b) => a - b),
    'each slice once',
  );
  assert.is(
    last(rig, 'drained').fields.words,
    rig.words.reduce((sum, block) => sum + block.words.length, 0),
  );
});

test('the detector takes only collimations it has, at a temperature at which it is valid', () => {
  const rig = makeRig();
  const arm = (change: object) => JSON.stringify(rig.boards.ctdetector.command('arm', { ...ARM, ...change }));
  assert.match(arm({ rows: 17 }), 'outOfRange');
  assert.match(arm({ rowPitchMm: Number.NaN }), 'outOfRange');
  rig.boards.ctdetector.setTemperature(50);
  assert.match(arm({}), 'temperature');
  rig.boards.ctdetector.setTemperature(36);
  assert.match(arm({}), 'accepted');
  assert.match(arm({}), 'busy');
});

test('a reboot of the detector in mid-scan ends its data', async () => {
  const rig = makeRig();
  rig.boards.ctdetector.command('arm', ARM);
  exposing(rig);
  await rig.clock.run(1000, 50);
  const sent = rig.readings.length;
  assert.ok(sent > 0);
  rig.boards.ctdetector.reboot();
  await rig.clock.run(1000, 50);
  assert.is(rig.readings.length, sent);
  assert.is(rig.boards.ctdetector.readState().phase, 'idle');
});

test('a PET frame ends at the exact time and drains all its words', async () => {
  const rig = makeRig();
  rig.boards.petrings.command('start', { frameId: 3, seconds: 2.25 });
  assert.match(JSON.stringify(rig.boards.petrings.command('start', { frameId: 4, seconds: 1 })), 'busy');
  await rig.clock.run(1100, 10);
  near(Number(rig.boards.petrings.readState().promptsPerSecond), 1000, 1, 'rate');
  await rig.clock.run(3000, 10);
  near(last(rig, 'frameEnded').at - last(rig, 'frameStarted').at, 2250, 1e-3, 'length');
  assert.is(last(rig, 'frameEnded').fields.reason, 'time');
  assert.is(last(rig, 'drained').fields.words, 4500);
  assert.equal(
    rig.words.map(({ first }) => first),
    [0, 1000, 2000, 3000, 4000],
  );
  near(
    rig.slices.reduce((sum, { seconds }) => sum + seconds, 0),
    2.25,
    1e-9,
    'seconds',
  );
});

test('a stopped frame keeps what it counted; too many failed blocks end one with a fault', async () => {
  const rig = makeRig();
  rig.boards.petrings.command('start', { frameId: 3, seconds: 60 });
  await rig.clock.run(1300, 10);
  rig.boards.petrings.command('stop', {});
  await rig.clock.run(100, 10);
  assert.is(last(rig, 'frameEnded').fields.reason, 'host');
  near(Number(last(rig, 'frameEnded').fields.seconds), 1.3, 1e-6, 'seconds');
  assert.is(last(rig, 'drained').fields.words, 2600);
  rig.boards.petrings.command('start', { frameId: 4, seconds: 60 });
  await rig.clock.run(600, 10);
  for (let block = 0; block < 16; block++) rig.boards.petrings.failBlock(block);
  await rig.clock.run(100, 10);
  assert.is(last(rig, 'frameEnded').fields.reason, 'fault');
  assert.is(rig.boards.petrings.readState().blocksFailed, 16);
  assert.match(String(rig.boards.petrings.read('blockStatus')), /^F{16}\.{176}$/);
});

test('R-waves become trigger words in their millisecond', async () => {
  const rig = makeRig();
  rig.boards.gating.command('enable', { source: 'ecg' });
  await rig.clock.run(200, 10);
  rig.boards.petrings.command('start', { frameId: 1, seconds: 4 });
  const start = rig.clock.now();
  await rig.clock.run(5000, 10);
  const beats = rig.notices
    .filter(({ name, at }) => name === 'trigger' && at >= start && at < start + 4000)
    .map(({ at }) => Math.floor(at - start));
  const found: number[] = [];
  let ms = -1;
  for (const word of rig.words.flatMap((block) => [...block.words])) {
    if (word >>> 29 === 4) ms = word & 0x1fffffff;
    if (word === 0xe1008000) found.push(ms);
  }
  assert.is(beats.length, 5);
  assert.equal(found, beats);
});

test('tags go to the end of their millisecond, also before the first and after the last', () => {
  const tag = (ms: number) => (0x8000_0000 | ms) >>> 0;
  const words = Uint32Array.of(tag(10), 1, tag(11), 2);
  const tags = [9, 10, 11, 12].map((ms) => ({ ms, word: 100 + ms }));
  assert.equal([...insertTags(words, tags)], [109, tag(10), 1, 110, tag(11), 2, 111, 112]);
});

test('gating refuses a source that is not connected, and says when one is lost', () => {
  const rig = makeRig();
  const { gating } = rig.boards;
  gating.connect('respiration', false);
  assert.match(JSON.stringify(gating.command('enable', { source: 'respiration' })), 'noSignal');
  gating.command('enable', { source: 'ecg' });
  rig.clock.advance(2000);
  assert.is(gating.readState().ecgBeatsPerMinute, 75);
  assert.is((last(rig, 'waveform').fields.values as Float32Array).length, 100);
  gating.connect('ecg', false);
  assert.is(last(rig, 'signalLost').device, 'gating');
  assert.is(gating.readState().ecgEnabled, false);
});

test.run();
