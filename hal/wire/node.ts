/** The device's end of a control link: answers a host's requests from a model, and carries what the model says by itself. */

import type { Clock, TimerHandle } from '../base/clock.js';
import { asScannerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Link } from '../link/link.js';
import { AnswerCache } from './answer-cache.js';
import { type ControlFrame, encodeControl, OP } from './frame.js';
import { Liveness } from './liveness.js';
import type { DeviceModel } from './model.js';
import { NodeObjects } from './node-objects.js';
import {
  EVENTS_KEPT,
  emergencyPayload,
  eventPayload,
  HEARTBEAT_MS,
  heartbeatPayload,
  LINK_LOST_MS,
  refusal,
  STATE_PUSH_MS,
  sequenceDistance,
  statePayload,
  type WireLifecycle,
} from './operations.js';
import { controlParser } from './parser.js';
import { ValueReader, type WireRecord } from './values.js';

export interface NodeCounts {
  /** Requests answered from the cache, not carried out again. */
  repeated: number;
  /** Requests older than the cache, or of an earlier session. */
  stale: number;
}

/**
 * Outlives its links: `connect` it to each new one (a host that comes back). Without a link the model still hears how long
 * the host has been silent.
 */
export class DeviceNode {
  readonly counts: NodeCounts = { repeated: 0, stale: 0 };
  readonly #model: DeviceModel;
  readonly #log: Log;
  readonly #objects: NodeObjects;
  readonly #liveness: Liveness;
  readonly #timers: TimerHandle[];
  readonly #answers = new AnswerCache();
  readonly #events = new Map<number, Buffer>();
  #link: Link | undefined;
  #backedUp = false;
  #session: bigint | undefined;
  #lifecycle: WireLifecycle = 'inactive';
  #lastEvent = 0;
  #lastState: Buffer = Buffer.alloc(0);
  #pushes = 0;
  #silentMs = 0;
  #heardHost = false;

  constructor(options: { model: DeviceModel; clock: Clock; log: Log }) {
    const { model, clock, log } = options;
    this.#model = model;
    this.#log = log.child({ device: model.dictionary.device });
    this.#objects = new NodeObjects(model, {
      get: () => this.#lifecycle,
      set: (lifecycle) => this.#setLifecycle(lifecycle),
    });
    this.#liveness = new Liveness(clock.wall, (silentMs) => this.#watch(silentMs));
    this.#timers = [
      clock.wall.every(HEARTBEAT_MS, () => this.#beat()),
      clock.wall.every(STATE_PUSH_MS, () => this.#pushState()),
    ];
    model.attach({
      event: (name, fields, timeUs) => this.#event(name, fields, timeUs),
      emergency: (name, detail, timeUs) => this.#emergency(name, detail, timeUs),
      stateChanged: () => this.#pushState(),
      rebooted: () => this.#rebooted(),
    });
  }

  get lifecycle(): WireLifecycle {
    return this.#lifecycle;
  }

  /** Serves this link from now on; the one before is left to itself. */
  connect(link: Link): void {
    const parser = controlParser(
      (frame) => link === this.#link && this.#receive(frame),
      (problem) => this.#log.debug({ problem }, 'frame dropped'),
    );
    this.#link = link;
    this.#backedUp = false;
    this.#lastState = Buffer.alloc(0);
    link.onData((bytes) => parser.push(bytes));
    this.#beat();
  }

  /** Falls silent. The link stays its owner's. */
  close(): void {
    this.#liveness.stop();
    for (const timer of this.#timers) timer.cancel();
    this.#link = undefined;
  }

  #watch(silentMs: number): void {
    this.#silentMs = silentMs;
    this.#model.hostSilent(this.#heardHost ? silentMs : Number.POSITIVE_INFINITY);
  }

  #receive(frame: ControlFrame): void {
    if (!this.#admit(frame.time)) return;
    this.#liveness.heard();
    this.#heardHost = true;
    this.#watch(0);
    if (frame.type === OP.heartbeat) return;
    if (frame.type === OP.replay) this.#replay(frame.payload);
    else this.#request(frame);
  }

  /** Takes a new session up, turns frames of older ones away. */
  #admit(session: bigint): boolean {
    if (session === this.#session) return true;
    const older = this.#session !== undefined && session < this.#session;
    // a host whose time of day was set back is let in once the line has been quiet
    if (older && this.#silentMs < LINK_LOST_MS) {
      this.counts.stale++;
      return false;
    }
    this.#session = session;
    this.#answers.clear();
    this.#lastState = Buffer.alloc(0);
    this.#setLifecycle('inactive');
    return true;
  }

  #request(frame: ControlFrame): void {
    const earlier = this.#answers.find(frame);
    if (earlier === 'stale') this.counts.stale++;
    else if (earlier) {
      this.counts.repeated++;
      if (earlier.answer) this.#send(earlier.answer);
    } else void this.#carryOut(frame);
  }

  async #carryOut(frame: ControlFrame): Promise<void> {
    const entry = this.#answers.open(frame);
    const boot = this.#model.bootId;
    let reply: { type: number; payload: Buffer };
    try {
      const pending = this.#objects.handle(frame);
      reply = pending instanceof Promise ? await pending : pending;
    } catch (error) {
      this.#log.error({ error }, 'request failed in the model');
      reply = { type: OP.refuse, payload: refusal('internalError', asScannerError(error).message) };
    }
    if (this.#model.bootId !== boot) return; // it restarted over this request: nobody is left to answer
    this.#pushState();
    entry.answer = this.#frame(reply.type, frame.sequence, reply.payload);
    this.#send(entry.answer);
  }

  #setLifecycle(lifecycle: WireLifecycle): void {
    if (lifecycle === this.#lifecycle) return;
    this.#lifecycle = lifecycle;
    this.#model.lifecycleChanged(lifecycle === 'active');
  }

  #event(name: string, fields: WireRecord, timeUs?: bigint): void {
    this.#pushState();
    this.#record(OP.event, eventPayload(this.#model.dictionary.event(name), fields), timeUs);
  }

  #emergency(name: string, detail: string, timeUs?: bigint): void {
    this.#pushState();
    this.#record(OP.emergency, emergencyPayload(this.#model.dictionary.emergency(name).id, detail), timeUs);
  }

  #record(type: number, payload: Buffer, timeUs = this.#model.deviceTimeUs()): void {
    this.#lastEvent = (this.#lastEvent + 1) & 0xffff;
    const frame = this.#frame(type, this.#lastEvent, payload, timeUs);
    this.#events.set(this.#lastEvent, frame);
    this.#events.delete((this.#lastEvent - EVENTS_KEPT) & 0xffff);
    this.#send(frame);
  }

  #replay(payload: Uint8Array): void {
    if (payload.length !== 4) return;
    const reader = new ValueReader(payload);
    const first = reader.u16();
    const last = reader.u16();
    const count = Math.min(sequenceDistance(first, last) + 1, EVENTS_KEPT);
    for (let i = 0; i < count; i++) {
      const kept = this.#events.get((last - count + 1 + i) & 0xffff);
      if (kept) this.#send(kept);
    }
  }

  #rebooted(): void {
    this.#answers.clear();
    this.#events.clear();
    this.#lastEvent = 0;
    this.#lastState = Buffer.alloc(0);
    this.#session = undefined;
    this.#heardHost = false;
    this.#setLifecycle('inactive');
    this.#beat();
  }

  #beat(): void {
    this.#send(this.#frame(OP.heartbeat, this.#lastEvent, heartbeatPayload(this.#model.bootId, this.#lifecycle)), true);
  }

  #pushState(): void {
    if (!this.#link || this.#backedUp) return;
    const push = ++this.#pushes;
    // asking a model for the time or its state may let happen what is due by now, which pushes a newer state from within
    const timeUs = this.#model.deviceTimeUs();
    const payload = statePayload(this.#model.dictionary, this.#model.readState());
    if (push !== this.#pushes) this.#pushState();
    else if (!payload.equals(this.#lastState)) {
      this.#lastState = payload;
      this.#send(this.#frame(OP.state, 0, payload, timeUs), true);
    }
  }

  #frame(type: number, sequence: number, payload: Buffer, timeUs = this.#model.deviceTimeUs()): Buffer {
    return encodeControl({ type, sequence, time: timeUs, payload });
  }

  /** What the next heartbeat or push makes good (`lossy`) is not queued behind a line that does not move. */
  #send(bytes: Buffer, lossy = false): void {
    const link = this.#link;
    if (!link || (lossy && this.#backedUp)) return;
    // a copy: the link may take the memory over, and answers and events are kept
    const wait = link.send(lossy ? bytes : Buffer.from(bytes));
    if (!wait || this.#backedUp) return;
    this.#backedUp = true;
    void wait.then(() => {
      if (link === this.#link) this.#backedUp = false;
    });
  }
}
