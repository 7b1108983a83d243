import type { Observable } from 'rxjs';
import type { Millisecond } from '../base/units.js';

export interface FilmCameraState {
  /** As the printer SOP class reports it; UNKNOWN before it was asked for the first time. */
  status: 'NORMAL' | 'WARNING' | 'FAILURE' | 'UNREACHABLE' | 'UNKNOWN';
  statusInfo: string;
  /** For the operator. */
  message: string;
  /** Ready; to be looked after soon; to be looked after at once, because its queue stands. */
  symbol: 'idle' | 'interact' | 'stopped';
  /** The status says that nothing more is to be sent. */
  stopsQueue: boolean;
  /** What the camera calls itself. */
  printerName: string;
  /** An association is open. */
  connected: boolean;
  /** Wall time of the last report. */
  at: Millisecond;
}

/** What one sheet is made of. */
export interface FilmOrder {
  color: 'grayscale' | 'color';
  /** Image Display Format, e.g. `STANDARD\4,5`. */
  displayFormat: string;
  /** Film Size ID, e.g. `14INX17IN`. */
  filmSize: string;
  orientation: 'PORTRAIT' | 'LANDSCAPE';
  magnification: 'NONE' | 'REPLICATE' | 'BILINEAR' | 'CUBIC';
  borderDensity: 'BLACK' | 'WHITE';
  emptyImageDensity: 'BLACK' | 'WHITE';
  /** Hundredths of optical density. */
  minDensity?: number;
  maxDensity?: number;
  /** Row by row; 12 bits stand in 16, little endian; colour by pixel as R, G, B. */
  boxes: readonly { position: number; rows: number; columns: number; bitsStored: 8 | 12; pixels: Uint8Array }[];
}

export interface FilmPrintOptions {
  signal?: AbortSignal;
  /** Terms of Medium Type (2000,0030) and Film Destination (2000,0040). */
  mediumType: string;
  filmDestination: string;
  /** Resolves when it is on record that the camera is about to be told to print: from then on the film may exist. */
  beforePrint?(): Promise<void>;
}

export interface FilmPrinted {
  /** The camera's own name of the job, when it gives one. */
  printJob: string | undefined;
  /** What it did otherwise than asked. */
  warnings: readonly string[];
}

/** What a camera says of a film that it had accepted. */
export interface FilmPrintEvent {
  printJob: string;
  state: 'PENDING' | 'PRINTING' | 'DONE' | 'FAILURE';
  message: string;
  stopsQueue: boolean;
}

/** A laser film camera. Its driver is a Print SCU. */
export interface FilmCamera {
  readonly name: string;
  readonly state: FilmCameraState;
  readonly state$: Observable<FilmCameraState>;
  readonly printEvents$: Observable<FilmPrintEvent>;
  /**
   * Has one sheet printed, once; resolves when the camera has accepted it.
   * @throws ScannerError peer.*, device.fault when the camera's status says stop, data.invalid, timeout.aborted
   */
  print(order: FilmOrder, options: FilmPrintOptions): Promise<FilmPrinted>;
  /** Asks for the status now. @throws ScannerError peer.* */
  refresh(): Promise<FilmCameraState>;
  close(): Promise<void>;
}
