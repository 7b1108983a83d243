/** Cuts a byte stream into frames, whatever the pieces it comes in, and finds its way again after garbage. */

import {
  BULK_PACKET_LIMIT,
  type BulkFrame,
  CONTROL_PACKET_LIMIT,
  type ControlFrame,
  decodeBulk,
  decodeControl,
  type FrameProblem,
} from './frame.js';

export interface ParserCounts {
  frames: number;
  cobs: number;
  short: number;
  crc: number;
  /** Packets longer than any frame; skipped up to the next delimiter. */
  oversize: number;
}

/** Holds at most one packet of `limit` bytes; a longer one is counted and skipped. */
export class FrameParser<Frame extends object> {
  readonly counts: ParserCounts = { frames: 0, cobs: 0, short: 0, crc: 0, oversize: 0 };
  readonly #decode: (packet: Buffer) => Frame | FrameProblem;
  readonly #limit: number;
  readonly #onFrame: (frame: Frame) => void;
  readonly #onProblem: ((problem: FrameProblem | 'oversize') => void) | undefined;
  #held = Buffer.alloc(0);
  #heldBytes = 0;
  #skipping = false;

  constructor(options: {
    decode: (packet: Buffer) => Frame | FrameProblem;
    limit: number;
    onFrame: (frame: Frame) => void;
    onProblem?: (problem: FrameProblem | 'oversize') => void;
  }) {
    this.#decode = options.decode;
    this.#limit = options.limit;
    this.#onFrame = options.onFrame;
    this.#onProblem = options.onProblem;
  }

  push(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let from = 0;
    for (let zero = chunk.indexOf(0); zero >= 0; zero = chunk.indexOf(0, from)) {
      this.#end(chunk.subarray(from, zero));
      from = zero + 1;
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
  }

  #hold(piece: Buffer): void {
    if (this.#skipping) return;
    if (this.#heldBytes + piece.length > this.#limit) {
      this.#heldBytes = 0;
      this.#skipping = true;
      this.#count('oversize');
      return;
    }
    this.#append(piece);
  }

  #append(piece: Buffer): void {
    const size = this.#heldBytes + piece.length;
    if (size > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(size, 2 * this.#held.length, 512)));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    piece.copy(this.#held, this.#heldBytes);
    this.#heldBytes = size;
  }

  #end(piece: Buffer): void {
    const skipping = this.#skipping;
    this.#skipping = false;
    if (skipping || this.#heldBytes + piece.length === 0) return; // two delimiters in a row are no packet
    if (this.#heldBytes + piece.length > this.#limit) {
      this.#heldBytes = 0;
      this.#count('oversize');
      return;
    }
    if (this.#heldBytes > 0) this.#append(piece);
    const packet = this.#heldBytes > 0 ? this.#held.subarray(0, this.#heldBytes) : piece;
    this.#heldBytes = 0;
    this.#take(this.#decode(packet));
  }

  #take(frame: Frame | FrameProblem): void {
    if (typeof frame === 'string') this.#count(frame);
    else {
      this.counts.frames++;
      this.#onFrame(frame);
    }
  }

  #count(problem: FrameProblem | 'oversize'): void {
    this.counts[problem]++;
    this.#onProblem?.(problem);
  }
}

export function controlParser(
  onFrame: (frame: ControlFrame) => void,
  onProblem?: (problem: FrameProblem | 'oversize') => void,
): FrameParser<ControlFrame> {
  return new FrameParser({ decode: decodeControl, limit: CONTROL_PACKET_LIMIT, onFrame, onProblem });
}

export function bulkParser(
  onFrame: (frame: BulkFrame) => void,
  onProblem?: (problem: FrameProblem | 'oversize') => void,
): FrameParser<BulkFrame> {
  return new FrameParser({ decode: decodeBulk, limit: BULK_PACKET_LIMIT, onFrame, onProblem });
}
