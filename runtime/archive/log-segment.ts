import { constants, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { asScannerError } from '../../hal/base/errors.js';
import type { Millisecond } from '../../hal/base/units.js';

/** One small object as the log keeps it. */
export interface LogRecord {
  part10: Buffer;
  /** SHA-256 of it, hex. */
  checksum: string;
  /** Milliseconds since the Unix epoch. */
  storedAt: number;
}

/** Where an object stands in the log. */
export interface Logged {
  segment: LogSegment;
  offset: number;
  length: number;
}

const SEGMENT_BYTES = 8 << 20;
/** A small write to a quick disk takes less than handing it to another thread: it is done in this one unless the last took long. */
const AT_ONCE_BYTES = 8192;
const AT_ONCE_MS: Millisecond = 2;
const MAGIC = 0x4c525450; // PTRL
const HEADER_BYTES = 4096;
/** Magic, length, generation, time, checksum. */
const RECORD_HEADER = 4 + 4 + 8 + 8 + 32;

/**
 * A file of fixed length that holds records of one generation one after the other. It is written with O_DSYNC in place, so a record
 * costs one write of its own and none of the file system's journal. What an earlier generation left behind the last record is
 * told apart by its generation, and a record that a crash cut by its checksum, which who reads it compares.
 */
export class LogSegment {
  /** Records that do not stand elsewhere yet. */
  open = 0;
  #generation: bigint;
  #end = HEADER_BYTES;
  #lastMs: Millisecond = 0;

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    generation: bigint,
  ) {
    this.#generation = generation;
  }

  /** Makes a segment whose blocks are all on the disk. @throws ScannerError data.disk */
  static async create(path: string): Promise<LogSegment> {
    try {
      const blank = await open(path, 'wx');
      await blank.write(Buffer.alloc(SEGMENT_BYTES));
      await blank.sync();
      await blank.close();
      const segment = new LogSegment(path, await open(path, constants.O_RDWR | constants.O_DSYNC), 0n);
      await segment.renew();
      return segment;
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path });
    }
  }

  /** True when a record of so many bytes can be taken. */
  fits(bytes: number): boolean {
    return this.#end + RECORD_HEADER + bytes <= SEGMENT_BYTES;
  }

  /** True when it has no records. */
  get empty(): boolean {
    return this.#end === HEADER_BYTES;
  }

  /**
   * Writes records that fit; durable when it resolves.
   * @returns where the objects stand in the file
   * @throws ScannerError data.disk; then none of them counts
   */
  async append(records: readonly LogRecord[]): Promise<Logged[]> {
    const parts = records.flatMap((record) => [this.#headerOf(record), record.part10]);
    const bytes = Buffer.concat(parts);
    await this.#write(bytes, this.#end);
    let at = this.#end;
    this.#end += bytes.length;
    return records.map(({ part10: { length } }) => {
      const offset = at + RECORD_HEADER;
      at = offset + length;
      return { segment: this, offset, length };
    });
  }

  /** The bytes of an object. @throws ScannerError data.disk */
  async read(offset: number, length: number): Promise<Buffer> {
    try {
      const bytes = Buffer.allocUnsafe(length);
      await this.handle.read(bytes, 0, length, offset);
      return bytes;
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: this.path });
    }
  }

  /** Forgets all records: a new generation. @throws ScannerError data.disk */
  async renew(): Promise<void> {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(MAGIC, 0);
    header.writeBigUInt64LE(this.#generation + 1n, 8);
    await this.#write(header, 0);
    this.#generation += 1n;
    this.#end = HEADER_BYTES;
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  async #write(bytes: Buffer, position: number): Promise<void> {
    try {
      if (bytes.length <= AT_ONCE_BYTES && this.#lastMs < AT_ONCE_MS) return this.#writeAtOnce(bytes, position);
      this.#lastMs = 0;
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: this.path });
    }
  }

  #writeAtOnce(bytes: Buffer, position: number): void {
    const started = performance.now();
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.handle.fd, bytes, done, bytes.length - done, position + done);
    }
    this.#lastMs = performance.now() - started;
  }

  #headerOf({ part10, checksum, storedAt }: LogRecord): Buffer {
    const header = Buffer.alloc(RECORD_HEADER);
    header.writeUInt32LE(MAGIC, 0);
    header.writeUInt32LE(part10.length, 4);
    header.writeBigUInt64LE(this.#generation, 8);
    header.writeDoubleLE(storedAt, 16);
    header.write(checksum, 24, 'hex');
    return header;
  }
}

/** The records of a segment's file, as far as they are of its generation. */
export function* recordsOf(bytes: Buffer): Generator<LogRecord> {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return;
  const generation = bytes.readBigUInt64LE(8);
  for (let at = HEADER_BYTES; at + RECORD_HEADER <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    const start = at + RECORD_HEADER;
    if (bytes.readUInt32LE(at) !== MAGIC || bytes.readBigUInt64LE(at + 8) !== generation) return;
    if (start + length > bytes.length) return;
    yield {
      part10: bytes.subarray(start, start + length),
      checksum: bytes.toString('hex', at + 24, at + 56),
      storedAt: bytes.readDoubleLE(at + 16),
    };
    at = start + length;
  }
}
