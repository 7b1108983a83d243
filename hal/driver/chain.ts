import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Chain } from '../contract/chain.js';
import type { DeviceName } from '../contract/device.js';
import type { Link } from '../link/link.js';
import { CtDetectorDriver } from './ctdetector.js';
import { GantryDriver } from './gantry.js';
import { GatingDriver } from './gating.js';
import { GeneratorDriver } from './generator.js';
import { InterlockDriver } from './interlock.js';
import { PetRingsDriver } from './petrings.js';
import { TableDriver } from './table.js';

export interface ChainOptions {
  /** Opens a new control link each time it is called. @throws ScannerError link.open */
  openControl(name: DeviceName): Promise<Link>;
  /** Opens a new bulk link to `ctdetector` or `petrings`. @throws ScannerError link.open */
  openBulk(name: DeviceName): Promise<Link>;
  clock: Clock;
  log: Log;
}

/** The drivers of the whole acquisition chain, all unconfigured. */
export function createDrivers(options: ChainOptions): Chain & { close(): Promise<void> } {
  const { clock, log } = options;
  const on = (name: DeviceName) => ({ openControl: () => options.openControl(name), clock, log });
  const withBulk = (name: DeviceName) => ({ ...on(name), openBulk: () => options.openBulk(name) });
  const chain: Chain = {
    interlock: new InterlockDriver(on('interlock')),
    gantry: new GantryDriver(on('gantry')),
    table: new TableDriver(on('table')),
    generator: new GeneratorDriver(on('generator')),
    ctdetector: new CtDetectorDriver(withBulk('ctdetector')),
    petrings: new PetRingsDriver(withBulk('petrings')),
    gating: new GatingDriver(on('gating')),
  };
  return {
    ...chain,
    async close() {
      await Promise.all(Object.values(chain).map((driver) => driver.close()));
    },
  };
}
