import type { Observable } from 'rxjs';

export type BurnerMedium = 'none' | 'blank' | 'appendable' | 'closed' | 'damaged';

export interface BurnerState {
  medium: BurnerMedium;
  capacityBytes: number;
  freeBytes: number;
  sessions: number;
  busy: boolean;
}

export interface BurnOptions {
  signal?: AbortSignal;
  onProgress?: (fraction: number) => void;
  /** Close the disc: nothing can be added afterwards. */
  close: boolean;
  volumeLabel: string;
}

/** A CD/DVD recorder. Its driver works on directories, not on wire objects. */
export interface Burner {
  readonly name: 'burner';
  readonly state: BurnerState;
  readonly state$: Observable<BurnerState>;
  /** Writes a directory as one session and reads it back. @throws ScannerError limit.size, device.fault, timeout.aborted */
  burn(directory: string, options: BurnOptions): Promise<{ bytes: number; session: number }>;
  eject(): Promise<void>;
}
