import type { Observable } from 'rxjs';

/**
 * `unformatted`, `foreign` (no file system that we know), `closed` and `unreadable` discs cannot be written; a `closed` one can be read.
 */
export type BurnerMedium = 'none' | 'blank' | 'appendable' | 'closed' | 'unformatted' | 'foreign' | 'unreadable';

export type BurnerPhase = 'idle' | 'loading' | 'mastering' | 'writing' | 'closing' | 'verifying';

export interface BurnerState {
  tray: 'open' | 'loading' | 'closed';
  medium: BurnerMedium;
  /** As the drive names it, e.g. `CD-R 700`; '' without a disc. */
  kind: string;
  family: 'cd' | 'dvd' | '';
  /** Tells discs apart; '' where a drive cannot. */
  serial: string;
  /** Volume ID of the newest session; '' on a blank disc. */
  volumeId: string;
  capacityBytes: number;
  /** For another session, its lead-in and lead-out already taken off. */
  freeBytes: number;
  sessions: number;
  phase: BurnerPhase;
}

export interface BurnProgress {
  phase: BurnerPhase;
  bytes: number;
  totalBytes: number;
  /** At the speed up to now; absent until there is one. */
  secondsLeft?: number;
}

/** A file of the session. */
export interface BurnerFile {
  /** `/`-separated, names of ISO 9660 level 1. */
  discPath: string;
  path: string;
  size: number;
  /** SHA-256, hex. */
  sha256: string;
}

export interface BurnSession {
  medium: 'cd' | 'dvd';
  volumeId: string;
  /** Volume ID of the disc that this is added to; a blank disc when absent. */
  appendTo?: string;
  /** Finalise: nothing can be added afterwards. */
  close: boolean;
  files: readonly BurnerFile[];
}

export interface BurnOptions {
  signal?: AbortSignal;
  onProgress?: (progress: BurnProgress) => void;
}

/** A CD/DVD recorder. Its driver works on files, not on wire objects. */
export interface Burner {
  readonly name: 'burner';
  readonly state: BurnerState;
  readonly state$: Observable<BurnerState>;
  /** Asks the drive. @throws ScannerError device.fault */
  inspect(signal?: AbortSignal): Promise<BurnerState>;
  /** Why the disc cannot take the session, or undefined. Asks the drive. */
  unfit(session: BurnSession, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Writes the session. It is on the disc when this resolves; what a failure leaves of it is not readable, the older sessions are.
   * @throws ScannerError operator.medium, device.burn, device.refused, timeout.aborted
   */
  burn(session: BurnSession, options?: BurnOptions): Promise<void>;
  /** Reads every file back. @throws ScannerError data.media with the first one that does not hold its bytes, timeout.aborted */
  verify(files: readonly BurnerFile[], options?: BurnOptions): Promise<void>;
  load(): Promise<void>;
  eject(): Promise<void>;
}
