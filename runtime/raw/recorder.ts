/** Writes what the detectors send into files, one set a CT scan or PET frame, and hands out `RawSet`s when a range is done. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Subscription } from 'rxjs';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Chain } from '../../hal/contract/chain.js';
import type { CtReadingBlock } from '../../hal/contract/ctdetector.js';
import { type ListModeBlock, PET_RINGS } from '../../hal/contract/petrings.js';
import type { Acquisition, FrameRecord } from '../acquire/acquisition.js';
import type { Injection } from '../exam/exam.js';
import { patientZ } from '../protocol/geometry.js';
import type { CtRange, TopogramRange } from '../protocol/plan.js';
import { RawFile } from './rawfile.js';
import { ctHeader, listmodeHeader, SINGLES_SCALE } from './rawheader.js';
import type { RawSet } from './rawset.js';

interface CtOpen {
  data: RawFile;
  index: RawFile;
  readings: number;
  rows: number;
  channels: number;
}

interface ListOpen {
  data: RawFile;
  words: number;
  prompts: number;
  delayeds: number;
  /** Of the singles tags: sum of their values, and how many. */
  singles: number;
  singlesTags: number;
}

export interface RecorderOptions {
  /** Where the files go; made if it is not there. */
  folder: string;
  chain: Chain;
  clock: Clock;
  landmarkMm: number;
  injection?: Injection;
}

/** Nothing arrived for this long (wall ms) although more was announced: it is lost. */
const ARRIVAL_SILENCE_MS = 30_000;

/** Top two bits of an event word: 01 prompt, 00 delayed. */
const PROMPT = 1;
const DELAYED = 0;
/** Top three bits of a singles tag; its lower 19 bits are counts a second of a block, scaled. */
const SINGLES = 0b101;
const SINGLES_VALUE = 0x7_ffff;

export class RawRecorder {
  readonly #options: RecorderOptions;
  readonly #arrivals = new Set<() => void>();
  readonly #ct = new Map<number, CtOpen>();
  readonly #lists = new Map<number, ListOpen>();
  readonly #subscriptions: Subscription[];
  /** By scan or frame: an interrupted attempt's data may end in a gap, which is no concern of the next. */
  readonly #failed = new Map<number, ScannerError>();

  private constructor(options: RecorderOptions) {
    const { chain } = options;
    this.#options = options;
    this.#subscriptions = [
      chain.ctdetector.readings$.subscribe((block) => this.#guard(block.scanId, () => this.#readings(block))),
      chain.petrings.words$.subscribe((block) => this.#guard(block.frameId, () => this.#words(block))),
    ];
  }

  static async open(options: RecorderOptions): Promise<RawRecorder> {
    await mkdir(options.folder, { recursive: true });
    return new RawRecorder(options);
  }

  /** The raw set of a CT range. @throws ScannerError data.disk, data.missing, data.truncated */
  async finishCt(acquisition: Acquisition, range: TopogramRange | CtRange): Promise<RawSet> {
    const scanId = acquisition.exposure?.scanId ?? -1;
    const expected = acquisition.exposure?.readings ?? 0;
    await this.#arrived(scanId, range.label, expected, () => this.#ct.get(scanId)?.readings ?? 0);
    const open = this.#ct.get(scanId);
    if (!open) throw new ScannerError('data.missing', { what: `CT readings of scan ${scanId} (${range.label})` });
    this.#ct.delete(scanId);
    const [data] = await Promise.all([open.data.finish(), open.index.finish()]);
    const { readings, rows, channels } = open;
    const ct = { readings, rows, channels, rowPitchMm: range.rowPitchMm, indexFile: open.index.path };
    const { examId, rangeId, startedAt, exposure } = acquisition;
    return {
      examId,
      rangeId,
      kind: 'ct',
      bed: 0,
      frame: 0,
      file: open.data.path,
      ...data,
      header: ctHeader(range, acquisition, ct),
      startedAt,
      seconds: exposure?.seconds ?? 0,
      ct,
    };
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    const left = [...this.#ct.values()].flatMap((open) => [open.data, open.index]);
    await Promise.all([...left, ...[...this.#lists.values()].map((open) => open.data)].map((file) => file.abandon()));
  }

  /** The raw set of one PET frame; notes its counts in `frame`. */
  async finishFrame(acquisition: Acquisition, frame: FrameRecord): Promise<RawSet> {
    const what = `list mode of bed ${frame.bed + 1}`;
    await this.#arrived(frame.frameId, what, frame.words, () => this.#lists.get(frame.frameId)?.words ?? 0);
    const open = this.#lists.get(frame.frameId);
    if (!open) throw new ScannerError('data.missing', { what });
    this.#lists.delete(frame.frameId);
    const data = await open.data.finish();
    const { words, prompts, delayeds, singles, singlesTags } = open;
    frame.prompts = prompts;
    frame.delayeds = delayeds;
    // the blocks are polled in turn: their mean stands for all, also in a frame too short for every one
    frame.singlesPerSecond = singlesTags ? (singles / singlesTags) * SINGLES_SCALE * PET_RINGS.singlesBlocks : 0;
    const { examId, rangeId } = acquisition;
    return {
      examId,
      rangeId,
      kind: 'listmode',
      bed: frame.bed,
      frame: frame.frame,
      file: open.data.path,
      ...data,
      header: listmodeHeader(frame, open.data.path, this.#options.landmarkMm, this.#options.injection),
      startedAt: frame.startedAt,
      seconds: frame.seconds,
      listmode: { words, prompts, delayeds, centreZ: frame.centreZ },
    };
  }

  #readings(block: CtReadingBlock): void {
    const { scanId, rows, channels } = block;
    let open = this.#ct.get(scanId);
    if (!open) {
      const at = join(this.#options.folder, `ct-${scanId}`);
      open = { data: new RawFile(`${at}.raw`), index: new RawFile(`${at}.index`), readings: 0, rows, channels };
      this.#ct.set(scanId, open);
    }
    if (block.first !== open.readings) {
      throw new ScannerError('data.truncated', {
        what: `CT scan ${scanId}`,
        got: open.readings,
        expected: block.first,
      });
    }
    const index = new Float64Array(3 * block.count);
    for (let i = 0; i < block.count; i++) {
      index[3 * i] = block.angles[i]!;
      index[3 * i + 1] = patientZ(block.tableMm[i]!, this.#options.landmarkMm);
      index[3 * i + 2] = block.tubeMa[i]!;
    }
    open.index.append(bytesOf(index));
    open.data.append(bytesOf(block.words));
    open.readings += block.count;
  }

  #words(block: ListModeBlock): void {
    let open = this.#lists.get(block.frameId);
    if (!open) {
      open = {
        data: new RawFile(join(this.#options.folder, `lm-${block.frameId}.l`)),
        words: 0,
        prompts: 0,
        delayeds: 0,
        singles: 0,
        singlesTags: 0,
      };
      this.#lists.set(block.frameId, open);
    }
    if (block.first !== open.words) {
      throw new ScannerError('data.truncated', {
        what: `list mode of frame ${block.frameId}`,
        got: open.words,
        expected: block.first,
      });
    }
    for (const word of block.words) {
      const top = word >>> 30;
      if (top === PROMPT) open.prompts++;
      else if (top === DELAYED) open.delayeds++;
      else if (word >>> 29 === SINGLES) {
        open.singles += word & SINGLES_VALUE;
        open.singlesTags++;
      }
    }
    open.data.append(bytesOf(block.words));
    open.words += block.words.length;
  }

  #guard(id: number, act: () => void): void {
    if (this.#failed.has(id)) return;
    try {
      act();
    } catch (thrown) {
      this.#failed.set(id, asScannerError(thrown));
    }
    for (const look of this.#arrivals) look();
  }

  /** Bulk data travel beside the event that says how much was sent: waits until that much is here. */
  async #arrived(id: number, what: string, expected: number, got: () => number): Promise<void> {
    const { wall } = this.#options.clock;
    for (let last = -1; got() < expected; ) {
      this.#check(id);
      if (got() === last) throw new ScannerError('data.truncated', { what, got: last, expected });
      last = got();
      await new Promise<void>((resolve) => {
        const done = () => {
          timer.cancel();
          this.#arrivals.delete(look);
          resolve();
        };
        const look = () => (got() >= expected || this.#failed.has(id)) && done();
        const timer = wall.after(ARRIVAL_SILENCE_MS, done);
        this.#arrivals.add(look);
      });
    }
    this.#check(id);
  }

  #check(id: number): void {
    const failure = this.#failed.get(id);
    if (failure) throw failure;
  }
}

function bytesOf(array: Uint16Array | Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
