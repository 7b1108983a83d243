import type { TimerHandle } from '../../hal/base/clock.js';
import { readTable } from '../../hal/base/table.js';
import type { CtBlock } from '../../hal/wire/blocks.js';
import {
  ACCEPTED,
  Board,
  type BoardOptions,
  type Handler,
  inRange,
  type ModelIdentity,
  type ModelReply,
  refuse,
  type WireRecord,
} from './board.js';
import type { Beam } from './lines.js';
import { type CtScan, ReadingGrid } from './readings.js';

interface CtDetectorTable {
  identity: ModelIdentity;
  channels: number;
  collimations: [number, number][];
  readingsPerRotation: [number, number];
  readingsPerSecond: [number, number];
  blockReadings: number;
  temperatureCelsius: number;
  validCelsius: [number, number];
}

const FIRMWARE: CtDetectorTable = readTable(import.meta.url, './ctdetector.json');

/** Consecutive readings to be computed. */
export interface CtProjection {
  scanId: number;
  first: number;
  kv: number;
  rows: number;
  rowPitchMm: number;
  channels: number;
  /** Tube angle at the middle of each reading, rad, not wrapped. */
  angles: Float64Array;
  /** Table travel at the middle of each reading, mm, device axis. */
  tableMm: Float64Array;
  tubeMa: Float64Array;
  /** Tube charge of each reading, mA s. */
  mas: Float64Array;
  /** The beam is still on: the host must not be kept from its heartbeats. */
  beamOn: boolean;
  signal: AbortSignal;
}

/** What the detector sees. @returns [reading][row][channel] words */
export interface CtPhysics {
  project(projection: CtProjection): Promise<Uint16Array>;
}

/** Where bulk data go; resolves when there is room for more. */
export type Sink<T> = (block: T) => Promise<void>;

export interface CtDetectorOptions extends BoardOptions {
  gantry: {
    angleAt(ms: number): number;
    speedAt(ms: number): number;
    timeAtAngle(angle: number, fromMs: number): number | undefined;
  };
  table: { horizontalAt(ms: number): number };
  physics: CtPhysics;
  sink: Sink<CtBlock>;
}

type Phase = 'idle' | 'armed' | 'acquiring' | 'draining';

interface Running {
  scan: CtScan;
  grid: ReadingGrid;
  /** Known once the beam is off. */
  total: number | undefined;
  sent: number;
  busy: boolean;
  cancel: AbortController;
}

/**
 * CT detector: reads out while the beam line is on. What it reads is computed block by block and may lag behind
 * scanner time (`draining`); blocks have fixed bounds, so the data do not depend on how much it lags.
 */
export class CtDetectorBoard extends Board {
  readonly name = 'ctdetector';
  readonly identity = FIRMWARE.identity;
  readonly #options: CtDetectorOptions;
  #phase: Phase = 'idle';
  #armed: CtScan | undefined;
  #scanId = 0;
  #readings = 0;
  #running: Running | undefined;
  #wake: TimerHandle | undefined;
  #celsius = FIRMWARE.temperatureCelsius;

  constructor(options: CtDetectorOptions) {
    super(options);
    this.#options = options;
    this.lines.beam.watch((beam, ms) => this.#onBeam(beam, ms));
  }

  protected readonly handlers: Readonly<Record<string, Handler>> = {
    arm: (args) =>
      this.#arm({
        scanId: Number(args.scanId),
        rows: Number(args.rows),
        rowPitchMm: Number(args.rowPitchMm),
        readingsPerRotation: Number(args.readingsPerRotation),
        readingsPerSecond: Number(args.readingsPerSecond),
      }),
    disarm: () => {
      if (this.#phase === 'acquiring') this.#end(this.agenda.now());
      if (this.#phase === 'armed') this.#phase = 'idle';
      this.#armed = undefined;
      return ACCEPTED;
    },
  };

  readState(): WireRecord {
    const at = this.agenda.now();
    if (this.#phase === 'acquiring') this.#readings = this.#running?.grid.countAt(at) ?? 0;
    return {
      phase: this.#phase,
      scanId: this.#scanId,
      readings: this.#readings,
      temperatureCelsius: this.#celsius,
    };
  }

  /** Temperature control lost, or found again. */
  setTemperature(celsius: number): void {
    this.#celsius = celsius;
    if (inRange(celsius, FIRMWARE.validCelsius)) this.changed();
    else this.emergency('overTemperature', `${celsius} degC: valid ${FIRMWARE.validCelsius.join(' to ')}`);
  }

  protected reset(_atMs: number): void {
    this.#running?.cancel.abort();
    this.#running = undefined;
    this.#armed = undefined;
    this.#phase = 'idle';
    this.#scanId = 0;
    this.#readings = 0;
  }

  #arm(scan: CtScan): ModelReply {
    if (this.#phase !== 'idle') return refuse('busy', this.#phase);
    if (!FIRMWARE.collimations.some(([rows, pitch]) => rows === scan.rows && pitch === scan.rowPitchMm))
      return refuse('outOfRange', `collimations are ${FIRMWARE.collimations.map((c) => c.join(' x ')).join(', ')} mm`);
    if (!inRange(scan.readingsPerRotation, FIRMWARE.readingsPerRotation))
      return refuse('outOfRange', `readings a rotation: ${FIRMWARE.readingsPerRotation.join(' to ')}`);
    if (!inRange(scan.readingsPerSecond, FIRMWARE.readingsPerSecond))
      return refuse('outOfRange', `readings a second: ${FIRMWARE.readingsPerSecond.join(' to ')}`);
    if (!inRange(this.#celsius, FIRMWARE.validCelsius)) return refuse('temperature', `${this.#celsius} degC`);
    this.#armed = scan;
    this.#scanId = scan.scanId;
    this.#readings = 0;
    this.#phase = 'armed';
    return ACCEPTED;
  }

  #onBeam(beam: Beam | undefined, at: number): void {
    if (beam && this.#armed && this.#phase === 'armed') this.#begin(this.#armed, beam, at);
    else if (!beam && this.#phase === 'acquiring') this.#end(at);
  }

  #begin(scan: CtScan, beam: Beam, at: number): void {
    this.#armed = undefined;
    const grid = new ReadingGrid({ scan, beam, startMs: at, gantry: this.#options.gantry });
    this.#running = { scan, grid, total: undefined, sent: 0, busy: false, cancel: new AbortController() };
    this.#phase = 'acquiring';
    this.plan(at, () => this.emit('acquisitionStarted', at, { scanId: scan.scanId }));
    this.#pump();
  }

  #end(at: number): void {
    const running = this.#running;
    if (!running) return;
    running.total = running.grid.countAt(at);
    this.#readings = running.total;
    this.#phase = 'draining';
    this.emit('acquisitionEnded', at, { scanId: this.#scanId, readings: running.total });
    this.#pump();
  }

  /** Computes and sends the next block when it is complete; comes back when that is done or due. */
  #pump(): void {
    const now = this.agenda.now(); // first: an overdue end of the exposure happens in here, and pumps too
    const running = this.#running;
    if (!running || running.busy) return;
    const { grid, total, sent } = running;
    const count = Math.min(FIRMWARE.blockReadings, (total ?? grid.countAt(now)) - sent);
    this.#wake?.cancel();
    if (total === undefined && count < FIRMWARE.blockReadings) {
      const due = grid.endOf(sent + FIRMWARE.blockReadings - 1);
      if (due !== undefined) this.#wake = this.plan(due, () => this.#pump());
      return;
    }
    if (count === 0) {
      this.#drained(running);
      return;
    }
    running.busy = true;
    this.#produce(running, sent, count).then(
      () => {
        running.busy = false;
        running.sent += count;
        if (this.#running === running) this.#pump();
      },
      (error: unknown) => this.#failed(running, error),
    );
  }

  async #produce(running: Running, first: number, count: number): Promise<void> {
    const { scan, grid, cancel } = running;
    const { physics, sink, table } = this.#options;
    const samples = grid.samples(first, count, (ms) => table.horizontalAt(ms));
    const { scanId, rows, rowPitchMm } = scan;
    const { channels } = FIRMWARE;
    const kv = grid.beam.kv;
    const words = await physics.project({
      scanId,
      first,
      kv,
      rows,
      rowPitchMm,
      channels,
      ...samples,
      beamOn: running.total === undefined,
      signal: cancel.signal,
    });
    if (cancel.signal.aborted) return;
    const { angles, tableMm, tubeMa } = samples;
    await sink({ scanId, first, count, rows, channels, angles, tableMm, tubeMa, words });
  }

  #drained(running: Running): void {
    this.#running = undefined;
    this.#phase = 'idle';
    this.emit('drained', this.agenda.now(), { scanId: running.scan.scanId, readings: running.sent });
  }

  #failed(running: Running, error: unknown): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#phase = 'idle';
    this.emergency('readoutOverflow', `readings from ${running.sent} on are lost: ${String(error)}`);
  }
}
