import { suite } from 'uvu';
import type { Chain } from '../../hal/contract/chain.js';
import { DEVICE_NAMES, type DeviceName } from '../../hal/contract/device.js';
import { type BenchKind, type ChainBench, makeChainBench, outsideChain } from '../helpers/chain-bench.js';
import { type Case, COMMON_CASES, rest } from './common.js';
import { DEVICE_CASES } from './devices.js';

/** The one suite: each driver over one kind of link, with the simulated devices at its far end. */
export function conformOver(kind: BenchKind): void {
  for (const device of DEVICE_NAMES) {
    const test = suite(`${device} over ${kind}`);
    let bench: ChainBench;
    test.before(async () => {
      bench = await makeChainBench(kind);
    });
    test.after(() => bench.close());
    for (const one of casesOf(device)) test(one.name, () => one.run(device, bench.chain, bench));
    test.run();
  }
}

/** The same over hardware outside; what needs a far end that obeys is counted as skipped. */
export function conformOutside(endpoint: string): void {
  for (const device of DEVICE_NAMES) {
    const test = suite(`${device} at ${endpoint}`);
    let chain: Chain & { close(): Promise<void> };
    test.before(() => {
      chain = outsideChain(endpoint).chain;
    });
    test.after(() => chain.close());
    for (const one of casesOf(device)) {
      if (one.bench) test.skip(one.name, () => undefined);
      else test(one.name, () => one.run(device, chain, undefined));
    }
    test.run();
  }
}

function casesOf(device: DeviceName): Case[] {
  const own = DEVICE_CASES[device].map((one) => ({
    ...one,
    async run(...args: Parameters<Case['run']>) {
      await rest(device, args[1]);
      await one.run(...args);
    },
  }));
  return [...COMMON_CASES, ...own];
}
