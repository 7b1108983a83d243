import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import type { RangeRef } from '../../machines/types.js';
import { type Rig, rig } from './rig.js';
import { tick } from './world.js';

const test = suite('supervisor');

const ranges: RangeRef[] = [
  { id: 'low', kind: 'ct' },
  { id: 'body', kind: 'pet' },
];

const acquiring = ({ supervisor }: Rig) => supervisor.snapshot.exam?.acquisition?.state ?? 'none';
const NEVER_ENDS = (_: unknown, signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('an exam runs to its end; its records are there meanwhile and gone after', async () => {
  const r = await rig();
  const exam = r.supervisor.startExam({ examId: 'E1', ranges });
  assert.throws(() => r.supervisor.startExam({ examId: 'E2', ranges }), /E1 is under way/);
  await r.until('scanning', () => acquiring(r) === 'running.scanning');
  await r.until('recorded', () => r.records.has('acquisition E1') && r.records.has('exam E1'));
  await r.until('end', () => r.supervisor.snapshot.exam === null);
  const output = await exam.done;
  assert.is(output.status, 'completed');
  assert.equal(output.completed, ['low', 'body']);
  assert.equal(r.world.reconstructed, ['low', 'body']);
  assert.equal([...r.records.keys()], []);
  const told = r.facts.map((fact) => fact.type);
  for (const type of ['exam.started', 'RANGE_COMPLETED', 'exam.acquired', 'exam.stored', 'exam.ended'] as const) {
    assert.ok(told.includes(type), type);
  }
  assert.not.ok(told.includes('unexpected'));
  assert.equal(r.errors, []);
  await r.supervisor.stop();
});

test('an opened door reaches the running X-ray range, which waits for the operator once it is closed', async () => {
  let scans = 0;
  const r = await rig({
    scanRange: (input, signal) => (++scans === 1 ? NEVER_ENDS(input, signal) : Promise.resolve({})),
  });
  const exam = r.supervisor.startExam({ examId: 'E1', ranges });
  await r.until('scanning', () => acquiring(r) === 'running.scanning');
  r.interlock.become({ doorClosed: false, beamPermit: false });
  await r.until('interrupted', () => acquiring(r) === 'interrupted');
  assert.is(r.world.madeSafe, 1);
  r.supervisor.command('CONTINUE');
  await r.until('still interrupted', () => acquiring(r) === 'interrupted');
  assert.ok(r.facts.some((fact) => fact.type === 'refused'));
  r.interlock.become({ doorClosed: true, beamPermit: true });
  await tick();
  assert.is(acquiring(r), 'interrupted');
  r.supervisor.command('CONTINUE');
  await r.until('end', () => r.supervisor.snapshot.exam === null);
  assert.is((await exam.done).status, 'completed');
  await r.supervisor.stop();
});

test('a lost link interrupts, is connected again with growing pauses, and the PET range goes on by itself', async () => {
  let scans = 0;
  const r = await rig({
    scanRange: (input, signal) => (++scans === 1 ? NEVER_ENDS(input, signal) : Promise.resolve({})),
  });
  const exam = r.supervisor.startExam({ examId: 'E1', ranges: [{ id: 'body', kind: 'pet' }] });
  await r.until('scanning', () => acquiring(r) === 'running.scanning');
  r.petrings.drop();
  await r.until('interrupted', () => acquiring(r) === 'interrupted');
  assert.equal(r.supervisor.snapshot.blockers, ['link:petrings']);
  const before = r.petrings.commands.length;
  for (let second = 0; second < 40; second++) {
    r.clock.advance(1000);
    await tick();
  }
  const tries = r.petrings.commands.length - before;
  assert.ok(tries >= 4 && tries <= 12, `${tries} tries in 40 s`);
  r.petrings.reachable = true;
  for (let second = 0; second < 10; second++) {
    r.clock.advance(1000);
    await tick();
  }
  await r.until('end', () => r.supervisor.snapshot.exam === null);
  const output = await exam.done;
  assert.is(output.status, 'completed');
  assert.is(output.results[0]?.attempts, 2);
  await r.supervisor.stop();
});

test('an emergency stop while nothing runs keeps the next exam from starting', async () => {
  const r = await rig();
  r.interlock.become({ emergencyStop: true, tripped: true, beamPermit: false });
  assert.equal(r.supervisor.snapshot.blockers, ['emergencyStop']);
  const exam = r.supervisor.startExam({ examId: 'E1', ranges });
  await r.until('interrupted', () => acquiring(r) === 'interrupted');
  assert.equal(r.world.exposures, {});
  r.supervisor.command('ABORT');
  await r.until('end', () => r.supervisor.snapshot.exam === null);
  assert.is((await exam.done).status, 'discontinued');
  assert.equal(r.world.endAnnounced, ['DISCONTINUED']);
  await r.supervisor.stop();
});

test('a device fault interrupts only a range that needs the device', async () => {
  const r = await rig({ scanRange: NEVER_ENDS });
  r.supervisor.startExam({ examId: 'E1', ranges });
  await r.until('scanning', () => acquiring(r) === 'running.scanning');
  r.petrings.fault('blockTemperature');
  r.gating.fault('noSignal');
  await tick();
  assert.is(acquiring(r), 'running.scanning');
  r.generator.fault('arc');
  await r.until('interrupted', () => acquiring(r) === 'interrupted');
  assert.is(r.supervisor.snapshot.exam?.acquisition?.error?.code, 'device.fault');
  assert.is(r.supervisor.snapshot.devices.generator, 'faulted');
  await r.supervisor.stop();
});

test('a beam that no range asked for is switched off', async () => {
  const r = await rig();
  r.generator.become({ phase: 'exposing', beamOn: true, kv: 120, ma: 50 });
  await tick();
  assert.ok(r.generator.commands.includes('beamOff'));
  assert.equal(r.errors, ['beam on without a range that asked for it']);
  await r.supervisor.stop();
});

test('a beam during a PET range is switched off', async () => {
  const r = await rig({ scanRange: NEVER_ENDS });
  r.supervisor.startExam({ examId: 'E1', ranges: [{ id: 'body', kind: 'pet' }] });
  await r.until('scanning', () => acquiring(r) === 'running.scanning');
  r.generator.become({ phase: 'exposing', beamOn: true, kv: 120, ma: 50 });
  await tick();
  assert.ok(r.generator.commands.includes('beamOff'));
  await r.supervisor.stop();
});

test('a beam that a range asked for is left alone', async () => {
  const r = await rig({ scanRange: NEVER_ENDS });
  r.supervisor.startExam({ examId: 'E1', ranges });
  await r.until('scanning', () => acquiring(r) === 'running.scanning');
  r.generator.become({ phase: 'armed' });
  r.generator.become({ phase: 'exposing', beamOn: true, kv: 120, ma: 50 });
  await tick();
  assert.not.ok(r.generator.commands.includes('beamOff'));
  await r.supervisor.stop();
});

test('stopped in mid-scan, the scanner is made safe, and another supervisor takes the exam up from the records', async () => {
  const first = await rig({ scanRange: NEVER_ENDS });
  const exam = first.supervisor.startExam({ examId: 'E1', ranges });
  await first.until('scanning', () => acquiring(first) === 'running.scanning');
  await first.supervisor.stop();
  assert.is(first.world.madeSafe, 1);
  await exam.done.then(
    () => assert.unreachable(),
    (error: ScannerError) => assert.is(error.code, 'timeout.aborted'),
  );
  assert.equal([...first.records.keys()].sort(), ['acquisition E1', 'exam E1']);

  const second = await rig({}, first.world);
  const restored = second.supervisor.restore([...first.records.values()]);
  await second.until('interrupted', () => acquiring(second) === 'interrupted');
  second.supervisor.command('CONTINUE');
  await second.until('end', () => second.supervisor.snapshot.exam === null);
  assert.is((await restored.exam!.done).status, 'completed');
  assert.is(second.world.startAnnounced, 1);
  assert.equal(second.world.endAnnounced, ['COMPLETED']);
  await second.supervisor.stop();
});

test('a kernel that fails once is run again, one that fails twice fails the job and not the exam', async () => {
  const failures = { low: 1, body: 2 } as Record<string, number>;
  const r = await rig({
    runReconstruction: async ({ rangeId, attempt }) => {
      await tick();
      if (attempt <= failures[rangeId]!) throw new ScannerError('native.failed', { kernel: 'fbp', message: 'x' });
      return { attempt };
    },
  });
  const exam = r.supervisor.startExam({ examId: 'E1', ranges });
  await r.until('end', () => r.supervisor.snapshot.exam === null);
  const output = await exam.done;
  assert.is(output.status, 'completed');
  assert.equal(
    output.reconstructions.map(({ rangeId, state }) => [rangeId, state]),
    [
      ['low', 'done'],
      ['body', 'failed'],
    ],
  );
  await r.supervisor.stop();
});

test('a reconstruction that a stop interrupted is looked at and run again by the exam it belongs to', async () => {
  const first = await rig({ runReconstruction: NEVER_ENDS });
  first.supervisor.startExam({ examId: 'E1', ranges: [ranges[0]!] });
  await first.until('reconstructing', () => first.supervisor.snapshot.reconstructions[0]?.state === 'running');
  const alone = { jobId: 'J', examId: 'E0', rangeId: 'old', kind: 'ct' as const };
  first.supervisor.startReconstruction(alone);
  await first.until('recorded', () => first.records.size === 4);
  await first.supervisor.stop();

  const inspected: string[] = [];
  const second = await rig(
    {
      inspectReconstruction: async ({ rangeId }) => {
        inspected.push(rangeId);
        return { decision: 'resume', result: null };
      },
    },
    first.world,
  );
  const { exam } = second.supervisor.restore([...first.records.values()]);
  await second.until('end', () => second.supervisor.snapshot.exam === null);
  assert.is((await exam!.done).status, 'completed');
  await second.until('own job', () => second.supervisor.snapshot.reconstructions.length === 0);
  assert.equal(inspected, ['low']);
  assert.equal([...second.world.reconstructed].sort(), ['low', 'old']);
  assert.equal(second.world.endAnnounced, ['COMPLETED']);
  await second.supervisor.stop();
});

test('reconstructions run one at a time and can be called off', async () => {
  let now = 0;
  let most = 0;
  const r = await rig({
    runReconstruction: async ({ rangeId, progress }, signal) => {
      most = Math.max(most, ++now);
      progress(0.25);
      if (rangeId === 'stuck') await NEVER_ENDS(null, signal).finally(() => now--);
      await tick();
      now--;
      return {};
    },
  });
  const job = (rangeId: string) =>
    r.supervisor.startReconstruction({ jobId: rangeId, examId: 'E1', rangeId, kind: 'ct' as const });
  const jobs = [job('stuck'), job('b'), job('c')];
  await r.until('running', () => r.supervisor.snapshot.reconstructions[0]?.progress === 0.25);
  assert.is(r.supervisor.snapshot.reconstructions[1]?.state, 'queued');
  r.supervisor.cancelReconstruction('stuck');
  await r.until('all ended', () => r.supervisor.snapshot.reconstructions.length === 0);
  const outcomes = (await Promise.all(jobs.map((running) => running.done))).map(({ outcome }) => outcome);
  assert.equal(outcomes, ['cancelled', 'done', 'done']);
  assert.is(most, 1);
  await r.supervisor.stop();
});

test('commands without an exam are refused', async () => {
  const r = await rig();
  assert.throws(() => r.supervisor.command('ABORT'), /no exam/);
  await r.supervisor.stop();
});

test.run();
