import type { Degree, Second } from '../base/units.js';
import type { CommandOptions, Reply } from '../contract/device.js';
import type { Gantry } from '../contract/gantry.js';
import type { GantryCommands, GantryEvents, GantryStateRecord } from '../wire/generated/gantry.js';
import { type DriverOptions, type EventsOf, WireDriver } from './wire-driver.js';

interface GantryShape {
  state: GantryStateRecord;
  events: EventsOf<GantryEvents>;
  commands: GantryCommands;
}

export class GantryDriver extends WireDriver<GantryShape> implements Gantry {
  constructor(options: DriverOptions) {
    super('gantry', options);
  }

  startRotation(args: { rotationTime: Second }, options?: CommandOptions): Promise<Reply> {
    return this.command('startRotation', args, options);
  }

  stopRotation(options?: CommandOptions): Promise<Reply> {
    return this.command('stopRotation', {}, options);
  }

  parkTube(args: { angle: Degree }, options?: CommandOptions): Promise<Reply> {
    return this.command('parkTube', args, options);
  }

  tiltTo(args: { tilt: Degree }, options?: CommandOptions): Promise<Reply> {
    return this.command('tiltTo', args, options);
  }
}
