import { type Observable, Subject } from 'rxjs';
import type { Millisecond } from '../base/units.js';
import type { CommandOptions, Reply } from '../contract/device.js';
import type { Gating, GatingSource, WaveformBlock } from '../contract/gating.js';
import type { GatingCommands, GatingEvents, GatingStateRecord } from '../wire/generated/gating.js';
import type { WireRecord } from '../wire/values.js';
import { type DriverOptions, type EventsOf, WireDriver } from './wire-driver.js';

interface GatingShape {
  state: GatingStateRecord;
  events: EventsOf<Pick<GatingEvents, 'trigger'>>;
  commands: GatingCommands;
}

export class GatingDriver extends WireDriver<GatingShape> implements Gating {
  readonly #waveform$ = new Subject<WaveformBlock>();

  constructor(options: DriverOptions) {
    super('gating', options);
  }

  get waveform$(): Observable<WaveformBlock> {
    return this.#waveform$;
  }

  enable(args: { source: GatingSource }, options?: CommandOptions): Promise<Reply> {
    return this.command('enable', args, options);
  }

  disable(args: { source: GatingSource }, options?: CommandOptions): Promise<Reply> {
    return this.command('disable', args, options);
  }

  protected override deliver(event: WireRecord & { type: string; at: Millisecond }): void {
    if (event.type !== 'waveform') super.deliver(event);
    else {
      const { at, source, samplesPerSecond, values } = event as unknown as WaveformBlock;
      this.#waveform$.next({ at, source, samplesPerSecond, values });
    }
  }
}
