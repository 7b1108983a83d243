import type { TimerHandle } from '../../hal/base/clock.js';
import { readTable } from '../../hal/base/table.js';
import type { WordBlock } from '../../hal/wire/blocks.js';
import { BlockHealth } from './blocks.js';
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
  type WireValue,
} from './board.js';
import type { Sink } from './ctdetector.js';
import { insertTags, type Tag } from './listmode.js';

interface PetRingsTable {
  identity: ModelIdentity;
  energyWindowKeV: [number, number];
  lowerKeV: [number, number];
  upperKeV: [number, number];
  frameSeconds: [number, number];
  sliceMs: number;
  rWaveWord: number;
  respiratoryTriggerWord: number;
  failedBlocksEndFrame: number;
}

const FIRMWARE: PetRingsTable = readTable(import.meta.url, './petrings.json');

/** A slice of a frame to be computed. */
export interface PetSliceRequest {
  frameId: number;
  /** Scanner ms at which the frame began; the slice is `startSeconds` later and `seconds` long. */
  frameStartMs: number;
  startSeconds: number;
  seconds: number;
  /** Table travel in the middle of the slice, mm, device axis. */
  tableMm: number;
  lowerKeV: number;
  upperKeV: number;
  /** Indices of blocks that count nothing. */
  failedBlocks: readonly number[];
  signal: AbortSignal;
}

export interface PetSlice {
  /** List-mode words in time order; time tags count ms from the start of the frame. */
  words: Uint32Array;
  prompts: number;
  delayeds: number;
  singles: number;
}

export interface PetPhysics {
  slice(request: PetSliceRequest): Promise<PetSlice>;
}

export interface PetRingsOptions extends BoardOptions {
  table: { horizontalAt(ms: number): number };
  physics: PetPhysics;
  sink: Sink<WordBlock>;
}

interface Frame {
  id: number;
  startMs: number;
  /** Length, s: as ordered, cut when the frame ends early. */
  seconds: number;
  /** Whole ms of data computed so far. */
  doneMs: number;
  ended: boolean;
  words: number;
  tags: Tag[];
  busy: boolean;
  cancel: AbortController;
}

interface Rates {
  singlesPerSecond: number;
  promptsPerSecond: number;
  delayedsPerSecond: number;
}

const NO_RATES: Rates = { singlesPerSecond: 0, promptsPerSecond: 0, delayedsPerSecond: 0 };

/** PET detector rings: frames by their own timer, list-mode words computed slice by slice, trigger tags, block health. */
export class PetRingsBoard extends Board {
  readonly name = 'petrings';
  readonly identity = FIRMWARE.identity;
  readonly #options: PetRingsOptions;
  readonly #health = new BlockHealth();
  #window: readonly [number, number] = FIRMWARE.energyWindowKeV;
  #frame: Frame | undefined;
  #lastFrameId = 0;
  #lastSeconds = 0;
  #rates: Rates = NO_RATES;
  #wake: TimerHandle | undefined;
  #timer: TimerHandle | undefined;

  constructor(options: PetRingsOptions) {
    super(options);
    this.#options = options;
    this.lines.rWave.watch((_count, ms) => this.#tag(FIRMWARE.rWaveWord, ms));
    this.lines.respiratoryTrigger.watch((_count, ms) => this.#tag(FIRMWARE.respiratoryTriggerWord, ms));
  }

  protected readonly handlers: Readonly<Record<string, Handler>> = {
    setEnergyWindow: ({ lowerKeV, upperKeV }) => this.#setEnergyWindow(Number(lowerKeV), Number(upperKeV)),
    start: ({ frameId, seconds }) => this.#start(Number(frameId), Number(seconds)),
    stop: () => {
      const at = this.agenda.now();
      if (this.#frame && !this.#frame.ended) this.#end(at, 'host');
      return ACCEPTED;
    },
  };

  readState(): WireRecord {
    const at = this.agenda.now();
    const frame = this.#frame;
    return {
      phase: frame ? (frame.ended ? 'draining' : 'acquiring') : 'idle',
      frameId: frame?.id ?? this.#lastFrameId,
      elapsed: frame ? Math.min(frame.seconds, (at - frame.startMs) / 1000) : this.#lastSeconds,
      ...this.#rates,
      lowerKeV: this.#window[0],
      upperKeV: this.#window[1],
      blocksFailed: this.#health.failed.length,
      hottestBlockCelsius: this.#health.hottest(),
    };
  }

  override read(name: string): WireValue {
    if (name === 'blockStatus') return this.#health.status();
    if (name === 'blockTemperatures') return this.#health.temperatures();
    return super.read(name);
  }

  /** A block stops counting; too many of them end the frame. */
  failBlock(block: number): void {
    this.#health.fail(block);
    this.emergency('blockFailure', `block ${block} counts nothing`);
    if (this.#health.failed.length < FIRMWARE.failedBlocksEndFrame) return;
    if (this.#frame && !this.#frame.ended) this.#end(this.agenda.now(), 'fault');
  }

  repairBlocks(): void {
    this.#health.repair();
    this.changed();
  }

  setBlockTemperature(block: number, celsius: number): void {
    if (this.#health.heat(block, celsius)) this.emergency('overTemperature', `block ${block}: ${celsius} degC`);
    else this.changed();
  }

  protected reset(_atMs: number): void {
    this.#frame?.cancel.abort();
    this.#frame = undefined;
    this.#window = FIRMWARE.energyWindowKeV;
    this.#lastFrameId = 0;
    this.#lastSeconds = 0;
    this.#rates = NO_RATES;
  }

  #setEnergyWindow(lower: number, upper: number): ModelReply {
    if (this.#frame) return refuse('busy', 'a frame is not finished');
    if (!inRange(lower, FIRMWARE.lowerKeV) || !inRange(upper, FIRMWARE.upperKeV))
      return refuse(
        'outOfRange',
        `lower ${FIRMWARE.lowerKeV.join(' to ')}, upper ${FIRMWARE.upperKeV.join(' to ')} keV`,
      );
    this.#window = [lower, upper];
    return ACCEPTED;
  }

  #start(id: number, seconds: number): ModelReply {
    if (this.#frame) return refuse('busy', `frame ${this.#frame.id} is not finished`);
    if (!inRange(seconds, FIRMWARE.frameSeconds))
      return refuse('outOfRange', `seconds: ${FIRMWARE.frameSeconds.join(' to ')}`);
    const at = this.agenda.now();
    this.#frame = {
      id,
      startMs: at,
      seconds,
      doneMs: 0,
      ended: false,
      words: 0,
      tags: [],
      busy: false,
      cancel: new AbortController(),
    };
    this.plan(at, () => this.emit('frameStarted', at, { frameId: id }));
    this.#timer = this.plan(at + seconds * 1000, (ms) => this.#end(ms, 'time'));
    this.#pump();
    return ACCEPTED;
  }

  #end(at: number, reason: 'time' | 'host' | 'fault'): void {
    const frame = this.#frame!;
    this.#timer?.cancel();
    frame.ended = true;
    if (reason !== 'time') frame.seconds = (at - frame.startMs) / 1000;
    this.#lastFrameId = frame.id;
    this.#lastSeconds = frame.seconds;
    this.emit('frameEnded', at, { frameId: frame.id, reason, seconds: frame.seconds });
    this.#pump();
  }

  #tag(word: number, at: number): void {
    if (!this.#frame || this.#frame.ended) return;
    this.#frame.tags.push({ ms: Math.floor(at - this.#frame.startMs), word });
  }

  /** Computes and sends the next slice when it is over; comes back when that is done or due. */
  #pump(): void {
    const now = this.agenda.now(); // first: an overdue end of the frame happens in here, and pumps too
    const frame = this.#frame;
    if (!frame || frame.busy) return;
    this.#wake?.cancel();
    // data come in whole milliseconds, as the time tags do: the rest of a frame cut short is not sent
    const to = Math.min(Math.floor(frame.seconds * 1000 + 1e-6), frame.doneMs + FIRMWARE.sliceMs);
    const due = frame.startMs + to;
    if (!frame.ended && (to <= frame.doneMs || now < due)) {
      if (to > frame.doneMs) this.#wake = this.plan(due, () => this.#pump());
      return;
    }
    if (to <= frame.doneMs) {
      this.#drained(frame);
      return;
    }
    frame.busy = true;
    this.#produce(frame, frame.doneMs, to).then(
      () => {
        frame.busy = false;
        if (this.#frame === frame) this.#pump();
      },
      (error: unknown) => this.#failed(frame, error),
    );
  }

  /** @param from, to ms of the frame */
  async #produce(frame: Frame, from: number, to: number): Promise<void> {
    const { physics, sink, table } = this.#options;
    const seconds = (to - from) / 1000;
    const slice = await physics.slice({
      frameId: frame.id,
      frameStartMs: frame.startMs,
      startSeconds: from / 1000,
      seconds,
      tableMm: table.horizontalAt(frame.startMs + (from + to) / 2),
      lowerKeV: this.#window[0],
      upperKeV: this.#window[1],
      failedBlocks: this.#health.failed,
      signal: frame.cancel.signal,
    });
    if (frame.cancel.signal.aborted) return;
    this.#rates = {
      singlesPerSecond: slice.singles / seconds,
      promptsPerSecond: slice.prompts / seconds,
      delayedsPerSecond: slice.delayeds / seconds,
    };
    const late = frame.tags.findIndex((tag) => tag.ms >= to);
    const words = insertTags(slice.words, frame.tags.splice(0, late < 0 ? frame.tags.length : late));
    await sink({ frameId: frame.id, first: frame.words, words });
    frame.words += words.length;
    frame.doneMs = to;
    this.changed();
  }

  #drained(frame: Frame): void {
    this.#frame = undefined;
    this.#rates = NO_RATES;
    this.emit('drained', this.agenda.now(), { frameId: frame.id, words: frame.words });
  }

  #failed(frame: Frame, error: unknown): void {
    const now = this.agenda.now();
    if (this.#frame !== frame) return;
    if (!frame.ended) this.#end(now, 'fault');
    this.#frame = undefined;
    this.emergency('readoutOverflow', `words from ${frame.words} on are lost: ${String(error)}`);
  }
}
