import type { Observable } from 'rxjs';

export interface FilmCameraState {
  /** As the printer SOP class reports it. */
  status: 'NORMAL' | 'WARNING' | 'FAILURE' | 'UNREACHABLE';
  statusInfo: string;
}

export interface FilmSheet {
  /** Image Display Format, e.g. `STANDARD\4,5`. */
  displayFormat: string;
  filmSize: string;
  mediumType: string;
  orientation: 'PORTRAIT' | 'LANDSCAPE';
  copies: number;
  /** One grey image a box, 8 or 12 bit, row by row. */
  boxes: readonly { columns: number; rows: number; bits: 8 | 12; pixels: Uint16Array }[];
}

/** A laser film camera. Its driver is a Print SCU. */
export interface FilmCamera {
  readonly name: 'filmcamera';
  readonly state: FilmCameraState;
  readonly state$: Observable<FilmCameraState>;
  /** Prints one sheet. @throws ScannerError peer.status, peer.connect, device.fault, timeout.aborted */
  print(sheet: FilmSheet, options?: { signal?: AbortSignal }): Promise<void>;
}
