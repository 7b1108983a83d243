/** Remembers what the chain reported since a range began, so that a step may wait for a fact that came before it asked. */

import type { Subscription } from 'rxjs';
import type { Clock } from '../../hal/base/clock.js';
import { within } from '../../hal/base/deadline.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Chain } from '../../hal/contract/chain.js';
import type { CtDetectorEvent } from '../../hal/contract/ctdetector.js';
import { DEVICE_NAMES, type DeviceName, type Fault } from '../../hal/contract/device.js';
import type { GantryEvent } from '../../hal/contract/gantry.js';
import type { GatingEvent } from '../../hal/contract/gating.js';
import type { GeneratorEvent } from '../../hal/contract/generator.js';
import type { InterlockEvent } from '../../hal/contract/interlock.js';
import type { PetRingsEvent } from '../../hal/contract/petrings.js';
import type { TableEvent } from '../../hal/contract/table.js';

interface EventsOf {
  interlock: InterlockEvent;
  gantry: GantryEvent;
  table: TableEvent;
  generator: GeneratorEvent;
  ctdetector: CtDetectorEvent;
  petrings: PetRingsEvent;
  gating: GatingEvent;
}

/** What a fault is to the range that needs the device; whatever else the device says of itself is its own fault. */
const CODE_OF_FAULT: Readonly<Record<string, string>> = {
  linkLost: 'link.closed',
  bulkClosed: 'link.closed',
  rebooted: 'device.rebooted',
};

type Named = { [D in keyof EventsOf]: { device: D; event: EventsOf[D] } }[keyof EventsOf];

export class ChainLog {
  readonly #clock: Clock;
  readonly #seen: Named[] = [];
  readonly #subscriptions: Subscription[] = [];
  readonly #waiters = new Set<() => void>();
  #failure: ScannerError | undefined;
  #needs: (device: DeviceName) => boolean = () => true;

  constructor(chain: Chain, clock: Clock) {
    this.#clock = clock;
    for (const name of DEVICE_NAMES) {
      const device = chain[name];
      const note = (event: EventsOf[keyof EventsOf]) => this.#note({ device: name, event } as Named);
      // each device's stream has its own event type; `note` pairs it with the name again
      const events$ = device.events$ as { subscribe(next: typeof note): Subscription };
      this.#subscriptions.push(events$.subscribe(note));
      this.#subscriptions.push(device.faults$.subscribe((fault) => this.#fail(fault)));
    }
  }

  /** Forgets what was seen: a new range starts. Faults of devices that it does not need are no concern of it. */
  begin(needs: (device: DeviceName) => boolean): void {
    this.#seen.length = 0;
    this.#failure = undefined;
    this.#needs = needs;
  }

  all<D extends keyof EventsOf>(device: D): EventsOf[D][] {
    return this.#seen.filter((entry) => entry.device === device).map((entry) => entry.event as EventsOf[D]);
  }

  /**
   * The first event of `device` since `begin` that satisfies `accept`.
   * @param ms scanner milliseconds to wait for it, with at least 5 s of wall time, since a link is no faster than it is
   * @throws ScannerError timeout.stage, timeout.aborted, or the fault that a device which the range needs reported meanwhile
   */
  until<D extends keyof EventsOf, E extends EventsOf[D]>(
    device: D,
    accept: (event: EventsOf[D]) => event is E,
    options: { ms: number; what: string; signal?: AbortSignal },
  ): Promise<E> {
    const found = new Promise<E>((resolve, reject) => {
      const look = () => {
        const hit = this.all(device).find(accept);
        if (hit) {
          this.#waiters.delete(look);
          resolve(hit as E);
        } else if (this.#failure) {
          this.#waiters.delete(look);
          reject(this.#failure);
        }
      };
      this.#waiters.add(look);
      look();
    });
    const { ms, what, signal } = options;
    const wallMs = Math.max(5000, (1.5 * ms) / this.#clock.speed + 5000);
    return within(found, { clock: this.#clock.wall, ms: wallMs, signal, context: { what } });
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #note(entry: Named): void {
    this.#seen.push(entry);
    for (const look of [...this.#waiters]) look();
  }

  #fail(fault: Fault): void {
    if (!this.#needs(fault.device)) return;
    const { device, text } = fault;
    const code = CODE_OF_FAULT[fault.code] ?? 'device.fault';
    this.#failure = new ScannerError(code, { device, fault: `${fault.code} ${text}` });
    for (const look of [...this.#waiters]) look();
  }
}

/** Narrows an event to one type: `log.until('table', isType('feedEnded'), ...)`. */
export function isType<T extends string>(type: T) {
  return <E extends { type: string }>(event: E): event is Extract<E, { type: T }> => event.type === type;
}
