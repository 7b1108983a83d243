/**
 * A simulated write-once disc: an image file, and a record beside it of what a disc knows of itself (its kind, its sessions, how
 * far it has been written). Nothing is ever written below `next`; the one exception are the first 32 sectors, which
 * stand for the table of contents: an image file has none, and xorriso looks there for the newest session.
 */

import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';

export const SECTOR = 2048;
/** Sectors of an image that stand for the table of contents; also the first ones of a session, which hold its descriptors. */
export const TOC_SECTORS = 32;
/** xorriso finds a session of an image at such a boundary only. */
const ALIGNMENT = 32;

export interface MediumKind {
  family: 'cd' | 'dvd';
  sectors: number;
  /** At single speed. */
  sectorsPerSecond: number;
  speeds: number[];
  leadOutFirst: number;
  leadOutNext: number;
  leadIn: number;
  /** Laser power calibrations that the disc has room for. */
  calibrations: number;
}

export type DiscCondition = 'blank' | 'unformatted' | 'closed' | 'foreign' | 'scratched';

interface DriveTable {
  drive: { loadSeconds: number; ejectSeconds: number; calibrationSeconds: number; bufferSectors: number };
  media: Record<string, MediumKind>;
  conditions: Record<DiscCondition, { writable: boolean }>;
  faults: Record<string, { stage: string; text: string; spoils: boolean }>;
}

export const DRIVE_TABLE = readTable<DriveTable>(import.meta.url, './discdrive.json');

/** What the disc knows of itself. */
export interface DiscRecord {
  kind: string;
  condition: DiscCondition;
  /** Serial number, to tell discs apart. */
  serial: string;
  sessions: { start: number; sectors: number }[];
  /** First sector that was never written. */
  next: number;
  /** Sectors taken by lead-outs and lead-ins: the image has no room for them, the disc has. */
  overhead: number;
  calibrations: number;
  /** A session is being written: what a broken one leaves. */
  writing?: { start: number };
  /** A write onto this sector fails. */
  scratchAt?: number;
}

export class SimulatedDisc {
  #written = 0;

  private constructor(
    readonly path: string,
    readonly record: DiscRecord,
    private readonly file: FileHandle,
  ) {}

  /** A new disc of that kind. @throws ScannerError operator.unknown, operator.usage (the file exists) */
  static async make(path: string, kind: string, options: Partial<DiscRecord> & { serial: string }) {
    if (!DRIVE_TABLE.media[kind]) {
      const known = Object.keys(DRIVE_TABLE.media).join(', ');
      throw new ScannerError('operator.unknown', { what: 'medium', name: kind, known });
    }
    const file = await open(path, 'wx+').catch((error: Error) => {
      throw new ScannerError('data.disk', { path, message: error.message }, error);
    });
    const fresh = { kind, condition: 'blank', sessions: [], next: 0, overhead: 0, calibrations: 0 } as const;
    const disc = new SimulatedDisc(path, { ...fresh, ...options, sessions: [] }, file);
    await disc.#save();
    return disc;
  }

  /** An image without a record was made by somebody else: a closed disc. @throws ScannerError data.missing, data.invalid */
  static async open(path: string): Promise<SimulatedDisc> {
    const file = await open(path, 'r+').catch((error: Error) => {
      throw new ScannerError('data.missing', { what: `disc ${path}` }, error);
    });
    try {
      const disc = new SimulatedDisc(path, await recordOf(path), file);
      // its writing broke off with the process: a drive closes what is left of the session
      if (disc.record.writing) await disc.breakOff();
      return disc;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get kind(): MediumKind {
    const kind = DRIVE_TABLE.media[this.record.kind];
    if (!kind) throw new ScannerError('data.invalid', { what: this.path, message: `unknown kind ${this.record.kind}` });
    return kind;
  }

  /** Sectors that another session may have. */
  get free(): number {
    return Math.max(0, this.kind.sectors - this.record.overhead - this.record.next);
  }

  async begin(start: number): Promise<void> {
    const { next } = this.record;
    const first = next === 0 && start === TOC_SECTORS;
    if (start !== next && !first) throw this.#fault(`sector ${start} asked for, the disc goes on at ${next}`, start);
    this.record.writing = { start };
    this.#written = 0;
    await this.#save();
  }

  async noteCalibration(): Promise<void> {
    this.record.calibrations += 1;
    await this.#save();
  }

  /** The session's next sectors: behind all that was written before, and only within the disc. */
  async write(sectors: Buffer): Promise<void> {
    const { writing, scratchAt } = this.record;
    if (!writing) throw this.#fault('no session is open', this.record.next);
    const at = writing.start + this.#written;
    const count = sectors.length / SECTOR;
    if (at + count + this.record.overhead > this.kind.sectors) throw this.#fault('the disc is full', at);
    if (scratchAt !== undefined && scratchAt >= at && scratchAt < at + count) {
      throw this.#fault('write error on a scratch', scratchAt);
    }
    // the session's descriptors come last: an image has nothing else to tell a session that was closed from one that broke off
    const held = Math.max(0, Math.min(count, TOC_SECTORS - this.#written));
    if (held > 0) this.#head.push(sectors.subarray(0, held * SECTOR));
    const rest = sectors.subarray(held * SECTOR);
    if (rest.length > 0) await this.file.write(rest, 0, rest.length, (at + held) * SECTOR);
    this.#written += count;
  }

  readonly #head: Buffer[] = [];

  /** Lead-out: the session is readable from here on. */
  async end(options: { close: boolean; sync: boolean }): Promise<void> {
    const { record, kind } = this;
    const start = record.writing?.start ?? record.next;
    const head = Buffer.concat(this.#head.splice(0));
    const next = Math.ceil((start + this.#written) / ALIGNMENT) * ALIGNMENT;
    await this.file.write(head, 0, head.length, start * SECTOR);
    await this.file.truncate(next * SECTOR);
    if (start > 0) await this.#noteInContents(head, start);
    if (options.sync) await this.file.sync();
    record.overhead += this.#leadOut() + kind.leadIn;
    record.sessions.push({ start, sectors: this.#written });
    record.next = next;
    delete record.writing;
    if (options.close) record.condition = 'closed';
    await this.#save();
  }

  /** The session came to no end: its sectors are lost. */
  async breakOff(): Promise<void> {
    const { record } = this;
    const start = record.writing?.start ?? record.next;
    this.#head.splice(0);
    const { size } = await this.file.stat();
    const reached = Math.max(start + TOC_SECTORS, Math.ceil(size / SECTOR));
    record.overhead += this.#leadOut() + this.kind.leadIn;
    record.next = Math.ceil(reached / ALIGNMENT) * ALIGNMENT;
    delete record.writing;
    await this.file.truncate(record.next * SECTOR);
    await this.#save();
  }

  /** Turns a sector into something else, as a bad spot of the dye does. */
  async spoil(sector: number): Promise<void> {
    await this.file.write(Buffer.alloc(SECTOR, 0xa5), 0, SECTOR, sector * SECTOR);
  }

  close(): Promise<void> {
    return this.file.close();
  }

  #leadOut(): number {
    return this.record.sessions.length === 0 && this.record.overhead === 0
      ? this.kind.leadOutFirst
      : this.kind.leadOutNext;
  }

  /** The newest session's descriptors at the beginning of the image, with the size of the whole volume: as xorriso has them. */
  async #noteInContents(head: Buffer, start: number): Promise<void> {
    const contents = Buffer.from(head);
    const descriptor = 16 * SECTOR;
    if (contents.toString('latin1', descriptor, descriptor + 6) !== '\x01CD001') return;
    const sectors = start + contents.readUInt32LE(descriptor + 80);
    contents.writeUInt32LE(sectors, descriptor + 80);
    contents.writeUInt32BE(sectors, descriptor + 84);
    await this.file.write(contents, 0, contents.length, 0);
  }

  #fault(fault: string, sector: number): ScannerError {
    return new ScannerError('device.burn', { fault, sector });
  }

  async #save(): Promise<void> {
    const path = recordPath(this.path);
    const temporary = `${path}.tmp`;
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(JSON.stringify(this.record));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  }
}

function recordPath(image: string): string {
  return `${image}.disc.json`;
}

async function recordOf(path: string): Promise<DiscRecord> {
  const text = await readFile(recordPath(path), 'utf8').catch(() => undefined);
  if (text !== undefined) {
    try {
      return JSON.parse(text) as DiscRecord;
    } catch (error) {
      throw new ScannerError('data.invalid', { what: recordPath(path), message: 'not JSON' }, error);
    }
  }
  const { size } = await stat(path);
  const sectors = Math.ceil(size / SECTOR);
  const kind = sectors > (DRIVE_TABLE.media['CD-R 700']?.sectors ?? 0) ? 'DVD-R' : 'CD-R 700';
  return { kind, condition: 'closed', serial: path, sessions: [], next: sectors, overhead: 0, calibrations: 0 };
}

/** An empty file becomes a blank disc: what a temporary file of a caller is. */
export async function isNothing(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found && found.size > 0) return false;
  if (found && (await readFile(recordPath(path)).catch(() => undefined)) !== undefined) return false;
  await rm(path, { force: true });
  await rm(recordPath(path), { force: true });
  return true;
}
