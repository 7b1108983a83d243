import type { Association } from '../upper-layer/association.js';
import { PDV_HEADER_BYTES, writePdvHeader } from '../upper-layer/pdu.js';
import type { DataSource } from './source.js';

/** Bytes of fragments gathered for one write: a CT image fits. */
const BATCH_BYTES = 640 * 1024;

/** A command's fragments, ready to send. */
export function commandFragments(contextId: number, command: Buffer, sendLimit: number): Buffer[] {
  const size = fragmentSize(sendLimit);
  const parts: Buffer[] = [];
  for (let offset = 0; offset < command.length; offset += size) {
    const part = command.subarray(offset, offset + size);
    const header = Buffer.alloc(PDV_HEADER_BYTES);
    const last = offset + size >= command.length;
    writePdvHeader(header, 0, { contextId, command: true, last, length: part.length });
    parts.push(header, part);
  }
  return [Buffer.concat(parts)];
}

/**
 * A dataset laid out in fragments that fill the peer's PDUs, batch by batch. One batch is read ahead of the one being sent;
 * buffers are used again, so a transfer of any length takes two of them.
 */
export class FragmentStream {
  readonly #contextId: number;
  readonly #source: DataSource;
  readonly #size: number;
  readonly #batch: number;
  #left: number;
  #ahead: Promise<Batch> | undefined;

  constructor(contextId: number, source: DataSource, sendLimit: number) {
    this.#contextId = contextId;
    this.#source = source;
    this.#size = fragmentSize(sendLimit);
    this.#batch = this.#size * Math.max(1, Math.floor(BATCH_BYTES / (this.#size + PDV_HEADER_BYTES)));
    this.#left = source.length;
  }

  /** Starts reading the first batch; a failure shows in `sendTo`. */
  preload(): this {
    this.#ahead ??= this.#read();
    this.#ahead.catch(() => undefined);
    return this;
  }

  /** @throws ScannerError of the source or of the association */
  async sendTo(association: Association): Promise<void> {
    let sent: Promise<void> = Promise.resolve();
    this.preload();
    while (this.#ahead) {
      const [{ bytes, buffer }] = await Promise.all([this.#ahead, sent]);
      this.#ahead = undefined;
      sent = association.write([bytes], () => giveBack(buffer));
      if (this.#left > 0) this.preload();
    }
    await sent;
  }

  /** Gives back what was read ahead and is not sent. */
  async drop(): Promise<void> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead) await ahead.then(({ buffer }) => giveBack(buffer)).catch(() => undefined);
  }

  async #read(): Promise<Batch> {
    const length = Math.min(this.#left, this.#batch);
    const count = Math.max(1, Math.ceil(length / this.#size));
    const needed = length + count * PDV_HEADER_BYTES;
    const buffer = take(needed);
    const views: Buffer[] = [];
    let offset = 0;
    for (let done = 0, i = 0; i < count; i++) {
      const part = Math.min(this.#size, length - done);
      done += part;
      const last = done === this.#left;
      writePdvHeader(buffer, offset, { contextId: this.#contextId, command: false, last, length: part });
      offset += PDV_HEADER_BYTES;
      views.push(buffer.subarray(offset, offset + part));
      offset += part;
    }
    this.#left -= length;
    await this.#source.read(views);
    return { bytes: buffer.subarray(0, needed), buffer };
  }
}

interface Batch {
  bytes: Buffer;
  /** What `bytes` lies in. */
  buffer: Buffer;
}

const POOL_LIMIT = 8;
const pool: Buffer[] = [];

function take(size: number): Buffer {
  if (size > BATCH_BYTES || size < BATCH_BYTES / 16) return Buffer.allocUnsafe(size);
  return pool.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
}

function giveBack(buffer: Buffer): void {
  if (buffer.length === BATCH_BYTES && pool.length < POOL_LIMIT) pool.push(buffer);
}

/** Even, as PS3.8 annex E.2 asks. */
function fragmentSize(sendLimit: number): number {
  return (sendLimit - 6) & ~1;
}
