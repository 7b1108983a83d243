import type { CommandOptions, Reply } from '../contract/device.js';
import type { Interlock } from '../contract/interlock.js';
import type { InterlockCommands, InterlockEvents, InterlockStateRecord } from '../wire/generated/interlock.js';
import { type DriverOptions, type EventsOf, WireDriver } from './wire-driver.js';

interface InterlockShape {
  state: InterlockStateRecord;
  events: EventsOf<InterlockEvents>;
  commands: InterlockCommands;
}

export class InterlockDriver extends WireDriver<InterlockShape> implements Interlock {
  constructor(options: DriverOptions) {
    super('interlock', options);
  }

  stopAll(options?: CommandOptions): Promise<Reply> {
    return this.command('stopAll', {}, options);
  }

  reset(options?: CommandOptions): Promise<Reply> {
    return this.command('reset', {}, options);
  }
}
