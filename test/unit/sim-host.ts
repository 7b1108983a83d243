import { setTimeout as sleep } from 'node:timers/promises';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import type { Link } from '../../hal/link/link.js';
import { type CtBlock, readCtPayload, readWordPayload, type WordBlock } from '../../hal/wire/blocks.js';
import { BulkReceiver } from '../../hal/wire/bulk.js';
import { dictionaryOf, type WireDeviceName } from '../../hal/wire/dictionary.js';
import { OP } from '../../hal/wire/frame.js';
import { commandRequest, readStatePayload, writeRequest } from '../../hal/wire/operations.js';
import { type Answer, HostSession } from '../../hal/wire/session.js';
import { ValueReader, type WireRecord } from '../../hal/wire/values.js';

export interface HeardEvent {
  name: string;
  /** Device time, us. */
  timeUs: bigint;
  fields: WireRecord;
}

/** The host's end of one device's control link, without the drivers. */
export class TestHost {
  readonly events: HeardEvent[] = [];
  readonly device: WireDeviceName;
  state: WireRecord = {};
  lost = false;
  rebooted = false;
  readonly #session: HostSession;
  readonly #link: Link;
  readonly #clock = new ScaledClock();

  constructor(device: WireDeviceName, link: Link) {
    this.device = device;
    this.#link = link;
    const dictionary = dictionaryOf(device);
    this.#session = new HostSession({
      link,
      device,
      clock: this.#clock,
      log: silentLog,
      listener: {
        onEvent: (frame) => {
          const reader = new ValueReader(frame.payload);
          const id = reader.u16();
          const event = frame.type === OP.event ? dictionary.eventOf(id) : undefined;
          const name = event?.name ?? `emergency:${dictionary.emergencyOf(id)?.name}`;
          this.events.push({ name, timeUs: frame.time, fields: event ? reader.readAll(event.fields) : {} });
        },
        onState: (frame) => {
          this.state = readStatePayload(dictionary, frame.payload);
        },
        onTime: () => {},
        onLost: () => {
          this.lost = true;
        },
        onRebooted: () => {
          this.rebooted = true;
        },
        onEventsLost: () => {},
      },
    });
  }

  /** Makes the device take commands. */
  async activate(): Promise<this> {
    const object = dictionaryOf(this.device).object('lifecycle');
    await this.#session.request({
      op: OP.write,
      payload: writeRequest(object, 'active'),
      what: 'activate',
      idempotent: true,
      deadlineMs: 2000,
    });
    return this;
  }

  command(name: string, args: WireRecord = {}): Promise<Answer> {
    return this.#session.request({
      op: OP.command,
      payload: commandRequest(dictionaryOf(this.device).command(name), args),
      what: name,
      idempotent: false,
      deadlineMs: 2000,
    });
  }

  /** Resolves once `done` holds; rejects after `ms` of wall time. */
  async until(done: () => boolean, what: string, ms = 10_000): Promise<void> {
    for (const end = performance.now() + ms; !done(); await sleep(5))
      if (performance.now() > end)
        throw new Error(`${this.device}: no ${what} within ${ms} ms; heard ${this.names().join(', ')}`);
  }

  async event(name: string, ms?: number): Promise<HeardEvent> {
    await this.until(() => this.names().includes(name), name, ms);
    return this.events.findLast((event) => event.name === name)!;
  }

  names(): string[] {
    return this.events.map((event) => event.name);
  }

  /** As a process that ends: silence, and the line let go. */
  async close(): Promise<void> {
    this.#session.close();
    await this.#link.close();
  }
}

/** Gathers the blocks of a bulk link. */
export function collect(link: Link): { ct: CtBlock[]; words: WordBlock[]; problems: object[] } {
  const got = { ct: [] as CtBlock[], words: [] as WordBlock[], problems: [] as object[] };
  new BulkReceiver({
    link,
    onFrame: (frame) => {
      if (frame.stream === 1) got.ct.push(readCtPayload(frame.payload));
      else got.words.push(readWordPayload(frame.payload));
    },
    onProblem: (problem) => got.problems.push(problem),
  });
  return got;
}
