import { type Observable, Subject } from 'rxjs';
import type { CtDetector, CtDetectorArm, CtReadingBlock } from '../contract/ctdetector.js';
import type { CommandOptions, Reply } from '../contract/device.js';
import { readCtPayload, STREAM } from '../wire/blocks.js';
import type { BulkFrame } from '../wire/frame.js';
import type { CtDetectorCommands, CtDetectorEvents, CtDetectorStateRecord } from '../wire/generated/ctdetector.js';
import { BulkDriver, type BulkDriverOptions } from './bulk-driver.js';
import type { EventsOf } from './wire-driver.js';

interface CtDetectorShape {
  state: CtDetectorStateRecord;
  events: EventsOf<CtDetectorEvents>;
  commands: CtDetectorCommands;
}

export class CtDetectorDriver extends BulkDriver<CtDetectorShape> implements CtDetector {
  readonly #readings$ = new Subject<CtReadingBlock>();

  constructor(options: BulkDriverOptions) {
    super('ctdetector', options);
  }

  get readings$(): Observable<CtReadingBlock> {
    return this.#readings$;
  }

  arm(args: CtDetectorArm, options?: CommandOptions): Promise<Reply> {
    const { scanId, rows, rowPitchMm, readingsPerRotation, readingsPerSecond } = args;
    return this.command('arm', { scanId, rows, rowPitchMm, readingsPerRotation, readingsPerSecond }, options);
  }

  disarm(options?: CommandOptions): Promise<Reply> {
    return this.command('disarm', {}, options);
  }

  protected override takeBulk(frame: BulkFrame): void {
    if (frame.stream !== STREAM.ctReadings) return;
    const block = readCtPayload(frame.payload);
    this.#readings$.next(block);
    this.gate.count(block.scanId, block.count);
  }

  protected override emit(event: CtDetectorShape['events']): void {
    if (event.type === 'drained') this.emitDrained(event, event.scanId, event.readings, 'readings');
    else super.emit(event);
  }
}
