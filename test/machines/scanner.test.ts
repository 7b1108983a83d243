/** The supervisor on the real drivers, with the simulated devices at the far end. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../hal/base/log.js';
import type { Reply } from '../../hal/contract/device.js';
import { createSupervisor, type SupervisorFact } from '../../machines/supervisor.js';
import type { Tasks } from '../../machines/tasks.js';
import { makeChainBench } from '../helpers/chain-bench.js';
import { event, until } from '../helpers/observe.js';
import { freshWorld, tasksOn } from './world.js';

const test = suite('supervisor on the simulated scanner');

function accepted(reply: Reply): void {
  if (reply.kind === 'refused') throw new Error(`${reply.reason}: ${reply.detail}`);
}

/** What a failed test leaves open would keep the process alive. */
const closers: (() => Promise<void>)[] = [];
test.after.each(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A supervisor whose X-ray ranges expose the simulated tube for up to 50 s of scanner time. */
async function rig(overrides: Partial<Tasks> = {}) {
  const bench = await makeChainBench('memory', { speed: 10 });
  closers.push(() => bench.close());
  const { chain, clock, boards } = bench;
  const world = freshWorld();
  const exposing: Partial<Tasks> = {
    prepareRange: async (_, signal) => {
      const ready = event(chain.generator.events$, 'ready');
      accepted(await chain.generator.prepare({ kv: 120, ma: 50, maxSeconds: 60 }, { signal }));
      await ready;
      return {};
    },
    armRange: async (_, signal) => {
      accepted(await chain.generator.arm({ trigger: 'host' }, { signal }));
      return {};
    },
    scanRange: async (_, signal) => {
      accepted(await chain.generator.fire({ signal }));
      const { reason } = await event(chain.generator.events$, 'exposureEnded', 4000);
      return { reason };
    },
    makeSafe: async () => {
      world.madeSafe++;
      accepted(await chain.generator.beamOff());
      accepted(await chain.table.halt());
      return {};
    },
  };
  const supervisor = createSupervisor({
    chain,
    clock,
    log: silentLog,
    tasks: tasksOn(world, { ...exposing, ...overrides }),
    save: async () => {},
    forget: async () => {},
  });
  closers.push(() => supervisor.stop());
  const facts: SupervisorFact[] = [];
  supervisor.facts$.subscribe((fact) => facts.push(fact));
  assert.is(await supervisor.whenConnected(5000), true);
  return {
    supervisor,
    chain,
    boards,
    world,
    facts,
    state: () => supervisor.snapshot.exam?.acquisition?.state ?? 'none',
  };
}

test('all links come up and the machines follow what the devices do', async () => {
  const r = await rig();
  assert.equal(r.supervisor.snapshot.blockers, []);
  const seen = new Set<string>();
  r.supervisor.snapshot$.subscribe(({ devices }) => {
    for (const name of ['motion', 'generator', 'petrings', 'ecg'] as const) seen.add(`${name} ${devices[name]}`);
  });
  accepted(await r.chain.gating.enable({ source: 'ecg' }));
  accepted(await r.chain.gantry.startRotation({ rotationTime: 0.5 }));
  const homed = event(r.chain.table.events$, 'homed');
  accepted(await r.chain.table.home());
  await homed;
  accepted(await r.chain.table.moveHorizontal({ position: 300, speed: 200 }));
  accepted(await r.chain.petrings.start({ frameId: 1, seconds: 1 }));
  await until(() => seen.has('petrings draining') || seen.has('petrings acquiring'));
  await until(() => r.supervisor.snapshot.devices.motion === 'spinning', 10_000, 'arrived, still turning');
  accepted(await r.chain.gantry.stopRotation());
  await until(() => r.supervisor.snapshot.devices.motion === 'idle', 10_000, 'standing');
  await until(() => r.supervisor.snapshot.devices.ecg === 'triggering', 10_000, 'heart found');
  for (const state of ['motion positioning', 'motion spinning', 'petrings acquiring'])
    assert.ok(seen.has(state), state);
  const unexpected = r.facts.filter((fact) => fact.type === 'unexpected');
  assert.equal(unexpected, []);
  accepted(await r.chain.gating.disable({ source: 'ecg' }));
});

test('an emergency stop in mid-exposure: the tube is off by itself, the range waits, the operator goes on', async () => {
  const r = await rig();
  const exam = r.supervisor.startExam({ examId: 'E1', ranges: [{ id: 'low', kind: 'ct' }] });
  await until(() => r.supervisor.snapshot.devices.generator === 'exposing', 10_000, 'exposing');
  const ended = event(r.chain.generator.events$, 'exposureEnded');
  r.boards.interlock.pressEmergencyStop();
  assert.is((await ended).reason, 'emergencyStop');
  await until(() => r.state() === 'interrupted', 5000, 'interrupted');
  assert.is(r.world.madeSafe, 1);
  assert.is(r.chain.generator.state.beamOn, false);
  assert.is(r.supervisor.snapshot.devices.interlock, 'tripped');
  r.boards.interlock.releaseEmergencyStop();
  await until(() => r.chain.interlock.state.emergencyStop === false, 5000, 'released');
  accepted(await r.chain.interlock.reset());
  await until(() => r.supervisor.snapshot.blockers.length === 0, 5000, 'chain closed');
  assert.is(r.state(), 'interrupted');
  r.supervisor.command('ABORT');
  assert.is((await exam.done).status, 'discontinued');
  assert.equal(r.world.endAnnounced, ['DISCONTINUED']);
});

test('a generator that reboots in mid-exposure is connected again, and never exposes by itself', async () => {
  const r = await rig();
  const exam = r.supervisor.startExam({ examId: 'E1', ranges: [{ id: 'low', kind: 'ct' }] });
  await until(() => r.supervisor.snapshot.devices.generator === 'exposing', 10_000, 'exposing');
  r.boards.generator.reboot();
  await until(() => ['makingSafe.stopping', 'makingSafe.pausing', 'interrupted'].includes(r.state()), 5000, 'stopping');
  await until(() => r.state() === 'interrupted', 10_000, 'interrupted');
  await until(() => r.supervisor.snapshot.devices.links.generator === 'up', 10_000, 'link up again');
  assert.is(r.chain.generator.state.beamOn, false);
  assert.is(r.supervisor.snapshot.devices.generator, 'standby');
  r.supervisor.command('ABORT');
  assert.is((await exam.done).status, 'discontinued');
});

test('a beam that somebody else switches on is switched off', async () => {
  const r = await rig();
  const ready = event(r.chain.generator.events$, 'ready');
  accepted(await r.chain.generator.prepare({ kv: 80, ma: 20, maxSeconds: 60 }));
  await ready;
  const ended = event(r.chain.generator.events$, 'exposureEnded');
  accepted(await r.chain.generator.arm({ trigger: 'host' }));
  accepted(await r.chain.generator.fire());
  assert.is((await ended).reason, 'host');
});

test.run();
