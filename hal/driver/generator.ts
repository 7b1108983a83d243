import type { Kilovolt, Milliampere, Second } from '../base/units.js';
import type { CommandOptions, Reply } from '../contract/device.js';
import type { Generator } from '../contract/generator.js';
import type { GeneratorCommands, GeneratorEvents, GeneratorStateRecord } from '../wire/generated/generator.js';
import { type DriverOptions, type EventsOf, WireDriver } from './wire-driver.js';

interface GeneratorShape {
  state: GeneratorStateRecord;
  events: EventsOf<GeneratorEvents>;
  commands: GeneratorCommands;
}

export class GeneratorDriver extends WireDriver<GeneratorShape> implements Generator {
  constructor(options: DriverOptions) {
    super('generator', options);
  }

  prepare(args: { kv: Kilovolt; ma: Milliampere; maxSeconds: Second }, options?: CommandOptions): Promise<Reply> {
    return this.command('prepare', args, options);
  }

  arm(args: { trigger: 'window' | 'host' }, options?: CommandOptions): Promise<Reply> {
    return this.command('arm', args, options);
  }

  fire(options?: CommandOptions): Promise<Reply> {
    return this.command('fire', {}, options);
  }

  beamOff(options?: CommandOptions): Promise<Reply> {
    return this.command('beamOff', {}, options);
  }

  standby(options?: CommandOptions): Promise<Reply> {
    return this.command('standby', {}, options);
  }
}
