/** A supervisor on a scripted chain, a world that its tasks act on, and a clock that the test moves. */
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import type { MachineRecord } from '../../machines/persist.js';
import { createSupervisor, type Supervisor, type SupervisorFact } from '../../machines/supervisor.js';
import type { Tasks } from '../../machines/tasks.js';
import { type ScriptedChain, scriptedChain } from './chain.js';
import { freshWorld, tasksOn, tick, type World } from './world.js';

export interface Rig extends ScriptedChain {
  supervisor: Supervisor;
  clock: ManualClock;
  world: World;
  facts: SupervisorFact[];
  records: Map<string, MachineRecord>;
  errors: string[];
  until(what: string, holds: () => boolean): Promise<void>;
}

export async function rig(overrides: Partial<Tasks> = {}, world = freshWorld()): Promise<Rig> {
  const scripted = scriptedChain();
  const clock = new ManualClock();
  const records = new Map<string, MachineRecord>();
  const errors: string[] = [];
  const log = { ...silentLog, error: (_: object, message: string) => errors.push(message), child: () => silentLog };
  const supervisor = createSupervisor({
    chain: scripted.chain,
    clock,
    log,
    tasks: tasksOn(world, overrides),
    save: async (record) => {
      await tick();
      records.set(`${record.machine} ${record.id}`, record);
    },
    forget: async (machine, id) => {
      records.delete(`${machine} ${id}`);
    },
  });
  const facts: SupervisorFact[] = [];
  supervisor.facts$.subscribe((fact) => facts.push(fact));
  const until = async (what: string, holds: () => boolean) => {
    for (let i = 0; i < 500 && !holds(); i++) {
      await tick();
      clock.advance(10);
    }
    assert.ok(holds(), `${what}; now ${JSON.stringify(supervisor.snapshot)}`);
  };
  const connected = supervisor.whenConnected(1000);
  await until('links up', () => Object.values(supervisor.snapshot.devices.links).every((state) => state === 'up'));
  assert.is(await connected, true);
  return { ...scripted, supervisor, clock, world, facts, records, errors, until };
}
