/**
 * A simulated CD/DVD recorder: tray, discs, laser power calibration, buffer, write speed, and the faults of
 * `discdrive.json`. What is burned goes into the image file of the disc that lies in it.
 */

import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { type DiscRecord, DRIVE_TABLE, isNothing, SECTOR, SimulatedDisc, TOC_SECTORS } from './disc.js';

export interface DriveOptions {
  clock: Clock;
  /** Uniform 0 to 1, seeded: where faults without a place happen. */
  random: () => number;
  /** Loading, calibrating and writing take as long as a drive needs, in time of the clock. */
  takesTime?: boolean;
  /** Sessions are on the disk of the host when they are told to be on the disc. */
  sync?: boolean;
}

export interface DriveFault {
  /** A row of the table of faults. */
  fault: string;
  /** Sector of the session, with faults of writing; anywhere in it when absent. */
  atSector?: number;
}

export type Tray = 'open' | 'loading' | 'closed';

export class SimulatedDrive {
  readonly name = 'simulated';
  /** Where the first session of a blank disc begins. */
  readonly firstSector = TOC_SECTORS;
  readonly #options: DriveOptions;
  readonly #faults: DriveFault[] = [];
  #tray: Tray = 'closed';
  #disc: SimulatedDisc | undefined;

  constructor(options: DriveOptions) {
    this.#options = options;
  }

  /** As xorriso and genisoimage name the disc. */
  get address(): string {
    return `stdio:${this.path}`;
  }

  /** Where the disc's bytes are read. @throws ScannerError device.refused */
  get path(): string {
    return this.#loaded().path;
  }

  /** The next thing of its stage to go wrong, once. @throws ScannerError operator.unknown */
  inject(fault: DriveFault): void {
    if (!DRIVE_TABLE.faults[fault.fault]) {
      const known = Object.keys(DRIVE_TABLE.faults).join(', ');
      throw new ScannerError('operator.unknown', { what: 'fault of the burner', name: fault.fault, known });
    }
    this.#faults.push(fault);
  }

  /**
   * A hand puts a disc into the tray, which closes. An image that does not exist, or is empty, is a new disc of `kind`.
   * @throws ScannerError data.missing, data.disk, operator.unknown
   */
  async insert(image: string, disc: { kind: string } & Partial<Omit<DiscRecord, 'kind'>>): Promise<void> {
    await this.#disc?.close();
    this.#disc = undefined;
    const { kind, ...rest } = disc;
    const serial = rest.serial ?? Math.floor(this.#options.random() * 2 ** 32).toString(16);
    this.#disc = (await isNothing(image))
      ? await SimulatedDisc.make(image, kind, { ...rest, serial })
      : await SimulatedDisc.open(image);
    await this.load();
  }

  async load(): Promise<void> {
    this.#tray = 'loading';
    await this.#take(DRIVE_TABLE.drive.loadSeconds);
    this.#throwIfDue('tray', 0);
    this.#tray = 'closed';
  }

  /** Opens the tray. The disc lies in it until another one is inserted. */
  async eject(): Promise<void> {
    await this.#take(DRIVE_TABLE.drive.ejectSeconds);
    this.#throwIfDue('tray', 0);
    this.#tray = 'open';
  }

  async status() {
    const disc = this.#tray === 'closed' ? this.#disc : undefined;
    if (!disc) return { tray: this.#tray, medium: 'none' as const };
    const { record, kind, free } = disc;
    const { condition, sessions, serial, next } = record;
    const usable = condition === 'blank' || condition === 'scratched';
    const unwritten = sessions.length === 0 && next === 0;
    const medium = usable ? (unwritten ? ('blank' as const) : ('appendable' as const)) : condition;
    return {
      tray: this.#tray,
      medium,
      kind: record.kind,
      family: kind.family,
      serial,
      capacitySectors: kind.sectors,
      freeSectors: usable ? free : 0,
      nextSector: unwritten ? undefined : next,
      sessionStarts: sessions.map(({ start }) => start),
    };
  }

  /**
   * Writes one session, from the first sector that has not been written.
   * @param order `startSector`, write speed (the disc's highest when absent), and whether to finalise the disc
   * @param chunks of any length; the last sector is filled with zeros
   * @param watch `wrote` is told how many sectors of the session are on the disc
   * @throws ScannerError device.burn, device.refused, timeout.aborted; what was written is lost then, and the rest of the disc usable
   */
  async record(
    order: { startSector: number; speed?: number; close: boolean },
    chunks: AsyncIterable<Uint8Array>,
    watch: { signal?: AbortSignal; wrote?: (sectors: number) => void } = {},
  ): Promise<void> {
    const disc = this.#loaded();
    const { condition, calibrations } = disc.record;
    if (!DRIVE_TABLE.conditions[condition].writable) throw refused('record', `the disc is ${condition}`);
    await this.#calibrate(disc, calibrations);
    await disc.begin(order.startSector);
    try {
      const sectors = await this.#write(disc, order.speed, chunks, watch);
      this.#throwIfDue('leadOut', sectors);
      await this.#leadOut(disc, order.speed);
      await disc.end({ close: order.close, sync: this.#options.sync ?? true });
      const bad = this.#due('after', sectors);
      const spread = Math.floor(this.#options.random() * Math.max(1, sectors - TOC_SECTORS));
      if (bad) await disc.spoil(order.startSector + (bad.atSector ?? TOC_SECTORS + spread));
    } catch (error) {
      if (disc.record.writing) await disc.breakOff();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#disc?.close();
    this.#disc = undefined;
  }

  async #write(
    disc: SimulatedDisc,
    asked: number | undefined,
    chunks: AsyncIterable<Uint8Array>,
    { signal, wrote }: { signal?: AbortSignal; wrote?: (sectors: number) => void },
  ): Promise<number> {
    const rate = disc.kind.sectorsPerSecond * speedOf(disc, asked);
    const fault = this.#due('writing', Number.POSITIVE_INFINITY);
    const spread = Math.floor(this.#options.random() * 1024);
    const faultAt = fault ? (fault.atSector ?? spread) : Number.POSITIVE_INFINITY;
    let sectors = 0;
    let dueAt = this.#options.clock.now();
    for await (const block of blocksOf(chunks)) {
      if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'burning' });
      const count = block.length / SECTOR;
      if (fault && sectors + count > faultAt) {
        const whole = Math.max(0, faultAt - sectors);
        await disc.write(block.subarray(0, whole * SECTOR));
        throw burnError(fault.fault, disc.record.writing!.start + faultAt);
      }
      this.#checkBuffer(dueAt, rate, disc.record.writing!.start + sectors);
      await disc.write(block);
      sectors += count;
      wrote?.(sectors);
      dueAt = Math.max(dueAt, this.#options.clock.now()) + (count / rate) * 1000;
      if (this.#options.takesTime) await this.#until(dueAt - (DRIVE_TABLE.drive.bufferSectors / rate) * 1000);
    }
    // a fault of a place that the session did not reach happens at its end
    if (fault) throw burnError(fault.fault, disc.record.writing!.start + sectors);
    return sectors;
  }

  /** The laser does not wait: an empty buffer ends the session. */
  #checkBuffer(dueAt: number, rate: number, sector: number): void {
    if (!this.#options.takesTime) return;
    // what the clock does not resolve counts as one buffer
    const patience = (DRIVE_TABLE.drive.bufferSectors / rate) * 1000 + 100 * this.#options.clock.speed;
    if (sector > 0 && this.#options.clock.now() > dueAt + patience) throw burnError('underrun', sector);
  }

  async #calibrate(disc: SimulatedDisc, done: number): Promise<void> {
    if (done >= disc.kind.calibrations) throw refused('record', 'the disc has no room for another power calibration');
    await disc.noteCalibration();
    await this.#take(DRIVE_TABLE.drive.calibrationSeconds);
    this.#throwIfDue('calibration', 0);
  }

  async #leadOut(disc: SimulatedDisc, asked: number | undefined): Promise<void> {
    const { kind } = disc;
    const sectors = (disc.record.sessions.length === 0 ? kind.leadOutFirst : kind.leadOutNext) + kind.leadIn;
    await this.#take(sectors / (kind.sectorsPerSecond * speedOf(disc, asked)));
  }

  #loaded(): SimulatedDisc {
    if (this.#tray === 'closed' && this.#disc) return this.#disc;
    throw refused('record', this.#tray === 'closed' ? 'there is no disc in it' : `the tray is ${this.#tray}`);
  }

  /** A fault that was injected for this stage; it happens once. */
  #due(stage: string, reach: number): DriveFault | undefined {
    const index = this.#faults.findIndex(({ fault }) => DRIVE_TABLE.faults[fault]?.stage === stage);
    return index < 0 || reach < 0 ? undefined : this.#faults.splice(index, 1)[0];
  }

  #throwIfDue(stage: string, sector: number): void {
    const fault = this.#due(stage, sector);
    if (fault) throw burnError(fault.fault, sector);
  }

  #take(seconds: number): Promise<void> {
    return this.#options.takesTime ? this.#until(this.#options.clock.now() + seconds * 1000) : Promise.resolve();
  }

  #until(ms: number): Promise<void> {
    const left = ms - this.#options.clock.now();
    return left <= 0 ? Promise.resolve() : new Promise((resolve) => this.#options.clock.after(left, resolve));
  }
}

/** The highest speed of the disc that is not above the one that was asked for. */
function speedOf({ kind }: SimulatedDisc, asked = Number.POSITIVE_INFINITY): number {
  return kind.speeds.filter((speed) => speed <= asked).at(-1) ?? kind.speeds[0] ?? 1;
}

/** Whole sectors, some 64 kB at a time. */
async function* blocksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk);
    const whole = rest.length - (rest.length % SECTOR);
    if (whole > 0) yield rest.subarray(0, whole);
    rest = rest.subarray(whole);
  }
  if (rest.length > 0) yield Buffer.concat([rest, Buffer.alloc(SECTOR - rest.length)]);
}

function burnError(fault: string, sector: number): ScannerError {
  return new ScannerError('device.burn', { fault: DRIVE_TABLE.faults[fault]?.text ?? fault, sector });
}

function refused(command: string, reason: string): ScannerError {
  return new ScannerError('device.refused', { device: 'burner', command, reason });
}
