import type { ControlFrame } from './frame.js';
import { ANSWERS_KEPT, sequenceDistance } from './operations.js';

export interface AnswerEntry {
  /** Undefined while the device is still at it. */
  answer: Buffer | undefined;
}

interface Kept extends AnswerEntry {
  readonly type: number;
  readonly payload: Buffer;
}

/** The answers a device gave last, so that a repeated request is answered again and not carried out again. */
export class AnswerCache {
  readonly #kept = new Map<number, Kept>();
  #newest: number | undefined;

  /** What became of this request: an entry when it was seen, `stale` when it is too old or another's number, else undefined. */
  find(frame: ControlFrame): AnswerEntry | 'stale' | undefined {
    const kept = this.#kept.get(frame.sequence);
    if (kept) return kept.type === frame.type && kept.payload.equals(frame.payload) ? kept : 'stale';
    // one a little behind was lost on its way before and comes for the first time now
    const old = this.#newest !== undefined && sequenceDistance(frame.sequence, this.#newest) >= ANSWERS_KEPT;
    return old ? 'stale' : undefined;
  }

  open(frame: ControlFrame): AnswerEntry {
    const entry: Kept = { type: frame.type, payload: Buffer.from(frame.payload), answer: undefined };
    this.#kept.set(frame.sequence, entry);
    if (this.#newest === undefined || sequenceDistance(this.#newest, frame.sequence) > 0) this.#newest = frame.sequence;
    for (const sequence of this.#kept.keys()) {
      if (sequenceDistance(sequence, this.#newest) >= ANSWERS_KEPT) this.#kept.delete(sequence);
    }
    return entry;
  }

  clear(): void {
    this.#kept.clear();
    this.#newest = undefined;
  }
}
