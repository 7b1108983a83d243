/** The host's end of a control link: requests and their answers, heartbeats, what the device says by itself. */

import type { Clock, TimerHandle } from '../base/clock.js';
import { ScannerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Link } from '../link/link.js';
import { EventOrder } from './event-order.js';
import { type ControlFrame, encodeControl, OP } from './frame.js';
import { Liveness } from './liveness.js';
import { HEARTBEAT_MS, LINK_LOST_MS, RETRY_MS, readHeartbeat, readRefusal, replayRequest } from './operations.js';
import { controlParser, type FrameParser } from './parser.js';

export type Answer = { kind: 'accepted'; payload: Uint8Array } | { kind: 'refused'; reason: string; detail: string };

export interface SessionListener {
  /** An event or emergency, in order, each once. */
  onEvent(frame: ControlFrame): void;
  onState(frame: ControlFrame): void;
  /** The device's time when it sent a frame, for each frame but events, whose time is their own. */
  onTime(deviceTimeUs: bigint): void;
  /** Once: nothing heard for `silentMs` of wall time. The session is over. */
  onLost(silentMs: number): void;
  /** Once: the device came up again. The session is over. */
  onRebooted(): void;
  /** Events that no replay could bring back. */
  onEventsLost(count: number): void;
}

export interface RequestOptions {
  /** One of OP. */
  op: number;
  payload: Uint8Array;
  /** For messages. */
  what: string;
  /** Sent again while unanswered. */
  idempotent: boolean;
  /** Wall ms. */
  deadlineMs: number;
  signal?: AbortSignal;
}

interface Pending {
  settle(result: Answer | ScannerError): void;
}

// a session's number must be higher than that of any before, in this process too
let lastSession = 0n;

export class HostSession {
  readonly #link: Link;
  readonly #device: string;
  readonly #wall: Clock;
  readonly #log: Log;
  readonly #listener: SessionListener;
  readonly #number: bigint;
  readonly #parser: FrameParser<ControlFrame>;
  readonly #pending = new Map<number, Pending>();
  readonly #events: EventOrder;
  readonly #liveness: Liveness;
  readonly #heartbeat: TimerHandle;
  #sequence: number;
  #bootId: number | undefined;
  #over: ScannerError | undefined;
  /** Answers that nobody waits for: late, repeated, or of an earlier session. */
  staleAnswers = 0;

  constructor(options: { link: Link; device: string; clock: Clock; log: Log; listener: SessionListener }) {
    const { link, device, clock, log, listener } = options;
    this.#link = link;
    this.#device = device;
    this.#wall = clock.wall;
    this.#log = log;
    this.#listener = listener;
    const now = BigInt(Math.floor(this.#wall.now() * 1000));
    this.#number = lastSession = now > lastSession ? now : lastSession + 1n;
    this.#sequence = Number(this.#number & 0xffffn);
    this.#events = new EventOrder({
      wall: this.#wall,
      onEvent: (frame) => listener.onEvent(frame),
      replay: (first, last) => this.#send(OP.replay, 0, replayRequest(first, last)),
      onGivenUp: (count) => listener.onEventsLost(count),
    });
    this.#parser = controlParser(
      (frame) => this.#receive(frame),
      (problem) => log.debug({ device, problem }, 'frame dropped'),
    );
    this.#liveness = new Liveness(this.#wall, (silentMs) => this.#watch(silentMs));
    this.#heartbeat = this.#wall.every(HEARTBEAT_MS, () => this.#send(OP.heartbeat, 0, new Uint8Array(0)));
    link.onData((bytes) => this.#parser.push(bytes));
    this.#send(OP.heartbeat, 0, new Uint8Array(0));
  }

  get counts() {
    return this.#parser.counts;
  }

  /**
   * Sends a request and waits for the device's answer.
   * @throws ScannerError timeout.command, timeout.aborted, link.lost, link.closed, device.rebooted
   */
  request(options: RequestOptions): Promise<Answer> {
    const { op, payload, what, idempotent, deadlineMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(this.#over);
      if (signal?.aborted) return reject(aborted(what, signal));
      const sequence = this.#nextSequence();
      const send = () => this.#send(op, sequence, payload);
      const abort = () => settle(aborted(what, signal));
      const retry = idempotent ? this.#wall.every(RETRY_MS, send) : undefined;
      const expiry = this.#wall.after(deadlineMs, () =>
        settle(new ScannerError('timeout.command', { device: this.#device, command: what, ms: deadlineMs })),
      );
      const settle = (result: Answer | ScannerError) => {
        this.#pending.delete(sequence);
        retry?.cancel();
        expiry.cancel();
        signal?.removeEventListener('abort', abort);
        if (result instanceof ScannerError) reject(result);
        else resolve(result);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(sequence, { settle });
      send();
    });
  }

  /** The device says that this is its boot: by heartbeat, or when asked. Another one than before ends the session. */
  expectBoot(bootId: number): void {
    this.#bootId ??= bootId;
    if (bootId === this.#bootId) return;
    if (this.#finish(new ScannerError('device.rebooted', { device: this.#device }))) this.#listener.onRebooted();
  }

  /** Ends the session; the link stays the caller's. */
  close(): void {
    this.#finish(new ScannerError('link.closed', { device: this.#device }));
  }

  #nextSequence(): number {
    do this.#sequence = (this.#sequence + 1) & 0xffff;
    while (this.#pending.has(this.#sequence));
    return this.#sequence;
  }

  #send(type: number, sequence: number, payload: Uint8Array): void {
    if (!this.#over) void this.#link.send(encodeControl({ type, sequence, time: this.#number, payload }));
  }

  #finish(reason: ScannerError): boolean {
    if (this.#over) return false;
    this.#over = reason;
    this.#heartbeat.cancel();
    this.#liveness.stop();
    this.#events.stop();
    for (const pending of [...this.#pending.values()]) pending.settle(reason);
    return true;
  }

  #watch(silentMs: number): void {
    if (silentMs < LINK_LOST_MS) return;
    const lost = new ScannerError('link.lost', { device: this.#device, silenceMs: Math.round(silentMs) });
    if (this.#finish(lost)) this.#listener.onLost(silentMs);
  }

  #receive(frame: ControlFrame): void {
    if (this.#over) return;
    this.#liveness.heard();
    if (frame.type !== OP.event && frame.type !== OP.emergency) this.#listener.onTime(frame.time);
    try {
      this.#dispatch(frame);
    } catch (error) {
      // a frame that passed its checksum and still makes no sense: the firmware's fault, not ours to die of
      this.#log.warn({ device: this.#device, type: frame.type, error }, 'frame not understood');
    }
  }

  #dispatch(frame: ControlFrame): void {
    switch (frame.type) {
      case OP.heartbeat:
        this.#beat(frame);
        break;
      case OP.state:
        this.#listener.onState(frame);
        break;
      case OP.event:
      case OP.emergency:
        this.#events.take(frame);
        break;
      case OP.accept:
        this.#answer(frame.sequence, { kind: 'accepted', payload: frame.payload });
        break;
      case OP.refuse:
        this.#answer(frame.sequence, { kind: 'refused', ...readRefusal(frame.payload) });
        break;
      default:
        throw new ScannerError('protocol.frame', { device: this.#device, message: `unknown type ${frame.type}` });
    }
  }

  #beat(frame: ControlFrame): void {
    this.expectBoot(readHeartbeat(frame.payload).bootId);
    if (!this.#over) this.#events.latest(frame.sequence);
  }

  #answer(sequence: number, answer: Answer): void {
    const pending = this.#pending.get(sequence);
    if (pending) pending.settle(answer);
    else this.staleAnswers++;
  }
}

function aborted(what: string, signal: AbortSignal | undefined): ScannerError {
  return new ScannerError('timeout.aborted', { what }, signal?.reason);
}
