/** A hardware line between two boards: a level with the instant of its last change. Listeners act at that instant. */
export class Line<T> {
  #level: T;
  #sinceMs: number;
  readonly #watchers = new Set<(level: T, atMs: number) => void>();

  constructor(level: T, atMs: number) {
    this.#level = level;
    this.#sinceMs = atMs;
  }

  get level(): T {
    return this.#level;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Drives the line; nothing happens when it has that level already. */
  drive(level: T, atMs: number): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#sinceMs = atMs;
    for (const watcher of [...this.#watchers]) watcher(level, atMs);
  }

  watch(watcher: (level: T, atMs: number) => void): void {
    this.#watchers.add(watcher);
  }
}

/** Level of a permit line: `closed` permits; the other levels say which contact of the chain is open. */
export type Permit = 'closed' | 'door' | 'emergencyStop';

/** What the tube emits; `undefined` while there is no beam. */
export interface Beam {
  kv: number;
  ma: number;
}

/** All hardware lines of the scanner. Nothing on them passes through the host. */
export interface Lines {
  /** Interlock -> generator. */
  beamPermit: Line<Permit>;
  /** Interlock -> gantry, table. */
  motionPermit: Line<Permit>;
  /** Table -> generator: the table is inside the scan window of a feed. */
  scanWindow: Line<boolean>;
  /** Generator -> CT detector. */
  beam: Line<Beam | undefined>;
  /** Gating -> PET rings: level is the number of R-waves, respiratory triggers so far. */
  rWave: Line<number>;
  respiratoryTrigger: Line<number>;
}

export function makeLines(atMs: number): Lines {
  return {
    beamPermit: new Line<Permit>('closed', atMs),
    motionPermit: new Line<Permit>('closed', atMs),
    scanWindow: new Line<boolean>(false, atMs),
    beam: new Line<Beam | undefined>(undefined, atMs),
    rWave: new Line<number>(0, atMs),
    respiratoryTrigger: new Line<number>(0, atMs),
  };
}
