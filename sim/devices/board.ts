import { randomInt } from 'node:crypto';
import type { TimerHandle } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { type Dictionary, dictionaryOf, type WireDeviceName } from '../../hal/wire/dictionary.js';
import type { DeviceModel, ModelIdentity, ModelOutlet, ModelReply } from '../../hal/wire/model.js';
import type { WireRecord, WireValue } from '../../hal/wire/values.js';
import type { Agenda } from './agenda.js';
import type { Lines } from './lines.js';

export type Handler = (args: WireRecord) => ModelReply;
export type { ModelIdentity, ModelReply, WireRecord, WireValue };

/** Something that a board did, for those who stand beside it: fault scripts, tests. `at` is scanner time, ms. */
export interface Notice {
  device: WireDeviceName;
  name: string;
  at: number;
  fields: WireRecord;
}

export interface BoardOptions {
  agenda: Agenda;
  lines: Lines;
  log: Log;
}

export const ACCEPTED: ModelReply = { kind: 'accepted' };

export function refuse(reason: string, detail: string): ModelReply {
  return { kind: 'refused', reason, detail };
}

/** True when a value that came over the wire lies in [min, max]; NaN does not. */
export function inRange(value: number, [min, max]: readonly [number, number]): boolean {
  return value >= min && value <= max;
}

/** One board of the scanner: boots, takes commands, tells events, and forgets everything it does when it is rebooted. */
export abstract class Board implements DeviceModel {
  abstract readonly name: WireDeviceName;
  abstract readonly identity: ModelIdentity;
  bulkPort = 0;
  protected readonly agenda: Agenda;
  protected readonly lines: Lines;
  protected readonly log: Log;
  protected abstract readonly handlers: Readonly<Record<string, Handler>>;
  readonly #watchers = new Set<(notice: Notice) => void>();
  readonly #plans = new Set<TimerHandle>();
  #outlet: ModelOutlet | undefined;
  #bootMs: number;
  #bootId = randomInt(1, 2 ** 32 - 1);

  constructor(options: BoardOptions) {
    this.agenda = options.agenda;
    this.lines = options.lines;
    this.log = options.log;
    this.#bootMs = this.agenda.now();
  }

  get dictionary(): Dictionary {
    return dictionaryOf(this.name);
  }

  get bootId(): number {
    return this.#bootId;
  }

  deviceTimeUs(): bigint {
    return this.#deviceUs(this.agenda.now());
  }

  abstract readState(): WireRecord;

  read(name: string): WireValue {
    throw new ScannerError('protocol.object', { device: this.name, object: name, message: 'not readable' });
  }

  write(name: string, _value: WireValue): ModelReply {
    return refuse('readOnly', name);
  }

  command(name: string, args: WireRecord): ModelReply {
    const handler = Object.hasOwn(this.handlers, name) ? this.handlers[name] : undefined;
    if (!handler) return refuse('unknownCommand', name);
    this.agenda.now(); // whatever is due before this command has happened by now
    const reply = handler(args);
    if (reply.kind === 'accepted') this.changed();
    else this.log.debug({ device: this.name, command: name, ...reply }, 'command refused');
    return reply;
  }

  lifecycleChanged(_active: boolean): void {}

  hostSilent(_silentMs: number): void {}

  attach(outlet: ModelOutlet): void {
    this.#outlet = outlet;
  }

  watch(watcher: (notice: Notice) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Power cycle of the board: outputs off, state lost, plans forgotten, a new boot id. */
  reboot(): void {
    const at = this.agenda.now();
    for (const plan of this.#plans) plan.cancel();
    this.#plans.clear();
    this.#bootId = (this.#bootId % (2 ** 32 - 1)) + 1;
    this.#bootMs = at;
    this.reset(at);
    this.log.info({ device: this.name, bootId: this.#bootId }, 'board rebooted');
    this.#outlet?.rebooted();
    this.#tell('rebooted', at, {});
  }

  /** The power-on state: outputs safe. Physical things (where the table stands, how hot the anode is) stay. */
  protected abstract reset(atMs: number): void;

  /** As `agenda.at`, but forgotten by a reboot. */
  protected plan(ms: number, fn: (atMs: number) => void): TimerHandle {
    const entry = this.agenda.at(ms, (atMs) => {
      this.#plans.delete(handle);
      fn(atMs);
    });
    const handle: TimerHandle = {
      cancel: () => {
        this.#plans.delete(handle);
        entry.cancel();
      },
    };
    this.#plans.add(handle);
    return handle;
  }

  protected emit(name: string, at: number, fields: WireRecord = {}): void {
    this.#outlet?.event(name, fields, this.#deviceUs(at));
    this.#tell(name, at, fields);
  }

  protected emergency(name: string, detail: string): void {
    const at = this.agenda.now();
    this.log.warn({ device: this.name, emergency: name }, detail);
    this.#outlet?.emergency(name, detail, this.#deviceUs(at));
    this.#tell(name, at, { detail });
  }

  protected changed(): void {
    this.#outlet?.stateChanged();
  }

  #tell(name: string, at: number, fields: WireRecord): void {
    for (const watcher of [...this.#watchers]) watcher({ device: this.name, name, at, fields });
  }

  #deviceUs(at: number): bigint {
    return BigInt(Math.max(0, Math.round((at - this.#bootMs) * 1000)));
  }
}
