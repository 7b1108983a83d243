/** What every driver of the chain does, whatever the device and the link. */

import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import type { Chain } from '../../hal/contract/chain.js';
import type { Device, DeviceName, Reply, Stamped } from '../../hal/contract/device.js';
import type { ChainBench } from '../helpers/chain-bench.js';
import { next, until } from '../helpers/observe.js';

export type AnyDriver = Device<object, Stamped>;

export interface Case {
  name: string;
  /** Needs a far end that obeys the test: not possible with hardware outside. */
  bench?: true;
  run(device: DeviceName, chain: Chain, bench: ChainBench | undefined): Promise<void>;
}

/** Takes the device to `active`, from wherever it is. */
export async function ready(driver: AnyDriver): Promise<void> {
  if (driver.lifecycle !== 'active') {
    accepted(await driver.configure());
    accepted(await driver.activate());
  }
}

export function accepted(reply: Reply): void {
  assert.equal(reply, { kind: 'accepted' });
}

export function refused(reply: Reply, reason: string): void {
  assert.is(reply.kind, 'refused', `accepted, expected ${reason}`);
  if (reply.kind === 'refused') assert.is(reply.reason, reason, reply.detail);
}

export async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  const outcome = await work.then(
    () => 'resolved',
    (error: ScannerError) => error.code ?? String(error),
  );
  assert.is(outcome, code);
}

/** A command that needs an active device, with arguments in range. */
export const ORDINARY: Record<DeviceName, (chain: Chain, signal?: AbortSignal) => Promise<Reply>> = {
  interlock: (chain, signal) => chain.interlock.reset({ signal }),
  gantry: (chain, signal) => chain.gantry.tiltTo({ tilt: 1 }, { signal }),
  table: (chain, signal) => chain.table.moveHorizontal({ position: 700, speed: 100 }, { signal }),
  generator: (chain, signal) => chain.generator.standby({ signal }),
  ctdetector: (chain, signal) =>
    chain.ctdetector.arm(
      { scanId: 1, rows: 16, rowPitchMm: 1.2, readingsPerRotation: 1152, readingsPerSecond: 1000 },
      { signal },
    ),
  petrings: (chain, signal) => chain.petrings.setEnergyWindow({ lowerKeV: 435, upperKeV: 650 }, { signal }),
  gating: (chain, signal) => chain.gating.disable({ source: 'ecg' }, { signal }),
};

/** Commands that are taken in every lifecycle state which has a link. */
const ALWAYS: Partial<Record<DeviceName, (chain: Chain) => Promise<Reply>>> = {
  gantry: (chain) => chain.gantry.stopRotation(),
  table: (chain) => chain.table.halt(),
  generator: (chain) => chain.generator.beamOff(),
  ctdetector: (chain) => chain.ctdetector.disarm(),
  petrings: (chain) => chain.petrings.stop(),
};

const RESTING: Partial<Record<DeviceName, (chain: Chain) => boolean>> = {
  gantry: ({ gantry }) => gantry.state.rotation === 'stopped' && !gantry.state.tilting,
  table: ({ table }) => !table.state.moving,
  generator: ({ generator }) => !generator.state.beamOn,
  ctdetector: ({ ctdetector }) => ctdetector.state.phase === 'idle',
  petrings: ({ petrings }) => petrings.state.phase === 'idle',
};

/** Ends whatever a case before has left running; real hardware takes its time. */
export async function rest(device: DeviceName, chain: Chain): Promise<void> {
  await ready(chain[device]);
  const always = ALWAYS[device];
  if (always) accepted(await always(chain));
  await until(() => RESTING[device]?.(chain) ?? true, 60_000, `${device} at rest`);
}

/** Arguments that are no argument: not finite, or outside the dictionary's range. */
const WRONG: Partial<Record<DeviceName, ((chain: Chain) => Promise<Reply>)[]>> = {
  gantry: [
    (chain) => chain.gantry.tiltTo({ tilt: Number.NaN }),
    (chain) => chain.gantry.tiltTo({ tilt: 31 }),
    (chain) => chain.gantry.startRotation({ rotationTime: 0.4 }),
  ],
  table: [
    (chain) => chain.table.moveHorizontal({ position: Number.NaN, speed: 100 }),
    (chain) => chain.table.moveHorizontal({ position: 2000.5, speed: 100 }),
    (chain) => chain.table.moveVertical({ position: Number.POSITIVE_INFINITY }),
  ],
  generator: [
    (chain) => chain.generator.prepare({ kv: 110, ma: 100, maxSeconds: 1 }),
    (chain) => chain.generator.prepare({ kv: 120, ma: 5000, maxSeconds: 1 }),
  ],
  ctdetector: [
    (chain) =>
      chain.ctdetector.arm({
        scanId: 1,
        rows: 17,
        rowPitchMm: 1.2,
        readingsPerRotation: 1152,
        readingsPerSecond: 1000,
      }),
  ],
  petrings: [
    (chain) => chain.petrings.start({ frameId: 1, seconds: -1 }),
    (chain) => chain.petrings.start({ frameId: 0.5, seconds: 1 }),
  ],
};

export const COMMON_CASES: readonly Case[] = [
  {
    name: 'takes no command before it is configured',
    bench: true,
    async run(device, chain) {
      assert.is(chain[device].lifecycle, 'unconfigured');
      await rejects(ORDINARY[device](chain), 'device.inactive');
      await rejects(chain[device].activate(), 'device.inactive');
    },
  },
  {
    name: 'configures, and knows identity and state',
    async run(device, chain) {
      accepted(await chain[device].configure());
      assert.is(chain[device].lifecycle, 'inactive');
      const { model, serial, firmware, dictionaryVersion } = chain[device].identity!;
      assert.ok(model && serial && firmware && dictionaryVersion === 1);
      for (const [name, value] of Object.entries(chain[device].state)) {
        assert.ok(typeof value !== 'number' || Number.isFinite(value), `${name} is ${value}`);
      }
      accepted(await chain[device].configure());
    },
  },
  {
    name: 'is inactive then: ordinary commands are refused, those that make safe are taken',
    async run(device, chain) {
      await rejects(ORDINARY[device](chain), 'device.inactive');
      const always = ALWAYS[device];
      if (always) accepted(await always(chain));
    },
  },
  {
    name: 'activates, takes commands, deactivates',
    async run(device, chain) {
      await ready(chain[device]);
      assert.is(chain[device].lifecycle, 'active');
      const reply = await ORDINARY[device](chain);
      // whether it can be done now is the device's to say; that it answers is what counts here
      assert.ok(reply.kind === 'accepted' || reply.reason.length > 0);
      accepted(await chain[device].deactivate());
      assert.is(chain[device].lifecycle, 'inactive');
      await rejects(ORDINARY[device](chain), 'device.inactive');
      accepted(await chain[device].activate());
      const always = ALWAYS[device];
      if (always) accepted(await always(chain));
    },
  },
  {
    name: 'refuses arguments that are out of range or no number',
    async run(device, chain) {
      await ready(chain[device]);
      for (const wrong of WRONG[device] ?? []) refused(await wrong(chain), 'outOfRange');
    },
  },
  {
    name: 'a command can be called off',
    async run(device, chain) {
      await ready(chain[device]);
      await rejects(ORDINARY[device](chain, AbortSignal.abort()), 'timeout.aborted');
      const abort = new AbortController();
      const pending = ORDINARY[device](chain, abort.signal);
      abort.abort();
      await rejects(pending, 'timeout.aborted');
    },
  },
  {
    name: 'a lost link is noticed by silence alone, ends what is pending, and can be had again',
    bench: true,
    async run(device, chain, bench) {
      await ready(chain[device]);
      const failed = next(chain[device].lifecycle$, (lifecycle) => lifecycle === 'failed');
      const fault = next(chain[device].faults$, () => true);
      const cut = performance.now();
      bench!.control(device).mute();
      await rejects(ORDINARY[device](chain), 'link.lost');
      await failed;
      const reactionMs = performance.now() - cut;
      assert.is((await fault).code, 'linkLost');
      // 200 ms of silence, a check every 10 ms; the rest is room for a busy machine
      assert.ok(reactionMs > 140 && reactionMs < 500, `host reacted after ${reactionMs} ms`);
      await rejects(ORDINARY[device](chain), 'device.inactive');
      await ready(chain[device]);
      assert.is(chain[device].lifecycle, 'active');
    },
  },
  {
    name: 'a rebooted device is reported, and can be had again',
    bench: true,
    async run(device, chain, bench) {
      await ready(chain[device]);
      const fault = next(chain[device].faults$, () => true);
      bench!.boards[device].reboot();
      assert.is((await fault).code, 'rebooted');
      assert.is(chain[device].lifecycle, 'failed');
      await ready(chain[device]);
      const always = ALWAYS[device];
      if (always) accepted(await always(chain));
    },
  },
];
