/** What the burner's driver asks of a drive: a real one through xorriso, or the simulated one. */

export interface DriveStatus {
  tray: 'open' | 'loading' | 'closed';
  medium: 'none' | 'blank' | 'appendable' | 'closed' | 'unformatted' | 'foreign' | 'unreadable';
  kind?: string;
  family?: 'cd' | 'dvd';
  serial?: string;
  capacitySectors?: number;
  /** For another session, its lead-in and lead-out already taken off. */
  freeSectors?: number;
  /** Where the next session begins; absent on a blank disc. */
  nextSector?: number;
  /** Of the closed sessions, oldest first. */
  sessionStarts?: readonly number[];
}

export interface SessionOrder {
  startSector: number;
  /** In multiples of the medium's single speed; the highest one when absent. */
  speed?: number;
  /** Finalise the disc. */
  close: boolean;
}

export interface DiscDrive {
  readonly name: string;
  /** As xorriso names the disc: `/dev/sr0`, `stdio:/path/disc.iso`. */
  readonly address: string;
  /** Where the disc is read. */
  readonly path: string;
  /** Where the first session of a blank disc begins. */
  readonly firstSector: number;
  status(signal?: AbortSignal): Promise<DriveStatus>;
  /** Writes one session; on the disc and closed when it resolves. @throws ScannerError device.burn, device.refused, timeout.aborted */
  record(
    order: SessionOrder,
    chunks: AsyncIterable<Uint8Array>,
    watch: { signal?: AbortSignal; wrote?: (sectors: number) => void },
  ): Promise<void>;
  load(): Promise<void>;
  eject(): Promise<void>;
  close(): Promise<void>;
}
