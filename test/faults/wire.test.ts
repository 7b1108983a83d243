/** Fault scripts: what a bad line or a bad device does to one command, and what the driver makes of it. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { Reply, Stamped } from '../../hal/contract/device.js';
import type { AnyDriver } from '../conformance/common.js';
import { type ChainBench, makeChainBench } from '../helpers/chain-bench.js';
import type { FaultRule } from '../helpers/faulty-link.js';
import { event, until } from '../helpers/observe.js';

interface Script {
  name: string;
  device: 'table' | 'gantry';
  command: string;
  args?: Record<string, number>;
  rules: FaultRule[];
  /** Makes the state change before the command. */
  provoke?: string;
  expect: {
    /** `accepted`, or the code of the error. */
    outcome: string;
    /** How often the device carried the command out. */
    executed: number;
    /** Events of the device after the command; not looked at when absent. */
    events?: string[];
    faults: string[];
    lifecycle: string;
    /** The device saw the same request more than once. */
    repeated?: boolean;
    /** No number of the state is anything but finite. */
    finite?: boolean;
  };
}

const test = suite('faults on the wire');

for (const script of readTable<Script[]>(import.meta.url, './wire.json')) {
  test(script.name, async () => {
    const rules: FaultRule[] = [];
    const bench = await makeChainBench('memory', { rules, speed: 50 });
    try {
      await play(script, bench, rules);
    } finally {
      await bench.close();
    }
  });
}

async function play(script: Script, bench: ChainBench, rules: FaultRule[]): Promise<void> {
  const { device, command, args = {}, expect } = script;
  const driver: AnyDriver = bench.chain[device];
  await driver.configure();
  await driver.activate();
  await homed(bench);
  const events: string[] = [];
  driver.events$.subscribe((told) => events.push((told as { type: string } & Stamped).type));
  rules.push(...script.rules);
  if (script.provoke) {
    bench.boards[device].command(script.provoke, { position: 900 });
    await until(() => bench.faults.length > 0, 5000, 'fault');
  }
  const call = driver as unknown as Record<string, (...of: object[]) => Promise<Reply>>;
  const work = Object.keys(args).length > 0 ? call[command]!(args, {}) : call[command]!({});
  const outcome = await work.then(
    (reply) => reply.kind,
    (error) => (error instanceof ScannerError ? error.code : String(error)),
  );
  assert.is(outcome, expect.outcome);
  if (expect.events) await until(() => events.includes(expect.events!.at(-1)!), 10_000, 'last event');
  // room for what must not come: a second event, a late fault
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.is(bench.executed.get(`${device}.${command}`) ?? 0, expect.executed, 'times carried out');
  if (expect.events) assert.equal(events, expect.events);
  const faults = bench.faults.map((fault) => fault.code);
  assert.equal(faults, expect.faults);
  assert.is(driver.lifecycle, expect.lifecycle);
  if (expect.repeated) assert.ok(bench.nodes.get(device)!.counts.repeated > 0);
  if (expect.finite) assert.ok(Object.values(driver.state).every((v) => typeof v !== 'number' || Number.isFinite(v)));
  if (driver.lifecycle !== 'failed') return;
  // once the line is good again
  rules.length = 0;
  assert.is((await driver.configure()).kind, 'accepted');
}

/** The table must know where it is, which it looks for only while the host is there. */
async function homed(bench: ChainBench): Promise<void> {
  const { interlock, table } = bench.boards;
  interlock.command('reset', {});
  await until(() => interlock.readState().motionPermit === true, 10_000, 'motion permit');
  await bench.chain.table.configure();
  const homed = event(bench.chain.table.events$, 'homed');
  table.command('home', {});
  await homed;
}

test.run();
