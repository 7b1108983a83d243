import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Actor, createActor } from 'xstate';
import { ManualClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { acquisitionMachine } from '../../machines/acquisition.js';
import type { AcquisitionContext } from '../../machines/acquisition.types.js';
import { machineClock } from '../../machines/clock.js';
import type { examMachine } from '../../machines/exam.js';
import type { ExamContext, ExamInput } from '../../machines/exam.types.js';
import type { Tasks } from '../../machines/tasks.js';
import { provideExam } from '../../machines/tasks.js';
import { type RangeRef, type Recovered, stateName } from '../../machines/types.js';
import { freshWorld, tasksOn, tick, type World } from './world.js';

const test = suite('a process that ends in the midst of an exam');

const ranges: RangeRef[] = [
  { id: 'scout', kind: 'topogram' },
  { id: 'low', kind: 'ct' },
  { id: 'body', kind: 'pet' },
];
const input: ExamInput = { examId: 'E1', ranges };

/** All that is left of a process: records and the world, as they were at one moment. */
interface Remains {
  title: string;
  exam: Recovered<ExamContext>;
  acquisition?: Recovered<AcquisitionContext>;
  world: World;
}

type ExamActor = Actor<typeof examMachine>;

function acquisitionOf(actor: ExamActor): Actor<typeof acquisitionMachine> | undefined {
  return actor.getSnapshot().children.acquisition as Actor<typeof acquisitionMachine> | undefined;
}

function start(world: World, from: ExamInput, overrides: Partial<Tasks> = {}) {
  const clock = new ManualClock();
  const tasks = tasksOn(world, overrides);
  const machine = provideExam(tasks, async ({ rangeId }) => {
    await tick();
    world.reconstructed.push(rangeId);
    await tick();
    return {};
  });
  const actor = createActor(machine, { input: from, clock: machineClock(clock) });
  actor.start();
  return { actor, clock };
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** Runs an exam to its end and keeps what a process that ended at any moment would have left. */
async function remainsOf(script: (actor: ExamActor, step: number) => void): Promise<Remains[]> {
  const world = freshWorld();
  const { actor, clock } = start(world, input);
  const found: Remains[] = [];
  let acquisition: Recovered<AcquisitionContext> | undefined;
  for (let step = 0; step < 300 && actor.getSnapshot().status === 'active'; step++) {
    script(actor, step);
    clock.advance(20);
    const snapshot = actor.getSnapshot();
    const child = acquisitionOf(actor)?.getSnapshot();
    if (child) acquisition = copy({ value: child.value, context: child.context });
    const title = `${stateName(snapshot.value)} / ${acquisition ? stateName(acquisition.value) : 'none'}`;
    const exam = copy({ value: snapshot.value, context: snapshot.context });
    found.push({ title, exam, acquisition, world: copy(world) });
    await tick();
  }
  assert.is(actor.getSnapshot().status, 'done');
  return found;
}

/** Each moment, and each moment whose record is one change behind the world. */
async function crashes(): Promise<Remains[]> {
  const byInterlock = (actor: ExamActor, step: number) => {
    const state = stateName(acquisitionOf(actor)?.getSnapshot().value ?? '');
    if (state === 'running.scanning' && step < 30) actor.send({ type: 'INTERLOCK_OPENED', reason: 'door' });
    if (state === 'interrupted' && step % 10 === 0) actor.send({ type: 'INTERLOCK_CLOSED' });
    if (state === 'interrupted' && step % 10 === 5) actor.send({ type: 'CONTINUE' });
  };
  const held = (actor: ExamActor, step: number) => {
    if (step === 5) actor.send({ type: 'HOLD' });
    if (step === 40) actor.send({ type: 'RESUME' });
  };
  const aborted = (actor: ExamActor, step: number) => {
    if (step === 40) actor.send({ type: 'ABORT' });
  };
  const runs = await Promise.all([() => {}, byInterlock, held, aborted].map(remainsOf));
  const late = runs.flatMap((run) =>
    run
      .slice(1)
      .map((after, i): Remains => ({ ...run[i]!, world: after.world, title: `${run[i]!.title}, record late` })),
  );
  const lateChild = runs.flatMap((run) =>
    run.slice(1).map(
      (after, i): Remains => ({
        ...after,
        acquisition: run[i]!.acquisition,
        title: `${after.title}, acquisition late`,
      }),
    ),
  );
  const seen = new Set<string>();
  return [...runs.flat(), ...late, ...lateChild].filter((remains) => {
    const key = JSON.stringify(remains);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Starts again on what is left; `whenWaiting` is what the operator does with an interrupted range. */
async function restart(left: Remains, whenWaiting: 'ABORT' | 'CONTINUE', overrides: Partial<Tasks> = {}) {
  const world = copy(left.world);
  const recovered = { ...copy(left.exam), acquisition: left.acquisition && copy(left.acquisition) };
  const { actor, clock } = start(world, { ...input, recovered }, overrides);
  const commands: string[] = [];
  for (let step = 0; step < 400 && actor.getSnapshot().status === 'active'; step++) {
    await tick();
    clock.advance(20);
    const state = stateName(acquisitionOf(actor)?.getSnapshot().value ?? '');
    if (state === 'interrupted' || state === 'running.held') {
      const command = state === 'interrupted' ? whenWaiting : whenWaiting === 'ABORT' ? 'ABORT' : 'RESUME';
      commands.push(command);
      actor.send({ type: command });
    }
  }
  return { world, commands, snapshot: actor.getSnapshot() };
}

/** States in which the scanner may have been at work. */
function mayHaveBeenLive({ exam, acquisition }: Remains): boolean {
  if (!stateName(exam.value).includes('acquiring')) return false;
  return acquisition === undefined || /^(running|makingSafe|recovering)/.test(stateName(acquisition.value));
}

const all = await crashes();

test('the moments cover every state that an exam and its acquisition rest in', () => {
  const states = new Set(all.flatMap(({ title }) => title.replace(/, .*/, '').split(/ \/ |\+/)));
  const running = ['checking', 'positioning', 'preparing', 'arming', 'scanning', 'draining', 'held'];
  for (const state of [
    ...running.map((name) => `running.${name}`),
    'makingSafe.stopping',
    'interrupted',
    'registering',
    'working.acquisition.acquiring',
    'working.reconstruction.reconstructing',
    'storing',
    'closing',
  ]) {
    assert.ok(states.has(state), `no moment in ${state}`);
  }
  assert.ok(all.length > 200, `${all.length} moments`);
});

test('continued by the operator, the exam ends, and its start and end are announced exactly once', async () => {
  for (const left of all) {
    const { world, snapshot } = await restart(left, 'CONTINUE');
    assert.is(snapshot.status, 'done', left.title);
    const status = snapshot.context.aborted ? 'DISCONTINUED' : 'COMPLETED';
    assert.equal(world.endAnnounced, [status], left.title);
    assert.is(world.startAnnounced, 1, left.title);
    assert.is(world.live, false, `${left.title}: scanner left live`);
    if (status === 'COMPLETED') assert.equal([...new Set(world.scanned)].sort(), ['body', 'low', 'scout'], left.title);
  }
});

test('given up by the operator, it is discontinued cleanly', async () => {
  for (const left of all) {
    const { world, snapshot } = await restart(left, 'ABORT');
    assert.is(snapshot.status, 'done', left.title);
    assert.is(world.endAnnounced.length, 1, left.title);
    assert.is(world.live, false, `${left.title}: scanner left live`);
    if (snapshot.context.aborted) assert.equal(world.endAnnounced, ['DISCONTINUED'], left.title);
  }
});

test('the scanner is made safe wherever beam or motion was possible', async () => {
  const live = all.filter(mayHaveBeenLive);
  assert.ok(live.length > 100);
  for (const left of live) {
    const { world } = await restart(left, 'ABORT');
    assert.ok(world.madeSafe > left.world.madeSafe, `${left.title}: not made safe`);
  }
});

test('no exposure is begun by a restart: each further one has its CONTINUE or is of a range not yet reached', async () => {
  for (const left of all) {
    const { world, commands } = await restart(left, 'CONTINUE');
    const continued = commands.filter((command) => command === 'CONTINUE').length;
    const again = Object.entries(world.exposures).filter(([id, n]) => n > Math.max(1, left.world.exposures[id] ?? 0));
    assert.ok(again.length <= continued, `${left.title}: ${again.map(([id]) => id)} exposed again by itself`);
  }
});

test('a restart that cannot reach the hardware discontinues and says so', async () => {
  const unreachable = async (): Promise<never> => {
    await tick();
    throw new ScannerError('link.closed', { device: 'generator' });
  };
  const scanning = all.filter(({ title }) => title.endsWith('running.scanning'));
  assert.ok(scanning.length > 0);
  for (const left of scanning) {
    const { world, snapshot } = await restart(left, 'CONTINUE', {
      inspectHardware: unreachable,
      makeSafe: unreachable,
    });
    assert.is(snapshot.value, 'discontinued', left.title);
    assert.equal(world.endAnnounced, ['DISCONTINUED'], left.title);
    assert.is(snapshot.output?.error?.code, 'link.closed');
  }
});

test('a second end while recovering loses nothing', async () => {
  const left = all.find(({ title }) => title.endsWith('running.scanning'))!;
  const world = copy(left.world);
  const first = start(world, { ...input, recovered: { ...copy(left.exam), acquisition: copy(left.acquisition!) } });
  const { value, context } = copy(first.actor.getSnapshot());
  assert.is(value, 'recovering');
  first.actor.stop();
  const again: Remains = { ...left, exam: { value, context }, world };
  const result = await restart(again, 'ABORT');
  assert.is(result.snapshot.value, 'discontinued');
  assert.ok(result.world.madeSafe > left.world.madeSafe);
  assert.equal(result.world.endAnnounced, ['DISCONTINUED']);
});

test.run();
