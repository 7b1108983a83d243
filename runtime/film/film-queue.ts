/** The queue of one camera: its machine, its driver, and what people see of both. */

import type { Subscription } from 'rxjs';
import { asScannerError } from '../../hal/base/errors.js';
import type { FilmCamera, FilmCameraState, FilmPrintEvent } from '../../hal/contract/filmcamera.js';
import { machineClock } from '../../machines/clock.js';
import type { filmQueueMachine } from '../../machines/film.js';
import type { FilmQueueContext, FilmVerdict, QueueStop } from '../../machines/film.types.js';
import type { SaveRecord } from '../../machines/persist.js';
import { type Kept, run } from '../../machines/running.js';
import { provideFilmQueue } from '../../machines/tasks.js';
import { type Recovered, stateName } from '../../machines/types.js';
import type { CameraSettings } from './camera-settings.js';
import { type FilmJobRecord, isOver, queuedFilm } from './film-job.js';
import { type PrintingParts, printCopy } from './film-printing.js';

export interface FilmQueueOptions extends PrintingParts {
  settings: CameraSettings;
  camera: FilmCamera;
  save: SaveRecord;
  recovered?: Recovered<FilmQueueContext>;
  /** Pause before a camera that cannot be reached is tried again, wall ms. */
  firstPauseMs?: number;
  attemptLimit?: number;
  /** Something of it has changed. */
  changed(): void;
}

export interface CameraReport {
  camera: string;
  /** Of its queue. */
  queue: 'idle' | 'printing' | 'retrying' | 'stopped';
  /** Films that wait, the one under way among them. */
  waiting: number;
  /** Why it stands, or will after the film under way. */
  stop: QueueStop | null;
  /** Why the film under way is tried again. */
  error?: string;
  state: FilmCameraState;
}

const QUEUE_STATES: Readonly<Record<string, CameraReport['queue']>> = {
  printing: 'printing',
  backingOff: 'retrying',
  stopped: 'stopped',
};

export class FilmQueue {
  readonly settings: CameraSettings;
  readonly #options: FilmQueueOptions;
  readonly #machine: Kept<typeof filmQueueMachine>;
  readonly #owned: Subscription[];

  constructor(options: FilmQueueOptions) {
    this.settings = options.settings;
    this.#options = options;
    const { camera, recovered, clock, log, save, firstPauseMs, attemptLimit, changed } = options;
    const { name } = options.settings;
    const machine = provideFilmQueue({
      inspectFilms: async () => this.#inspect(),
      printFilm: ({ jobId }, signal) => printCopy(jobId, camera, options, signal),
    });
    const tell = (fact: object) => log.warn(fact, 'event without a place');
    const surroundings = { clock: machineClock(clock), log, save, tell, changed };
    const input = { camera: name, firstPauseMs, attemptLimit, recovered };
    this.#machine = run(machine, input, { machine: 'film', id: name }, surroundings);
    let stopped = false;
    this.#owned = [
      camera.state$.subscribe(({ stopsQueue, message }) => {
        if (stopsQueue && !stopped) this.#machine.actor.send({ type: 'CAMERA_STOPPED', message });
        stopped = stopsQueue;
        changed();
      }),
      camera.printEvents$.subscribe((event) => void this.#follow(event)),
    ];
  }

  get report(): CameraReport {
    const { value, context } = this.#machine.actor.getSnapshot();
    const { films, stop, error } = context;
    const queue = QUEUE_STATES[stateName(value)] ?? 'idle';
    const { state } = this.#options.camera;
    return { camera: this.settings.name, queue, waiting: films.length, stop, error: error?.message, state };
  }

  /** True for the film that is at the camera now, or is about to be tried again. */
  isPrinting(jobId: string): boolean {
    const { value, context } = this.#machine.actor.getSnapshot();
    return value === 'printing' && context.films[0]?.jobId === jobId;
  }

  add(record: FilmJobRecord): void {
    this.#machine.actor.send({ type: 'ADD', film: queuedFilm(record) });
  }

  remove(jobId: string): void {
    this.#machine.actor.send({ type: 'REMOVE', jobId });
  }

  stop(): void {
    this.#machine.actor.send({ type: 'STOP' });
  }

  continue(): void {
    this.#machine.actor.send({ type: 'CONTINUE' });
  }

  refresh(): Promise<FilmCameraState> {
    return this.#options.camera.refresh();
  }

  async close(): Promise<void> {
    for (const subscription of this.#owned) subscription.unsubscribe();
    this.#machine.stop();
    await this.#options.camera.close();
    await this.#machine.flush();
  }

  #inspect(): FilmVerdict {
    const mine = this.#options.store.all().filter((one) => one.camera === this.settings.name && !isOver(one));
    return { films: mine.map(queuedFilm), doubtful: mine.find(({ asking }) => asking > 0)?.jobId ?? null };
  }

  /** What the camera says of a film that it had accepted. */
  async #follow({ printJob, state, message, stopsQueue }: FilmPrintEvent): Promise<void> {
    const { store, log } = this.#options;
    if (state !== 'FAILURE') return;
    if (stopsQueue) this.#machine.actor.send({ type: 'CAMERA_STOPPED', message });
    const record = store.all().find(({ printJobs }) => printJobs.includes(printJob));
    if (!record) return log.warn({ printJob, message }, 'the camera failed on a film that is not ours');
    try {
      await store.change(record.jobId, { failures: [...record.failures, message || 'the camera failed'] });
      this.#options.changed();
    } catch (error) {
      log.error({ printJob, error: asScannerError(error).toJSON() }, 'a failure of the camera could not be kept');
    }
  }
}
