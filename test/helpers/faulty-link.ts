/** A link that does to frames what a script says. */

import type { Clock } from '../../hal/base/clock.js';
import type { Link } from '../../hal/link/link.js';
import { type ControlFrame, encodeControl, OP } from '../../hal/wire/frame.js';
import { controlParser } from '../../hal/wire/parser.js';

export interface FaultRule {
  direction: 'toDevice' | 'toHost';
  /** Only frames of this operation; all when absent. */
  op?: keyof typeof OP;
  /** The first so many matching frames go through unharmed. */
  skip?: number;
  /** How many are hit; all from then on when absent. */
  times?: number;
  do: 'drop' | 'flip' | 'duplicate' | 'split' | 'delay' | 'mute' | 'reboot' | 'stale' | 'nan' | 'garbage';
  /** For `delay` and `mute`. */
  ms?: number;
}

type Send = (bytes: Buffer) => void;

/** Wraps the host's end of a link. `reboot` is the bench's: the frame is lost and the device restarts. */
export class FaultyLink implements Link {
  readonly where: string;
  readonly #inner: Link;
  readonly #clock: Clock;
  readonly #rules: readonly FaultRule[];
  readonly #seen = new Map<FaultRule, number>();
  readonly #reboot: () => void;
  #mutedUntil = Number.NEGATIVE_INFINITY;
  #lastCommand: Buffer | undefined;

  /** @param options.rules may grow and shrink while the link is used */
  constructor(inner: Link, options: { clock: Clock; rules?: readonly FaultRule[]; reboot?: () => void }) {
    this.where = `faulty ${inner.where}`;
    this.#inner = inner;
    this.#clock = options.clock.wall;
    this.#rules = options.rules ?? [];
    this.#reboot = options.reboot ?? (() => {});
  }

  get state(): 'open' | 'closed' {
    return this.#inner.state;
  }

  /** Nothing passes any more, and no end is told: a pulled cable. */
  mute(ms = Number.POSITIVE_INFINITY): void {
    this.#mutedUntil = this.#clock.now() + ms;
  }

  send(bytes: Uint8Array): undefined | Promise<void> {
    this.#outward.push(bytes);
    return undefined;
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    const inward = controlParser((frame) => this.#pass('toHost', frame, listener));
    this.#inner.onData((bytes) => inward.push(bytes));
  }

  onClose(listener: () => void): void {
    this.#inner.onClose(listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  readonly #outward = controlParser((frame) => this.#pass('toDevice', frame, (bytes) => void this.#inner.send(bytes)));

  #pass(direction: FaultRule['direction'], frame: ControlFrame, send: Send): void {
    const bytes = encodeControl(frame);
    const rule = this.#ruleFor(direction, frame);
    if (direction === 'toDevice' && frame.type === OP.command) this.#lastCommand = bytes;
    if (rule?.do === 'mute') this.mute(rule.ms);
    if (this.#clock.now() < this.#mutedUntil) return;
    if (rule) this.#harm(rule, frame, bytes, send);
    else send(bytes);
  }

  #ruleFor(direction: FaultRule['direction'], frame: ControlFrame): FaultRule | undefined {
    for (const rule of this.#rules) {
      if (rule.direction !== direction || (rule.op && OP[rule.op] !== frame.type)) continue;
      const seen = this.#seen.get(rule) ?? 0;
      this.#seen.set(rule, seen + 1);
      const number = seen - (rule.skip ?? 0);
      if (number >= 0 && number < (rule.times ?? Number.POSITIVE_INFINITY)) return rule;
    }
    return undefined;
  }

  #harm(rule: FaultRule, frame: ControlFrame, bytes: Buffer, send: Send): void {
    switch (rule.do) {
      case 'drop':
      case 'mute':
        break;
      case 'flip':
        bytes[bytes.length >> 1]! ^= 0x04;
        send(bytes);
        break;
      case 'duplicate':
        send(bytes);
        send(Buffer.from(bytes));
        break;
      case 'split':
        for (let i = 0; i < bytes.length; i++) send(bytes.subarray(i, i + 1));
        break;
      case 'delay':
        this.#clock.after(rule.ms ?? 0, () => send(bytes));
        break;
      case 'reboot':
        this.#reboot();
        break;
      case 'stale':
        // the last command once more, after it was answered
        if (this.#lastCommand) send(Buffer.from(this.#lastCommand));
        send(bytes);
        break;
      case 'nan': {
        const payload = Buffer.from(frame.payload);
        payload.writeDoubleLE(Number.NaN, 0);
        send(encodeControl({ ...frame, payload }));
        break;
      }
      case 'garbage':
        send(Buffer.from(Array.from({ length: 97 }, (_, i) => (i * 89) & 0xff)));
        send(bytes);
        break;
    }
  }
}
