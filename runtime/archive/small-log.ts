import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, TimerHandle } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Millisecond } from '../../hal/base/units.js';
import { makeUid } from '../dicom/dataset/uid.js';
import { syncPath } from './files.js';
import { type Logged, type LogRecord, LogSegment } from './log-segment.js';

/** Segments at a time; an import waits when all hold objects that are not on the disk elsewhere. */
const SEGMENTS = 8;
/** Bytes written at once. */
const GROUP_BYTES = 1 << 20;
/** When nothing came for so long, what the log holds is brought to the disk elsewhere. */
const IDLE_MS: Millisecond = 2000;

export interface SmallLogOptions {
  /** Folder of the segments. */
  folder: string;
  clock: Clock;
  log: Log;
  /** Makes the files durable that were made of the log's objects. */
  sync(): Promise<void>;
}

interface Pending {
  record: LogRecord;
  resolve(logged: Logged): void;
  reject(error: unknown): void;
}

/**
 * An append-only log of small objects: whoever adds one shares a single write to the disk with those that come at the same time.
 * An object leaves it when its file is durable.
 */
export class SmallLog {
  readonly #options: SmallLogOptions;
  #pending: Pending[] = [];
  #writing = false;
  #current: LogSegment | undefined;
  /** Full ones, whose objects are on their way to files. */
  readonly #full = new Set<LogSegment>();
  readonly #free: LogSegment[] = [];
  #releasing: Promise<void> | undefined;
  #idle: TimerHandle | undefined;
  #again: TimerHandle | undefined;
  #room: (() => void)[] = [];

  constructor(options: SmallLogOptions) {
    this.#options = options;
  }

  /** Resolves when the object is durable; `settle` its segment later. @throws ScannerError data.disk */
  append(record: LogRecord): Promise<Logged> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ record, resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  /** True when little of it is left, so that its objects should go to files although more come. */
  get crowded(): boolean {
    return this.#full.size >= SEGMENTS / 2;
  }

  /** The object has its file and its row: the log need not keep it once that file is synced. */
  settle(segment: LogSegment): void {
    segment.open--;
    if (segment.open > 0) return;
    if (this.#full.has(segment)) this.#release();
    else this.#whenIdle();
  }

  /** Brings everything to files and removes the log. Call it when every object is settled. @throws ScannerError data.disk */
  async close(): Promise<void> {
    const segments = await this.#stop();
    if (segments.some(({ empty }) => !empty)) await this.#options.sync();
    for (const segment of segments) {
      await segment.close();
      await unlink(segment.path);
    }
  }

  /** Closes the files and leaves them to the next opening. */
  async abandon(): Promise<void> {
    for (const segment of await this.#stop()) await segment.close();
  }

  async #stop(): Promise<LogSegment[]> {
    this.#idle?.cancel();
    await this.#releasing;
    this.#again?.cancel();
    return [...this.#full, ...this.#free, ...(this.#current ? [this.#current] : [])];
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#pending.length > 0) {
      let group: Pending[] = [];
      try {
        const segment = await this.#segmentFor(this.#pending[0]!.record.part10.length);
        group = this.#takeGroup(segment);
        const logged = await segment.append(group.map(({ record }) => record));
        segment.open += group.length;
        for (const [i, { resolve }] of group.entries()) resolve(logged[i]!);
      } catch (error) {
        for (const { reject } of group.length > 0 ? group : this.#pending.splice(0)) reject(error);
      }
    }
    this.#writing = false;
  }

  /** As many of those who wait as fit the segment and one write. */
  #takeGroup(segment: LogSegment): Pending[] {
    const group: Pending[] = [];
    let bytes = 0;
    for (const pending of this.#pending) {
      const more = pending.record.part10.length + 64;
      if (group.length > 0 && (bytes + more > GROUP_BYTES || !segment.fits(bytes + more))) break;
      group.push(pending);
      bytes += more;
    }
    this.#pending = this.#pending.slice(group.length);
    return group;
  }

  async #segmentFor(bytes: number): Promise<LogSegment> {
    this.#idle?.cancel();
    if (this.#current && !this.#current.fits(bytes)) {
      this.#full.add(this.#current);
      if (this.#current.open === 0) this.#release();
      this.#current = undefined;
    }
    this.#current ??= this.#free.pop() ?? (await this.#make());
    if (!this.#current.fits(bytes))
      throw new ScannerError('limit.size', { what: 'object for the log', value: bytes, max: 0 });
    return this.#current;
  }

  async #make(): Promise<LogSegment> {
    while (this.#full.size >= SEGMENTS && this.#free.length === 0) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    const free = this.#free.pop();
    if (free) return free;
    const { folder } = this.#options;
    try {
      await mkdir(folder, { recursive: true });
      const segment = await LogSegment.create(join(folder, `${makeUid().slice(-12)}.log`));
      await syncPath(folder);
      return segment;
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: folder });
    }
  }

  #whenIdle(): void {
    this.#idle?.cancel();
    this.#idle = this.#options.clock.wall.after(IDLE_MS, () => {
      const segment = this.#current;
      if (this.#writing || !segment || segment.open > 0 || segment.empty) return;
      this.#current = undefined;
      this.#full.add(segment);
      this.#release();
    });
  }

  /** Frees full segments whose objects are all settled, one sync for all of them. */
  #release(): void {
    this.#releasing ??= this.#releaseSettled()
      .then(
        () => this.#releaseLater(0),
        (error: unknown) => {
          this.#options.log.error(
            { error: String(error) },
            'small objects stay in the log: their files are not synced',
          );
          this.#releaseLater(IDLE_MS);
        },
      )
      .finally(() => {
        this.#releasing = undefined;
      });
  }

  /** What was settled meanwhile, or could not be synced. */
  #releaseLater(ms: Millisecond): void {
    if (![...this.#full].some(({ open }) => open === 0)) return;
    this.#again ??= this.#options.clock.wall.after(ms, () => {
      this.#again = undefined;
      this.#release();
    });
  }

  async #releaseSettled(): Promise<void> {
    const settled = [...this.#full].filter(({ open }) => open === 0);
    if (settled.length === 0) return;
    await this.#options.sync();
    for (const segment of settled) {
      await segment.renew();
      this.#full.delete(segment);
      this.#free.push(segment);
    }
    for (const go of this.#room.splice(0)) go();
  }
}
