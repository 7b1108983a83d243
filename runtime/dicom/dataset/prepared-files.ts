import { mkdir, open, readdir, readFile, rm, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, TimerHandle } from '../../../hal/base/clock.js';
import { asScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { Millisecond } from '../../../hal/base/units.js';
import { makeUid } from './uid.js';

/** When none was asked for in so long a burst is over, and new ones are made. */
const IDLE_MS: Millisecond = 300;
/** After so long without a burst they give their room back. */
const UNUSED_MS: Millisecond = 600_000;
/** Lengths are multiples of this, so that objects of a series find files that fit, bytes. */
const STEP_BYTES = 64 * 1024;
/** Larger objects get no files: what making one costs hardly counts beside their bytes. */
const MAX_FILE_BYTES = 4 << 20;
/** Made with one sync of their folder. */
const GROUP = 16;

/** Where an archive has them. */
export const PREPARED_FOLDER = 'prepared';

export interface PreparedFilesOptions {
  /** Theirs alone, on the disk where the objects go. */
  folder: string;
  /** Bytes of all of them; 0 makes none. */
  maxBytes: number;
  clock: Clock;
  log: Log;
}

export interface PreparedFile {
  path: string;
  /** Its length, all zeros. */
  bytes: number;
}

/**
 * Files whose blocks are on the disk before there is anything to put in them: to make one durable then costs the write of its content
 * alone, and neither the file system's journal nor new memory. There are as many as the last burst of objects asked for, made when it
 * is over; a burst that is longer goes on without.
 */
export class PreparedFiles {
  readonly #options: PreparedFilesOptions;
  #ready: PreparedFile[] = [];
  #asked = 0;
  #wanted = 0;
  #largest = 0;
  #fileBytes = 0;
  #timer: TimerHandle | undefined;
  #making: Promise<void> | undefined;
  #closed = false;

  constructor(options: PreparedFilesOptions) {
    this.#options = options;
  }

  /** How many stand ready. */
  get count(): number {
    return this.#ready.length;
  }

  /** One of them, which is the caller's from now on; undefined when there is none. */
  take(): PreparedFile | undefined {
    if (this.#options.maxBytes === 0 || this.#closed) return undefined;
    this.#asked++;
    this.#after(IDLE_MS, () => this.#refill());
    return this.#ready.pop();
  }

  /** Takes one back that nothing was written to. */
  giveBack(file: PreparedFile): void {
    if (this.#closed) void this.#remove([file]);
    else this.#ready.push(file);
  }

  /** Tells how long an object has become, whether its file was prepared or not. */
  used(bytes: number): void {
    if (bytes + STEP_BYTES / 2 <= MAX_FILE_BYTES) this.#largest = Math.max(this.#largest, bytes);
    else this.#asked = Math.max(0, this.#asked - 1);
  }

  /** Resolves when none is being made. */
  async settled(): Promise<void> {
    await this.#making;
  }

  /** Removes those that stand ready. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#making;
    await this.#remove(this.#ready.splice(0));
  }

  #after(ms: Millisecond, act: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.wall.after(ms, act);
  }

  #refill(): void {
    const { maxBytes } = this.#options;
    if (this.#largest > 0) {
      // half a step at least for what stands behind the content
      this.#fileBytes = Math.ceil((this.#largest + STEP_BYTES / 2) / STEP_BYTES) * STEP_BYTES;
      this.#wanted = Math.min(this.#asked, Math.floor(maxBytes / this.#fileBytes));
    }
    this.#asked = 0;
    this.#largest = 0;
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
      if (this.#asked === 0 && !this.#closed) this.#after(UNUSED_MS, () => void this.#remove(this.#ready.splice(0)));
    });
  }

  /** Goes on until there are as many as wanted, or somebody asks for one. Never rejects. */
  async #make(): Promise<void> {
    const { folder, log } = this.#options;
    try {
      await mkdir(folder, { recursive: true });
      const fits = this.#ready.filter(({ bytes }) => bytes === this.#fileBytes);
      await this.#remove(this.#ready.filter(({ bytes }) => bytes !== this.#fileBytes));
      this.#ready = fits;
      const zeros = Buffer.alloc(this.#fileBytes);
      while (this.#ready.length < this.#wanted && this.#asked === 0 && !this.#closed) {
        const count = Math.min(GROUP, this.#wanted - this.#ready.length);
        const made = await Promise.all(Array.from({ length: count }, () => makeFile(folder, zeros)));
        await syncFolder(folder);
        this.#ready.push(...made);
      }
    } catch (error) {
      this.#wanted = 0;
      log.warn({ folder, error: asScannerError(error).message }, 'no files are prepared for objects: they take longer');
    }
  }

  async #remove(files: readonly PreparedFile[]): Promise<void> {
    await Promise.all(files.map(({ path }) => unlink(path).catch(() => undefined)));
  }
}

async function makeFile(folder: string, zeros: Buffer): Promise<PreparedFile> {
  const path = join(folder, `${makeUid().slice(-16)}.ready`);
  const handle = await open(path, 'wx');
  try {
    await handle.write(zeros, 0, zeros.length, 0);
    await handle.sync();
  } catch (error) {
    await unlink(path);
    throw error;
  } finally {
    await handle.close();
  }
  return { path, bytes: zeros.length };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Begin and end of what stands behind the content: native/net/sink.cc. */
const TAIL_BEGIN = 'PETRIGPF';
const TAIL_END = 'FPGR';
const TAIL_BYTES = 24;

/**
 * What a crash left of prepared files: those that hold a whole object are cut to it and stay, the others go.
 * @returns the paths of the whole ones
 * @throws ScannerError data.disk
 */
export async function recoverPrepared(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const whole: string[] = [];
    for (const path of names.map((name) => join(folder, name))) {
      const size = contentBytes(await readFile(path));
      if (size === undefined) {
        await rm(path);
        continue;
      }
      await truncate(path, size);
      whole.push(path);
    }
    return whole;
  } catch (error) {
    throw asScannerError(error, 'data.disk', { path: folder });
  }
}

/** Bytes of the object in a prepared file; undefined when there is none, or not all of it. */
function contentBytes(bytes: Buffer): number | undefined {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  const size = end - TAIL_BYTES;
  if (size < 0 || bytes.toString('latin1', end - 4, end) !== TAIL_END) return undefined;
  if (bytes.toString('latin1', size, size + 8) !== TAIL_BEGIN || bytes.readBigUInt64LE(size + 8) !== BigInt(size)) {
    return undefined;
  }
  return crc32c(bytes.subarray(0, size)) === bytes.readUInt32LE(size + 16) ? size : undefined;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** RFC 3720 appendix B.4. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
