import type { Clock, TimerHandle } from '../base/clock.js';
import type { ControlFrame } from './frame.js';
import { EVENTS_KEPT, RETRY_MS, sequenceDistance } from './operations.js';

// how long missing events are asked for before they are given up, wall ms
const GIVE_UP_MS = 1000;

/** Puts a device's numbered events in order, drops repeated ones, and asks again for those that got lost. */
export class EventOrder {
  readonly #wall: Clock;
  readonly #onEvent: (frame: ControlFrame) => void;
  readonly #replay: (first: number, last: number) => void;
  readonly #onGivenUp: (count: number) => void;
  readonly #early = new Map<number, ControlFrame>();
  /** Number of the next event to hand over; unknown until the first heartbeat or event. */
  #next: number | undefined;
  #latest: number | undefined;
  #asking: TimerHandle | undefined;
  #askedSince = 0;

  constructor(options: {
    wall: Clock;
    onEvent: (frame: ControlFrame) => void;
    replay: (first: number, last: number) => void;
    onGivenUp: (count: number) => void;
  }) {
    this.#wall = options.wall;
    this.#onEvent = options.onEvent;
    this.#replay = options.replay;
    this.#onGivenUp = options.onGivenUp;
  }

  take(frame: ControlFrame): void {
    this.#next ??= frame.sequence;
    const ahead = sequenceDistance(this.#next, frame.sequence);
    if (ahead < 0 || ahead >= EVENTS_KEPT) return;
    this.#early.set(frame.sequence, frame);
    this.#handOver();
    this.latest(frame.sequence);
  }

  /** The device says that this is its newest event. */
  latest(sequence: number): void {
    this.#next ??= (sequence + 1) & 0xffff;
    if (this.#latest === undefined || sequenceDistance(this.#latest, sequence) > 0) this.#latest = sequence;
    if (this.#missing() > 0) this.#ask();
    else this.#stopAsking();
  }

  stop(): void {
    this.#stopAsking();
    this.#early.clear();
  }

  #missing(): number {
    return this.#next === undefined || this.#latest === undefined ? 0 : sequenceDistance(this.#next, this.#latest) + 1;
  }

  #handOver(): void {
    for (let frame = this.#take(); frame; frame = this.#take()) this.#onEvent(frame);
  }

  #take(): ControlFrame | undefined {
    const next = this.#next!;
    const frame = this.#early.get(next);
    if (!frame) return undefined;
    this.#early.delete(next);
    this.#next = (next + 1) & 0xffff;
    this.#askedSince = this.#wall.now();
    return frame;
  }

  #ask(): void {
    if (this.#asking) return;
    this.#askedSince = this.#wall.now();
    const ask = () => {
      if (this.#wall.now() - this.#askedSince >= GIVE_UP_MS) this.#giveUp();
      if (this.#missing() > 0) this.#replay(this.#next!, this.#latest!);
      else this.#stopAsking();
    };
    this.#asking = this.#wall.every(RETRY_MS, ask);
    ask();
  }

  /** Goes on with the oldest event that is here, or with the next one to come. */
  #giveUp(): void {
    const first = this.#next!;
    let next = first;
    do next = (next + 1) & 0xffff;
    while (!this.#early.has(next) && sequenceDistance(next, this.#latest!) >= 0);
    this.#next = next;
    this.#onGivenUp(sequenceDistance(first, next));
    this.#handOver();
    this.#askedSince = this.#wall.now();
  }

  #stopAsking(): void {
    this.#asking?.cancel();
    this.#asking = undefined;
  }
}
