/** Both ends of a bulk link: detector data one way, with loss and damage noticed and back-pressure kept. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Link } from '../link/link.js';
import { type CtBlock, ctPayloads, STREAM, type WordBlock, wordPayloads } from './blocks.js';
import { type BulkFrame, encodeBulk } from './frame.js';
import { bulkParser, type FrameParser } from './parser.js';

// encoded in one turn of the event loop, so that timers keep their rhythm (under 10 ms at 200 MB/s)
const TURN_BYTES = 512 * 1024;

/** Sends blocks in the order of the calls. A link that ended swallows them: the host will have noticed. */
export class BulkSender {
  readonly #link: Link;
  #sequence = 0;
  #queue: Promise<void> = Promise.resolve();
  #turn = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Resolves when the link has taken the whole block. The block's arrays must stay as they are until then. */
  sendReadings(block: CtBlock, timeUs: bigint): Promise<void> {
    return this.#enqueue(STREAM.ctReadings, timeUs, () => ctPayloads(block));
  }

  sendWords(block: WordBlock, timeUs: bigint): Promise<void> {
    return this.#enqueue(STREAM.listMode, timeUs, () => wordPayloads(block));
  }

  #enqueue(stream: number, time: bigint, payloads: () => Iterable<readonly Uint8Array[]>): Promise<void> {
    const work = this.#queue.then(() => this.#send(stream, time, payloads()));
    // the next block goes its way even when this one could not be cut
    this.#queue = work.catch(() => {});
    return work;
  }

  async #send(stream: number, time: bigint, payloads: Iterable<readonly Uint8Array[]>): Promise<void> {
    for (const parts of payloads) {
      if (this.#link.state === 'closed') return;
      const bytes = encodeBulk({ stream, sequence: this.#sequence, time }, parts);
      this.#sequence = (this.#sequence + 1) >>> 0;
      this.#turn += bytes.byteLength;
      const wait = this.#link.send(bytes);
      if (wait) await wait;
      if (this.#turn >= TURN_BYTES) {
        this.#turn = 0;
        await nextTurn();
      }
    }
  }
}

export type BulkProblem =
  /** Frames that never came. */
  | { kind: 'lost'; frames: number }
  /** A frame came damaged; the gap follows as `lost`. */
  | { kind: 'damaged'; reason: string };

/** Hands on frames as they come; what is missing or damaged is told, never made up. */
export class BulkReceiver {
  readonly #parser: FrameParser<BulkFrame>;
  #next = 0;

  constructor(options: {
    link: Link;
    onFrame: (frame: BulkFrame) => void;
    onProblem: (problem: BulkProblem) => void;
  }) {
    const { link, onFrame, onProblem } = options;
    this.#parser = bulkParser(
      (frame) => {
        const missing = (frame.sequence - this.#next) >>> 0;
        // behind: a frame that came twice
        if (missing >= 0x8000_0000) return;
        if (missing > 0) onProblem({ kind: 'lost', frames: missing });
        this.#next = (frame.sequence + 1) >>> 0;
        onFrame(frame);
      },
      (reason) => onProblem({ kind: 'damaged', reason }),
    );
    link.onData((bytes) => this.#parser.push(bytes));
  }

  get counts() {
    return this.#parser.counts;
  }
}
