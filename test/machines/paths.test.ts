import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph';
import { ManualClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { acquisitionMachine } from '../../machines/acquisition.js';
import { type AcquisitionContext, isBlocked } from '../../machines/acquisition.types.js';
import { machineClock } from '../../machines/clock.js';
import { examMachine } from '../../machines/exam.js';
import { type RangeRef, stateName } from '../../machines/types.js';
import { Deferreds, settled } from './deferred.js';
import { done, failed, type MachineEvent } from './table.js';

const test = suite('paths through the acquisition and the exam');

const ranges: RangeRef[] = [
  { id: 'low', kind: 'ct' },
  { id: 'body', kind: 'pet' },
];
const STEPS = ['checkRange', 'positionRange', 'prepareRange', 'armRange', 'scanRange', 'drainRange'];
const BEAM_OR_MOTION = ['positioning', 'preparing', 'arming', 'scanning', 'draining'].map((s) => `running.${s}`);

const acquisitionEvents: MachineEvent[] = [
  { type: 'ABORT' },
  { type: 'HOLD' },
  { type: 'RESUME' },
  { type: 'CONTINUE' },
  { type: 'INTERLOCK_OPENED', reason: 'door' } as MachineEvent,
  { type: 'INTERLOCK_CLOSED' },
  { type: 'EMERGENCY_STOPPED' },
  { type: 'LINK_LOST', device: 'table' } as MachineEvent,
  { type: 'LINK_RESTORED', device: 'table' } as MachineEvent,
  { type: 'FAULT', device: 'table', code: 'overload' } as MachineEvent,
  ...[...STEPS, 'makeSafe'].map((id) => done(id, {})),
  ...STEPS.map((id) => failed(id, new ScannerError('device.fault', { device: 'table', fault: 'x' }))),
  failed('makeSafe', new ScannerError('timeout.command', {})),
  { type: 'xstate.after.makeSafePause.acquisition.makingSafe.pausing' },
  { type: 'xstate.after.interruptedLimit.acquisition.makingSafe' },
  { type: 'xstate.after.interruptedLimit.acquisition.interrupted' },
];

function acquisitionOptions(events: MachineEvent[]) {
  return {
    input: { examId: 'E1', ranges },
    events,
    limit: 200_000,
    // a third try tells nothing that the second did not
    stopWhen: (s: AnyMachineSnapshot) => (s.context as AcquisitionContext).attempt > 2,
    serializeState: (s: AnyMachineSnapshot) => {
      const { index, attempt, hold, blockers, verdict, selfResume, safeAttempts } = s.context as AcquisitionContext;
      return JSON.stringify([
        s.value,
        index,
        attempt,
        hold,
        [...blockers].sort(),
        verdict,
        selfResume,
        Math.min(3, safeAttempts),
      ]);
    },
  };
}

test('acquisition: every transition of the explored space keeps the invariants', () => {
  const machine = acquisitionMachine as AnyStateMachine;
  const map = getAdjacencyMap(machine, acquisitionOptions(acquisitionEvents) as never);
  let edges = 0;
  for (const { state, transitions } of Object.values(map) as {
    state: AnyMachineSnapshot;
    transitions: Record<string, { event: MachineEvent; state: AnyMachineSnapshot }>;
  }[]) {
    const from = stateName(state.value);
    for (const { event, state: next } of Object.values(transitions)) {
      edges++;
      const to = stateName(next.value);
      const what = `${from} + ${event.type} -> ${to}`;
      assert.is(next.status === 'error', false, what);
      if (['running.arming', 'running.scanning'].includes(to)) {
        assert.is(isBlocked(next.context as AcquisitionContext), false, `${what}: armed with an open interlock`);
      }
      if (BEAM_OR_MOTION.includes(from) && !to.startsWith('running.')) {
        assert.ok(to === 'makingSafe.stopping' || (to === 'completed' && from === 'running.draining'), what);
      }
      if (['interrupted', 'aborted', 'failed'].includes(to) && to !== from) {
        assert.ok(from.startsWith('makingSafe.') || from === 'interrupted', `${what}: not made safe`);
      }
      // an X-ray range begins again only when the operator says so
      const before = state.context as AcquisitionContext;
      const after = next.context as AcquisitionContext;
      const again = before.index === after.index && after.attempt > before.attempt;
      if (again && ranges[before.index]?.kind === 'ct') assert.is(event.type, 'CONTINUE', what);
    }
  }
  assert.ok(edges > 5000, `${edges} transitions explored`);
});

/** A scanner reduced to what can hurt. */
class Room {
  beam = false;
  moving = false;
  exposures = 0;

  started(name: string): void {
    if (name === 'positionRange' || name === 'prepareRange') this.moving = true;
    if (name === 'scanRange') {
      this.beam = true;
      this.exposures++;
    }
  }

  done(name: string): void {
    if (name === 'scanRange') this.beam = false;
    if (name === 'makeSafe') {
      this.beam = false;
      this.moving = false;
    }
    if (name === 'drainRange') this.moving = false;
  }
}

test('acquisition: the shortest path to each state, walked with a live actor, leaves the room safe', async () => {
  // one hazard and one failing step stand for all: the test above has explored them
  const twins = ['EMERGENCY_STOPPED', 'FAULT', ...STEPS.slice(1).map((id) => `xstate.error.actor.${id}`)];
  const options = acquisitionOptions(acquisitionEvents.filter(({ type }) => !twins.includes(type)));
  const paths = getShortestPaths(acquisitionMachine as AnyStateMachine, options as never);
  const byState = new Map<string, (typeof paths)[number]>();
  for (const path of paths) {
    const name = `${stateName((path.state as AnyMachineSnapshot).value)} ${(path.state as AnyMachineSnapshot).context.index}`;
    if (!byState.has(name)) byState.set(name, path);
  }
  assert.ok(byState.size >= 18, `${byState.size} paths`);
  for (const [name, path] of byState) {
    const events = path.steps.map((s) => s.event as MachineEvent).filter((e) => e.type !== 'xstate.init');
    const { room, actor, continued } = await walk(events);
    const reached = `${stateName(actor.getSnapshot().value)} ${actor.getSnapshot().context.index}`;
    assert.is(reached, name, events.map((e) => e.type).join(' '));
    if (/^(interrupted|aborted|failed|completed)/.test(name) && !gaveUp(events)) {
      assert.not.ok(room.beam || room.moving, `${name}: beam or motion left on`);
    }
    assert.ok(room.exposures <= ranges.length + continued, `${name}: ${room.exposures} exposures`);
    actor.stop();
  }
});

/** The scanner did not answer until the tries were used up: then only its own watchdog can have acted. */
function gaveUp(events: MachineEvent[]): boolean {
  return events.some((e) => e.type.startsWith('xstate.error.actor.makeSafe') || e.type.includes('interruptedLimit'));
}

async function walk(events: MachineEvent[]) {
  const clock = new ManualClock();
  const deferreds = new Deferreds();
  const room = new Room();
  const names = [...STEPS, 'makeSafe', 'inspectHardware'];
  const actors = Object.fromEntries(names.map((name) => [name, deferreds.logic(name)]));
  const machine = acquisitionMachine.provide({ actors: actors as never });
  const actor = createActor(machine, { input: { examId: 'E1', ranges }, clock: machineClock(clock) });
  let seen = 0;
  const look = () => {
    for (const name of deferreds.started.slice(seen)) room.started(name);
    seen = deferreds.started.length;
  };
  actor.start();
  look();
  for (const event of events) {
    const name = event.type.split('.').at(-1) ?? '';
    if (event.type.startsWith('xstate.done') || event.type.startsWith('xstate.error')) {
      if (event.type.startsWith('xstate.done')) room.done(name);
      deferreds.settle(event);
    } else if (event.type.includes('makeSafePause')) clock.advance(250);
    else if (event.type.includes('interruptedLimit')) clock.advance(600_000);
    else actor.send(event as Parameters<typeof actor.send>[0]);
    await settled();
    look();
  }
  return { room, actor, continued: events.filter((e) => e.type === 'CONTINUE').length };
}

const examEvents: MachineEvent[] = [
  { type: 'ABORT' },
  { type: 'INTERLOCK_OPENED', reason: 'door' } as MachineEvent,
  { type: 'RANGE_COMPLETED', rangeId: 'low', kind: 'ct' } as MachineEvent,
  ...['announceStart', 'reconstruct', 'storeResults', 'announceEnd', 'makeSafe'].flatMap((id) => [
    done(id, {}),
    failed(id, new ScannerError('data.disk', { path: 'x', message: 'full' })),
  ]),
  done('acquisition', { completed: ['low', 'body'], outcome: 'completed', results: [] }),
  done('acquisition', { completed: ['low'], outcome: 'aborted', results: [] }),
  failed('acquisition', new ScannerError('bug.unexpected', { message: 'x' })),
  { type: 'xstate.after.closePause.exam.retryingClose' },
];

test('exam: every shortest path that ends has announced the end exactly once', async () => {
  const stub = new Deferreds();
  const machine = examMachine.provide({ actors: { acquisition: stub.logic('acquisition') as never } });
  const paths = getShortestPaths(
    machine as AnyStateMachine,
    {
      input: { examId: 'E1', ranges },
      events: examEvents,
      limit: 200_000,
      serializeState: (s: AnyMachineSnapshot) => {
        const { aborted, acquired, reconstructions, closeAttempts, ended, started, error } = s.context;
        const jobs = reconstructions.map((job: { state: string }) => job.state);
        return JSON.stringify([
          s.value,
          aborted,
          acquired?.outcome,
          jobs,
          closeAttempts,
          ended,
          started,
          error === null,
        ]);
      },
    } as never,
  );
  let ended = 0;
  for (const path of paths) {
    if ((path.state as AnyMachineSnapshot).status !== 'done') continue;
    ended++;
    const events = path.steps.map((s) => s.event as MachineEvent).filter((e) => e.type !== 'xstate.init');
    const { actor, announced, tries } = await walkExam(events);
    const title = events.map((e) => e.type).join(' ');
    assert.is(actor.getSnapshot().status, 'done', title);
    const output = actor.getSnapshot().output!;
    assert.ok(tries >= 1 && tries <= 5, title);
    assert.is(announced, output.announced ? 1 : 0, title);
    if (!output.announced) assert.is(tries, 5, title);
    assert.is(actor.getSnapshot().value, output.status);
  }
  assert.ok(ended > 50, `${ended} ended paths`);
});

async function walkExam(events: MachineEvent[]) {
  const clock = new ManualClock();
  const deferreds = new Deferreds();
  const names = [
    'acquisition',
    'announceStart',
    'reconstruct',
    'storeResults',
    'announceEnd',
    'makeSafe',
    'inspectExam',
  ];
  const actors = Object.fromEntries(names.map((name) => [name, deferreds.logic(name)]));
  const machine = examMachine.provide({ actors: actors as never });
  const actor = createActor(machine, { input: { examId: 'E1', ranges }, clock: machineClock(clock) });
  let announced = 0;
  actor.start();
  for (const event of events) {
    if (event.type === 'xstate.done.actor.announceEnd') announced++;
    if (event.type.startsWith('xstate.done') || event.type.startsWith('xstate.error')) deferreds.settle(event);
    else if (event.type.includes('closePause')) clock.advance(1000);
    else actor.send(event as Parameters<typeof actor.send>[0]);
    await settled();
  }
  return { actor, announced, tries: deferreds.started.filter((name) => name === 'announceEnd').length };
}

test.run();
