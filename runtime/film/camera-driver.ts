/** The film camera's driver: a Print SCU that keeps its association for a while and asks for the status when idle. */

import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import type { Clock, TimerHandle } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type {
  FilmCamera,
  FilmCameraState,
  FilmOrder,
  FilmPrintEvent,
  FilmPrinted,
  FilmPrintOptions,
} from '../../hal/contract/filmcamera.js';
import { filmBoxAttributes } from '../dicom/film/film.js';
import type { PrintColor } from '../dicom/services/print-attributes.js';
import { type PrintEvent, type PrinterState, PrintSession } from '../dicom/services/print-scu.js';
import type { PrinterSets } from '../dicom/services/printer-status.js';
import type { ScuOptions } from '../dicom/services/session.js';

export interface CameraDriverOptions extends Omit<ScuOptions, 'clock' | 'log'> {
  name: string;
  /** Vendors' sets of statuses. */
  sets: PrinterSets;
  /** Viewing conditions that go with a presentation LUT: cd/m2. Absent: no LUT is asked for. */
  presentationLut?: { illumination: number; reflectedAmbientLight: number };
  clock: Clock;
  log: Log;
  /** How long the association stays open after a film, and how often an idle camera is asked: statement 3.5.2. Wall ms. */
  keepOpenMs?: number;
  statusEveryMs?: number;
}

const KEEP_OPEN_MS = 60_000;
const STATUS_EVERY_MS = 5 * 60_000;

const UNASKED: FilmCameraState = {
  status: 'UNKNOWN',
  statusInfo: '',
  message: '',
  symbol: 'idle',
  stopsQueue: false,
  printerName: '',
  connected: false,
  at: 0,
};

export class CameraDriver implements FilmCamera {
  readonly name: string;
  readonly state$: Observable<FilmCameraState>;
  readonly printEvents$: Observable<FilmPrintEvent>;
  readonly #options: CameraDriverOptions;
  readonly #wall: Clock;
  readonly #log: Log;
  readonly #state = new BehaviorSubject<FilmCameraState>(UNASKED);
  readonly #events = new Subject<FilmPrintEvent>();
  #open: { session: PrintSession; color: PrintColor } | undefined;
  #timer: TimerHandle | undefined;
  #warnings: string[] = [];
  /** One thing at a time: an association holds one film session. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: CameraDriverOptions) {
    this.#options = options;
    this.name = options.name;
    this.#wall = options.clock.wall;
    this.#log = options.log.child({ camera: options.name });
    this.state$ = this.#state.asObservable();
    this.printEvents$ = this.#events.asObservable();
  }

  /** Asks for the status now, and from then on whenever the camera is idle. */
  start(): void {
    void this.refresh().catch(() => undefined); // told in the state
  }

  get state(): FilmCameraState {
    return this.#state.value;
  }

  print(order: FilmOrder, options: FilmPrintOptions): Promise<FilmPrinted> {
    return this.#inTurn(async () => {
      options.signal?.throwIfAborted();
      const session = await this.#sessionFor(order.color);
      const abort = () => session.abort(new ScannerError('timeout.aborted', { what: 'film' }));
      options.signal?.addEventListener('abort', abort, { once: true });
      try {
        return await this.#print(session, order, options);
      } finally {
        options.signal?.removeEventListener('abort', abort);
        this.#rest();
      }
    });
  }

  refresh(): Promise<FilmCameraState> {
    return this.#inTurn(async () => {
      const before = this.#open;
      try {
        const session = before ? await this.#sessionFor(before.color) : await this.#anySession();
        this.#note(await session.printer());
        // asked in passing: nothing is kept open for it
        if (!before) await this.#leave();
        return this.state;
      } catch (error) {
        this.#unreachable(asScannerError(error));
        throw error;
      } finally {
        this.#rest();
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#turn.catch(() => undefined);
    await this.#leave();
    this.#state.complete();
    this.#events.complete();
  }

  async #print(session: PrintSession, order: FilmOrder, options: FilmPrintOptions): Promise<FilmPrinted> {
    const { presentationLut } = this.#options;
    const { mediumType, filmDestination, beforePrint } = options;
    this.#note(await session.printer());
    const { stopsQueue, message } = this.state;
    if (stopsQueue) throw new ScannerError('device.fault', { device: this.name, fault: message });
    await session.createFilmSession({ MediumType: mediumType, FilmDestination: filmDestination });
    const lut = presentationLut && session.takesPresentationLut ? presentationLut : undefined;
    if (lut) await session.createPresentationLut();
    const viewing = lut && { Illumination: lut.illumination, ReflectedAmbientLight: lut.reflectedAmbientLight };
    const film = await session.createFilmBox({ ...filmBoxAttributes(order), ...viewing });
    for (const box of order.boxes) await session.setImage(film, box.position, box);
    await beforePrint?.();
    const printJob = await session.print(film);
    const warnings = this.#warnings.splice(0);
    // the film is under way: whatever goes wrong now must not have it printed again
    await session.deleteFilmSession().catch((error) => {
      this.#log.warn({ error: asScannerError(error).message }, 'the printed film could not be deleted at the camera');
      session.abort(asScannerError(error));
    });
    return { printJob, warnings };
  }

  /** For its status a camera is asked as it can be: some take colour only. */
  async #anySession(): Promise<PrintSession> {
    return this.#sessionFor('grayscale').catch((error) => {
      if (asScannerError(error).code !== 'peer.context') throw error;
      return this.#sessionFor('color');
    });
  }

  async #sessionFor(color: PrintColor): Promise<PrintSession> {
    if (this.#closed) throw new ScannerError('timeout.aborted', { what: `camera ${this.name}` });
    this.#timer?.cancel();
    if (this.#open && (this.#open.session.over || this.#open.color !== color)) await this.#leave();
    if (this.#open) return this.#open.session;
    this.#warnings = [];
    const session = await PrintSession.open({
      ...this.#options,
      clock: this.#wall,
      log: this.#log,
      color,
      onEvent: (event) => this.#take(event),
      onWarning: ({ status, meaning }) => this.#warnings.push(`${status}: ${meaning}`),
    });
    this.#open = { session, color };
    this.#change({ connected: true });
    void session.ended.then(() => this.#lost(session));
    return session;
  }

  /** Releases the association; deletes what a failed film has left. */
  async #leave(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.session.close().catch((error) => open.session.abort(asScannerError(error)));
    if (open) this.#change({ connected: false });
  }

  #lost(session: PrintSession): void {
    if (this.#open?.session !== session) return;
    this.#open = undefined;
    this.#change({ connected: false });
    if (!this.#closed) this.#rest();
  }

  /** What comes next when nobody asks for anything. */
  #rest(): void {
    this.#timer?.cancel();
    if (this.#closed) return;
    const { keepOpenMs = KEEP_OPEN_MS, statusEveryMs = STATUS_EVERY_MS } = this.#options;
    if (this.#open && !this.#open.session.over) {
      this.#timer = this.#wall.after(keepOpenMs, () => {
        void this.#inTurn(() => this.#leave()).then(() => this.#rest());
      });
    } else this.#timer = this.#wall.after(statusEveryMs, () => this.start());
  }

  #take(event: PrintEvent): void {
    const { of, state, message, stopsQueue, sopInstanceUid: printJob } = event;
    if (of === 'printer') this.#note({ ...event, name: this.state.printerName });
    else this.#events.next({ printJob, state: state as FilmPrintEvent['state'], message, stopsQueue });
  }

  #note({ state, info, message, symbol, stopsQueue, name }: PrinterState): void {
    const known = state === 'NORMAL' || state === 'WARNING' || state === 'FAILURE';
    const status = known ? state : 'UNKNOWN';
    this.#change({ status, statusInfo: info, message, symbol, stopsQueue, printerName: name });
  }

  #unreachable(error: ScannerError): void {
    if (this.#closed) return;
    this.#change({
      status: 'UNREACHABLE',
      statusInfo: '',
      message: error.message,
      symbol: 'interact',
      stopsQueue: false,
    });
  }

  #change(changes: Partial<FilmCameraState>): void {
    this.#state.next({ ...this.#state.value, ...changes, at: this.#wall.now() });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
