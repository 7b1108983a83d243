import { type Observable, Subject } from 'rxjs';
import type { KiloElectronVolt, Second } from '../base/units.js';
import type { CommandOptions, Reply } from '../contract/device.js';
import type { ListModeBlock, PetRings } from '../contract/petrings.js';
import { readWordPayload, STREAM } from '../wire/blocks.js';
import type { BulkFrame } from '../wire/frame.js';
import type { PetRingsCommands, PetRingsEvents, PetRingsStateRecord } from '../wire/generated/petrings.js';
import { BulkDriver, type BulkDriverOptions } from './bulk-driver.js';
import type { EventsOf } from './wire-driver.js';

interface PetRingsShape {
  state: PetRingsStateRecord;
  events: EventsOf<PetRingsEvents>;
  commands: PetRingsCommands;
}

export class PetRingsDriver extends BulkDriver<PetRingsShape> implements PetRings {
  readonly #words$ = new Subject<ListModeBlock>();

  constructor(options: BulkDriverOptions) {
    super('petrings', options);
  }

  get words$(): Observable<ListModeBlock> {
    return this.#words$;
  }

  setEnergyWindow(
    args: { lowerKeV: KiloElectronVolt; upperKeV: KiloElectronVolt },
    options?: CommandOptions,
  ): Promise<Reply> {
    return this.command('setEnergyWindow', args, options);
  }

  start(args: { frameId: number; seconds: Second }, options?: CommandOptions): Promise<Reply> {
    return this.command('start', args, options);
  }

  stop(options?: CommandOptions): Promise<Reply> {
    return this.command('stop', {}, options);
  }

  protected override takeBulk(frame: BulkFrame): void {
    if (frame.stream !== STREAM.listMode) return;
    const block = readWordPayload(frame.payload);
    this.#words$.next(block);
    this.gate.count(block.frameId, block.words.length);
  }

  protected override emit(event: PetRingsShape['events']): void {
    if (event.type === 'drained') this.emitDrained(event, event.frameId, event.words, 'words');
    else super.emit(event);
  }
}
