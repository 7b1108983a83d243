/** The cameras of the site and the films that wait for them. */

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Observable } from 'rxjs';
import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { FilmCameraState } from '../../hal/contract/filmcamera.js';
import type { FilmQueueContext } from '../../machines/film.types.js';
import { RecordStore, restore } from '../../machines/persist.js';
import type { Archive } from '../archive/archive.js';
import { TurnByKey } from '../archive/turn-by-key.js';
import { CameraDriver } from './camera-driver.js';
import type { CameraSettings } from './camera-settings.js';
import { type FilmChange, FilmChanges } from './film-changes.js';
import { type FilmJob, type FilmJobRecord, type FilmRequest, filmJobOf, isOver } from './film-job.js';
import { accepted, type PrintingParts, tellFilms } from './film-printing.js';
import { type CameraReport, FilmQueue } from './film-queue.js';
import { FilmStore } from './film-store.js';
import { mustSuit } from './suitable.js';

export interface FilmQueuesOptions {
  /** Films and the state of queues are kept there. */
  folder: string;
  /** The default one first. */
  cameras: readonly CameraSettings[];
  callingAe: string;
  archive: Pick<Archive, 'putFacts'>;
  /** The examination that made a study, if one of ours did. */
  examOf?(studyInstanceUid: string): string | undefined;
  clock: Clock;
  log: Log;
  /** Of the drivers and the queues, where the statement's are not wanted: wall ms. */
  keepOpenMs?: number;
  statusEveryMs?: number;
  firstPauseMs?: number;
  attemptLimit?: number;
}

/** What to do with a film that the camera was told to print and did not answer for. */
export type Doubt = 'print' | 'skip';

export class FilmQueues {
  /** Jobs whose state or count changed, and cameras. */
  readonly changes$: Observable<FilmChange>;
  readonly #changes = new FilmChanges();
  readonly #parts: PrintingParts;
  readonly #examOf: (studyInstanceUid: string) => string | undefined;
  readonly #queues = new Map<string, FilmQueue>();
  readonly #turns = new TurnByKey();

  private constructor(parts: PrintingParts, examOf: FilmQueuesOptions['examOf']) {
    this.#parts = parts;
    this.#examOf = examOf ?? (() => undefined);
    this.changes$ = this.#changes.changes$;
  }

  /** Takes up what an earlier process left. @throws ScannerError data.disk */
  static async start(options: FilmQueuesOptions): Promise<FilmQueues> {
    const { folder, cameras, callingAe, archive, keepOpenMs, statusEveryMs, firstPauseMs, attemptLimit } = options;
    const clock = options.clock.wall;
    const log = options.log.child({ stage: 'film' });
    const store = await FilmStore.open(join(folder, 'jobs'), log);
    const parts = { store, archive, clock, log };
    for (const record of store.all()) await tellFilms(record, parts);
    const records = new RecordStore(join(folder, 'queues'));
    const left = await records.load();
    const queues = new FilmQueues(parts, options.examOf);
    for (const settings of cameras) {
      const { name, node, vendors: sets, presentationLut } = settings;
      const record = left.find(({ id }) => id === name);
      const camera = new CameraDriver({
        ...{ name, node, callingAe, sets, presentationLut, keepOpenMs, statusEveryMs, clock, log },
      });
      const queue = new FilmQueue({
        ...{ ...parts, settings, camera, save: records.save, firstPauseMs, attemptLimit },
        recovered: record && restore<FilmQueueContext>(record, 'film'),
        changed: () => queues.#changed(name),
      });
      queues.#queues.set(name, queue);
      camera.start();
    }
    return queues;
  }

  /** @throws ScannerError operator.unknown */
  settings(camera?: string): CameraSettings {
    return this.#queue(camera).settings;
  }

  cameras(): CameraReport[] {
    return [...this.#queues.values()].map(({ report }) => report);
  }

  /** Jobs in the order of their queues, those that are over among them. */
  jobs(camera?: string): FilmJob[] {
    const records = this.#parts.store.all().filter((record) => camera === undefined || record.camera === camera);
    return records.map((record) => this.#jobOf(record));
  }

  /** @throws ScannerError operator.unknown */
  job(jobId: string): FilmJob {
    return this.#jobOf(this.#parts.store.get(jobId));
  }

  /**
   * Queues a sheet; resolves when it cannot be lost any more.
   * @throws ScannerError operator.unknown for the camera, limit.resource when its queue is full, limit.range for copies,
   * data.invalid for a sheet that it cannot print, data.disk
   */
  async add(request: FilmRequest): Promise<FilmJob> {
    const { sheet, copies = 1 } = request;
    const { studyInstanceUids } = sheet.annotations;
    const examId = request.examId ?? studyInstanceUids.map(this.#examOf).find((id) => id !== undefined);
    const queue = this.#queue(request.camera);
    const { name, maxJobs, maxCopies, ...settings } = queue.settings;
    checkCopies(copies, maxCopies);
    mustSuit(sheet, queue.settings);
    return this.#turns.run(name, async () => {
      this.#mustHaveRoom(name, maxJobs);
      const { mediumType = settings.mediumType, filmDestination = settings.filmDestination } = request;
      const counts = { copies, printed: 0, asking: 0, told: 0, failures: [], printJobs: [] };
      const jobId = `film-${randomUUID()}`;
      const addedAt = this.#parts.clock.now();
      const record = { jobId, camera: name, addedAt, ...counts, examId, mediumType, filmDestination };
      const kept = await this.#parts.store.add(record, sheet);
      queue.add(kept);
      this.#changed(name);
      return this.#jobOf(kept);
    });
  }

  /** The film under way is finished, then nothing more is sent. */
  stop(camera: string): void {
    this.#queue(camera).stop();
  }

  /**
   * Goes on. A film of which nobody knows whether it was printed needs a word: printed again, or counted as printed.
   * @throws ScannerError operator.unknown, operator.usage without that word, data.disk
   */
  async continue(camera: string, doubt?: Doubt): Promise<void> {
    const queue = this.#queue(camera);
    const { store } = this.#parts;
    const doubtful = store.all().filter((one) => this.#jobOf(one).state === 'doubtful' && one.camera === camera);
    for (const { jobId } of doubtful) {
      if (doubt === undefined) {
        const message = `${camera} may have printed ${jobId}: say whether to print it (doubtful: print) or not (doubtful: skip)`;
        throw new ScannerError('operator.usage', { message });
      }
      if (doubt === 'skip') await accepted(jobId, undefined, this.#parts);
      else await store.change(jobId, { asking: 0 });
    }
    queue.continue();
  }

  /** @throws ScannerError operator.unknown, operator.state while it is at the camera */
  async remove(jobId: string): Promise<void> {
    const record = this.#takeOut(jobId, 'film.delete');
    await this.#parts.store.remove(jobId);
    this.#changes.forget(jobId);
    this.#changed(record.camera);
  }

  /**
   * Moves a film to the end of another camera's queue. One that may have been printed is printed there.
   * @throws ScannerError operator.unknown, operator.state while it is at the camera or when it is over, data.invalid, limit.*
   */
  async redirect(jobId: string, camera: string): Promise<FilmJob> {
    const target = this.#queue(camera);
    const { store } = this.#parts;
    const { film } = store.get(jobId);
    if (isOver(store.get(jobId))) throw notNow('film.redirect', 'it is printed', 'a film that waits');
    mustSuit(film, target.settings);
    return this.#turns.run(camera, async () => {
      this.#mustHaveRoom(camera, target.settings.maxJobs);
      const { camera: source } = this.#takeOut(jobId, 'film.redirect');
      const moved = await store.change(jobId, { camera, asking: 0, error: undefined, place: store.nextPlace() });
      target.add(moved);
      this.#changed(source);
      this.#changed(camera);
      return this.#jobOf(moved);
    });
  }

  /** Prints a film that is over once more. @throws ScannerError operator.unknown, operator.state while it is not over, limit.* */
  async again(jobId: string, copies = 1): Promise<FilmJob> {
    const { store } = this.#parts;
    const { camera } = store.get(jobId);
    const queue = this.#queue(camera);
    checkCopies(copies, queue.settings.maxCopies);
    return this.#turns.run(camera, async () => {
      const record = store.get(jobId);
      if (!isOver(record)) throw notNow('film.again', 'it waits in its queue', 'a film that is printed');
      this.#mustHaveRoom(camera, queue.settings.maxJobs);
      const place = store.nextPlace();
      const changes = { copies: record.copies + copies, endedAt: undefined, failures: [], place };
      const renewed = await store.change(jobId, changes);
      queue.add(renewed);
      this.#changed(camera);
      return this.#jobOf(renewed);
    });
  }

  /** Asks the camera for its status. @throws ScannerError operator.unknown, peer.* */
  refresh(camera: string): Promise<FilmCameraState> {
    return this.#queue(camera).refresh();
  }

  /** Resolves when the film is printed, has failed, or needs somebody. @throws ScannerError operator.unknown, timeout.aborted */
  ended(jobId: string, signal: AbortSignal): Promise<FilmJob> {
    return this.#changes.until(() => {
      const job = this.job(jobId);
      const goesOn = job.state === 'waiting' || job.state === 'printing';
      return goesOn && this.#queues.get(job.camera)?.report.queue !== 'stopped' ? undefined : job;
    }, signal);
  }

  async close(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.close();
    this.#changes.close();
  }

  /** Takes it out of its queue before anything is written, so that it does not start meanwhile. */
  #takeOut(jobId: string, command: string): FilmJobRecord {
    const record = this.#parts.store.get(jobId);
    const queue = this.#queues.get(record.camera);
    if (queue?.isPrinting(jobId)) throw notNow(command, 'the film is at the camera', 'a film that waits');
    queue?.remove(jobId);
    return record;
  }

  #mustHaveRoom(camera: string, max: number): void {
    const waiting = this.#parts.store.all().filter((record) => record.camera === camera && !isOver(record)).length;
    if (waiting >= max) throw new ScannerError('limit.resource', { what: `films in the queue of ${camera}`, max });
  }

  #jobOf(record: FilmJobRecord): FilmJob {
    return filmJobOf(record, this.#queues.get(record.camera)?.isPrinting(record.jobId) ?? false);
  }

  #queue(camera?: string): FilmQueue {
    const found = camera === undefined ? [...this.#queues.values()][0] : this.#queues.get(camera);
    if (found) return found;
    const known = [...this.#queues.keys()].join(', ') || 'none: configure a node with the service print';
    throw new ScannerError('operator.unknown', { what: 'camera', name: camera ?? 'any', known });
  }

  /** Tells what is different, and forgets the oldest of the printed films above their number. */
  #changed(name: string): void {
    const queue = this.#queues.get(name);
    if (!queue) return;
    this.#changes.tell(name, { camera: queue.report });
    const jobs = this.jobs(name);
    for (const job of jobs) this.#changes.tell(job.jobId, { job });
    const over = jobs.filter(({ endedAt }) => endedAt !== undefined);
    const old = over.slice(0, Math.max(0, over.length - queue.settings.keepPrinted));
    for (const { jobId } of old) {
      void this.#parts.store.remove(jobId);
      this.#changes.forget(jobId);
    }
  }
}

function checkCopies(copies: number, max: number): void {
  if (Number.isInteger(copies) && copies >= 1 && copies <= max) return;
  throw new ScannerError('limit.range', { what: 'copies', value: copies, unit: 'films', min: 1, max });
}

function notNow(command: string, state: string, expected: string): ScannerError {
  return new ScannerError('operator.state', { command, state, expected });
}
