/** What the drivers of all devices on the wire have in common: lifecycle, state, events, faults, commands. */

import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { Clock } from '../base/clock.js';
import { asScannerError, ScannerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Millisecond } from '../base/units.js';
import type {
  CommandOptions,
  Device,
  DeviceName,
  Fault,
  Identity,
  Lifecycle,
  Reply,
  Stamped,
} from '../contract/device.js';
import type { Link } from '../link/link.js';
import { DICTIONARY_VERSION, type Dictionary, dictionaryOf } from '../wire/dictionary.js';
import { type ControlFrame, OP } from '../wire/frame.js';
import { readEmergency, readStatePayload } from '../wire/operations.js';
import { HostSession, type SessionListener } from '../wire/session.js';
import { ValueReader, type WireRecord, type WireValue } from '../wire/values.js';
import { DeviceTime } from './device-time.js';
import { type Requests, requestsOver } from './requests.js';

export interface DriverOptions {
  /** Opens a new link to the device each time. @throws ScannerError link.open */
  openControl(): Promise<Link>;
  clock: Clock;
  log: Log;
}

/** The union of a device's events, from the generated record of their fields. */
export type EventsOf<Events> = { [Name in keyof Events]: Stamped & { type: Name } & Events[Name] }[keyof Events];

/** What the dictionary of one device says, as types. */
export interface Shape {
  state: object;
  events: Stamped;
  commands: object;
}

/** Wall ms that a device may take to answer. */
const DEFAULT_DEADLINE_MS = 1000;

export abstract class WireDriver<S extends Shape> implements Device<S['state'], S['events']> {
  readonly name: DeviceName;
  protected readonly dictionary: Dictionary;
  protected readonly clock: Clock;
  protected readonly log: Log;
  readonly #openControl: () => Promise<Link>;
  readonly #lifecycle$ = new BehaviorSubject<Lifecycle>('unconfigured');
  readonly #state$: BehaviorSubject<S['state']>;
  readonly #events$ = new Subject<S['events']>();
  readonly #faults$ = new Subject<Fault>();
  readonly #time: DeviceTime;
  #identity: Identity | undefined;
  #link: Link | undefined;
  #session: HostSession | undefined;
  #requests: Requests | undefined;
  #configuring: Promise<Reply> | undefined;
  #stateTime = -1n;
  #stateWasBad = false;

  constructor(name: DeviceName, options: DriverOptions) {
    this.name = name;
    this.dictionary = dictionaryOf(name);
    this.clock = options.clock;
    this.log = options.log.child({ device: name });
    this.#openControl = options.openControl;
    this.#state$ = new BehaviorSubject(unknownState(this.dictionary) as S['state']);
    this.#time = new DeviceTime(options.clock);
  }

  get lifecycle(): Lifecycle {
    return this.#lifecycle$.value;
  }

  get lifecycle$(): Observable<Lifecycle> {
    return this.#lifecycle$;
  }

  get state(): S['state'] {
    return this.#state$.value;
  }

  get state$(): Observable<S['state']> {
    return this.#state$;
  }

  get events$(): Observable<S['events']> {
    return this.#events$;
  }

  get faults$(): Observable<Fault> {
    return this.#faults$;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Refusals: `dictionaryVersion`. @throws ScannerError link.open, link.lost, timeout.command, timeout.aborted, protocol.object */
  configure(options: CommandOptions = {}): Promise<Reply> {
    if (this.#session && !this.#configuring) return Promise.resolve({ kind: 'accepted' });
    this.#configuring ??= this.#configure(options).finally(() => {
      this.#configuring = undefined;
    });
    return this.#configuring;
  }

  activate(options: CommandOptions = {}): Promise<Reply> {
    return this.#setLifecycle('active', options);
  }

  deactivate(options: CommandOptions = {}): Promise<Reply> {
    return this.#setLifecycle('inactive', options);
  }

  /** Ends the link. The device notices by the missing heartbeats and makes itself safe. */
  async close(): Promise<void> {
    await this.#configuring?.catch(() => undefined);
    await this.#unlink('unconfigured');
  }

  /** Reads any object of the dictionary. @throws ScannerError link.closed, device.refused, protocol.object, timeout.command */
  async read(objectName: string, options: CommandOptions = {}): Promise<WireValue> {
    return this.#linked('read').read(objectName, options);
  }

  /** @throws ScannerError device.inactive, link.closed, link.lost, timeout.command, timeout.aborted, device.rebooted */
  protected async command<Name extends keyof S['commands'] & string>(
    name: Name,
    args: S['commands'][Name],
    options: CommandOptions = {},
  ): Promise<Reply> {
    const entry = this.dictionary.command(name);
    if (this.lifecycle !== 'active' && !entry.always) {
      throw new ScannerError('device.inactive', { device: this.name, state: this.lifecycle, command: name });
    }
    return this.#linked(name).command(entry, args as WireRecord, options);
  }

  /** Opens what the device has beside its control link. */
  protected async openMore(): Promise<void> {}

  protected async closeMore(): Promise<void> {}

  /** An event in order; drivers that treat some of them differently override it. */
  protected deliver(event: WireRecord & { type: string; at: Millisecond }): void {
    this.emit(event as unknown as S['events']);
  }

  protected emit(event: S['events']): void {
    this.#events$.next(event);
  }

  protected fault(code: string, text: string, at: Millisecond = this.clock.now()): void {
    this.log.warn({ code, text }, 'device fault');
    this.#faults$.next({ device: this.name, code, text, at });
  }

  /** The device cannot be used until it is configured again. */
  protected fail(code: string, text: string): void {
    if (!this.#session) return;
    void this.#unlink('failed');
    this.fault(code, text);
  }

  async #configure(options: CommandOptions): Promise<Reply> {
    const { deadlineMs = DEFAULT_DEADLINE_MS, signal } = options;
    try {
      this.#link = await this.#openControl();
      this.#time.reset();
      this.#stateTime = -1n;
      const { clock, log, name: device } = this;
      const session = new HostSession({ link: this.#link, device, clock, log, listener: this.#listener() });
      this.#session = session;
      const requests = requestsOver(session, this.dictionary, deadlineMs);
      const identity = await requests.identity({ signal });
      const refusal = this.#refuseVersion(identity);
      if (refusal) {
        await this.#unlink('failed');
        return refusal;
      }
      session.expectBoot(Number(await requests.read('bootId', { signal })));
      await requests.write('lifecycle', 'inactive', { signal });
      this.#takeState(await requests.state({ signal }));
      await this.openMore();
      if (this.#session !== session) throw new ScannerError('link.closed', { device: this.name });
      this.#identity = identity;
      this.#requests = requestsOver(session, this.dictionary, DEFAULT_DEADLINE_MS);
      this.#lifecycle$.next('inactive');
      return { kind: 'accepted' };
    } catch (error) {
      await this.#unlink('failed');
      throw asScannerError(error, 'link.open', { device: this.name, where: 'link' });
    }
  }

  #refuseVersion(identity: Identity): Reply | undefined {
    if (identity.dictionaryVersion === DICTIONARY_VERSION) return undefined;
    const detail = `device has ${identity.dictionaryVersion}, expected ${DICTIONARY_VERSION}`;
    return { kind: 'refused', reason: 'dictionaryVersion', detail };
  }

  async #setLifecycle(to: 'inactive' | 'active', options: CommandOptions): Promise<Reply> {
    const reply = await this.#linked(to === 'active' ? 'activate' : 'deactivate').write('lifecycle', to, options);
    if (reply.kind === 'accepted' && this.#session) this.#lifecycle$.next(to);
    return reply;
  }

  #linked(command: string): Requests {
    if (this.#requests) return this.#requests;
    if (this.lifecycle === 'unconfigured') {
      throw new ScannerError('device.inactive', { device: this.name, state: this.lifecycle, command });
    }
    throw new ScannerError('link.closed', { device: this.name });
  }

  async #unlink(lifecycle: Lifecycle): Promise<void> {
    const link = this.#link;
    this.#session?.close();
    this.#session = undefined;
    this.#requests = undefined;
    this.#link = undefined;
    if (this.lifecycle !== lifecycle) this.#lifecycle$.next(lifecycle);
    await Promise.all([link?.close(), this.closeMore()]);
  }

  #listener(): SessionListener {
    return {
      onTime: (deviceTimeUs) => this.#time.sample(deviceTimeUs),
      onState: (frame) => this.#onState(frame),
      onEvent: (frame) => this.#onEvent(frame),
      onLost: (silentMs) => this.fail('linkLost', `nothing heard for ${Math.round(silentMs)} ms`),
      onRebooted: () => this.fail('rebooted', 'the device restarted'),
      onEventsLost: (count) => this.fault('eventsLost', `${count} events could not be had again`),
    };
  }

  #onState(frame: ControlFrame): void {
    // one that was overtaken on its way
    if (frame.time < this.#stateTime) return;
    this.#stateTime = frame.time;
    try {
      this.#takeState(readStatePayload(this.dictionary, frame.payload));
      this.#stateWasBad = false;
    } catch (error) {
      // the state before stays: a position that is no number is nobody's position. Told once until it is well again.
      if (!this.#stateWasBad) this.fault('badState', asScannerError(error).message);
      this.#stateWasBad = true;
    }
  }

  #takeState(record: WireRecord): void {
    this.#state$.next(record as unknown as S['state']);
  }

  #onEvent(frame: ControlFrame): void {
    const at = this.#time.at(frame.time);
    try {
      if (frame.type === OP.emergency) this.#onEmergency(frame, at);
      else {
        const reader = new ValueReader(frame.payload);
        const id = reader.u16('event');
        const entry = this.dictionary.eventOf(id);
        if (!entry)
          throw new ScannerError('protocol.object', { device: this.name, object: id, message: 'no such event' });
        const fields = reader.readAll(entry.fields);
        reader.end(entry.name);
        this.deliver({ type: entry.name, at, ...fields });
      }
    } catch (error) {
      this.fault('badEvent', asScannerError(error).message, at);
    }
  }

  #onEmergency(frame: ControlFrame, at: Millisecond): void {
    const { id, detail } = readEmergency(frame.payload);
    const entry = this.dictionary.emergencyOf(id);
    this.fault(entry?.name ?? `emergency${id}`, [entry?.text, detail].filter(Boolean).join(': '), at);
  }
}

const UNKNOWN: Readonly<Record<string, WireValue>> = { bool: false, string: '', u64: 0n };

/** Before anything was read: nothing permitted, nothing moving, all zero. */
function unknownState(dictionary: Dictionary): WireRecord {
  return Object.fromEntries(
    dictionary.state.map((o) => [o.name, o.values ? o.values[0]! : (UNKNOWN[o.type] ?? Math.max(0, o.min ?? 0))]),
  );
}
