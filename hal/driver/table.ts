import type { Millimetre, MillimetrePerSecond } from '../base/units.js';
import type { CommandOptions, Reply } from '../contract/device.js';
import type { FeedArgs, Table } from '../contract/table.js';
import type { TableCommands, TableEvents, TableStateRecord } from '../wire/generated/table.js';
import { type DriverOptions, type EventsOf, WireDriver } from './wire-driver.js';

interface TableShape {
  state: TableStateRecord;
  events: EventsOf<TableEvents>;
  commands: TableCommands;
}

export class TableDriver extends WireDriver<TableShape> implements Table {
  constructor(options: DriverOptions) {
    super('table', options);
  }

  moveHorizontal(args: { position: Millimetre; speed: MillimetrePerSecond }, options?: CommandOptions): Promise<Reply> {
    return this.command('moveHorizontal', args, options);
  }

  moveVertical(args: { position: Millimetre }, options?: CommandOptions): Promise<Reply> {
    return this.command('moveVertical', args, options);
  }

  feed(args: FeedArgs, options?: CommandOptions): Promise<Reply> {
    return this.command('feed', args, options);
  }

  halt(options?: CommandOptions): Promise<Reply> {
    return this.command('halt', {}, options);
  }

  home(options?: CommandOptions): Promise<Reply> {
    return this.command('home', {}, options);
  }
}
