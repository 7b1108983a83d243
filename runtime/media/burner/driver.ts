/** The burner: masters a session, has the drive record it, reads it back. */

import { createHash } from 'node:crypto';
import { BehaviorSubject } from 'rxjs';
import type { Clock } from '../../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type {
  Burner,
  BurnerFile,
  BurnerPhase,
  BurnerState,
  BurnOptions,
  BurnSession,
} from '../../../hal/contract/burner.js';
import { SECTOR } from '../disc/sectors.js';
import type { DiscReader } from '../disc-reader.js';
import { readDisc } from '../read-disc.js';
import type { DiscDrive, DriveStatus } from './drive.js';
import { formatOf, masterSession, sectorsOf } from './master.js';

export interface BurnerOptions {
  drive: DiscDrive;
  /** For small files while a session is made. */
  folder: string;
  /** In multiples of single speed; the highest one when absent. */
  speed?: number;
  clock: Clock;
}

const NO_DISC: BurnerState = {
  tray: 'closed',
  medium: 'none',
  kind: '',
  family: '',
  serial: '',
  volumeId: '',
  capacityBytes: 0,
  freeBytes: 0,
  sessions: 0,
  phase: 'idle',
};

/** Why a disc of that state takes no session. */
const UNWRITABLE: Partial<Record<DriveStatus['medium'], string>> = {
  none: 'no disc',
  closed: 'a closed disc',
  unformatted: 'an unformatted disc',
  foreign: 'a disc that is not of DICOM',
  unreadable: 'a disc that cannot be read',
};

export class DiscBurner implements Burner {
  readonly name = 'burner';
  readonly state$ = new BehaviorSubject<BurnerState>(NO_DISC);
  readonly #options: BurnerOptions;

  constructor(options: BurnerOptions) {
    this.#options = options;
  }

  get state(): BurnerState {
    return this.state$.value;
  }

  async inspect(signal?: AbortSignal): Promise<BurnerState> {
    await this.#look(signal);
    return this.state;
  }

  async unfit(session: BurnSession, signal?: AbortSignal): Promise<string | undefined> {
    await this.#look(signal);
    return unfitness(this.state, session);
  }

  async burn(session: BurnSession, options: BurnOptions = {}): Promise<void> {
    const { drive, folder, speed } = this.#options;
    const { signal } = options;
    const status = await this.#look(signal);
    const found = unfitness(this.state, session);
    if (found !== undefined) throw new ScannerError('operator.medium', { found, needed: neededBy(session) });
    const first = session.medium === 'dvd' && session.close ? 0 : drive.firstSector;
    const startSector = status.nextSector ?? first;
    const newest = status.sessionStarts?.at(-1);
    const base = newest === undefined ? undefined : { address: drive.address, startSector: newest };
    try {
      const tell = this.#progress('writing', options, estimate(session));
      this.#enter(formatOf(session, startSector) === 'udf' ? 'mastering' : 'writing');
      const chunks = masterSession({ session, base, startSector, folder, signal });
      const wrote = (sectors: number) => tell(sectors * SECTOR);
      await drive.record({ startSector, speed, close: session.close }, chunks, { signal, wrote });
    } finally {
      this.#enter('idle');
      // how the disc is now; the failure itself is what the caller is told
      await this.#look().catch(() => {});
    }
  }

  async verify(files: readonly BurnerFile[], options: BurnOptions = {}): Promise<void> {
    const { drive } = this.#options;
    const { sessionStarts } = await drive.status(options.signal);
    const disc = await readDisc(drive.path, { sessionStarts: sessionStarts?.length ? sessionStarts : undefined });
    const tell = this.#progress(
      'verifying',
      options,
      files.reduce((sum, { size }) => sum + size, 0),
    );
    this.#enter('verifying');
    try {
      let bytes = 0;
      for (const file of files) {
        options.signal?.throwIfAborted();
        await checkFile(disc, file);
        tell((bytes += file.size));
      }
    } catch (error) {
      if (options.signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'verifying a disc' }, error);
      throw error;
    } finally {
      this.#enter('idle');
      await disc.close();
    }
  }

  async load(): Promise<void> {
    this.#enter('loading');
    await this.#options.drive.load().finally(() => this.#enter('idle'));
    await this.#look();
  }

  async eject(): Promise<void> {
    await this.#options.drive.eject();
    await this.#look();
  }

  /** Asks the drive, and the disc for its name. */
  async #look(signal?: AbortSignal): Promise<DriveStatus> {
    const status = await this.#options.drive.status(signal);
    const { tray, kind = '', family = '', serial = '', capacitySectors = 0, freeSectors = 0 } = status;
    const written = status.medium === 'appendable' || status.medium === 'closed';
    const read = written ? await this.#nameOf(status) : { medium: status.medium, volumeId: '' };
    this.state$.next({
      ...this.state,
      ...read,
      tray,
      kind,
      family,
      serial,
      capacityBytes: capacitySectors * SECTOR,
      freeBytes: freeSectors * SECTOR,
      sessions: status.sessionStarts?.length ?? 0,
    });
    return status;
  }

  async #nameOf({ medium, sessionStarts: starts }: DriveStatus): Promise<Pick<BurnerState, 'medium' | 'volumeId'>> {
    // a disc whose only session broke off has no file system, and can take one
    if (medium === 'appendable' && starts?.length === 0) return { medium, volumeId: '' };
    try {
      const disc = await readDisc(this.#options.drive.path, { sessionStarts: starts?.length ? starts : undefined });
      await disc.close();
      return { medium, volumeId: disc.volumeId };
    } catch {
      return { medium: 'foreign', volumeId: '' };
    }
  }

  #enter(phase: BurnerPhase): void {
    this.state$.next({ ...this.state, phase });
  }

  #progress(phase: BurnerPhase, { onProgress }: BurnOptions, totalBytes: number) {
    const clock = this.#options.clock.wall;
    const start = clock.now();
    return (bytes: number) => {
      if (this.state.phase !== phase) this.#enter(phase);
      const seconds = (clock.now() - start) / 1000;
      const secondsLeft = bytes > 0 ? (seconds * Math.max(0, totalBytes - bytes)) / bytes : undefined;
      onProgress?.({ phase, bytes: Math.min(bytes, totalBytes), totalBytes, secondsLeft });
    };
  }
}

function estimate(session: BurnSession): number {
  return sectorsOf(session) * SECTOR;
}

/** What the burner has that the session cannot be put on; undefined when it fits. */
export function unfitness(state: BurnerState, session: BurnSession): string | undefined {
  const { tray, medium, family, kind, sessions, volumeId, freeBytes } = state;
  if (tray !== 'closed') return 'its tray open';
  const unwritable = UNWRITABLE[medium];
  if (unwritable) return unwritable;
  if (family !== session.medium) return `a ${kind}`;
  if (session.appendTo === undefined && sessions > 0) return `the disc ${volumeId}`;
  if (session.appendTo !== undefined && sessions === 0) return 'a blank disc';
  if (session.appendTo !== undefined && volumeId !== session.appendTo) return `the disc ${volumeId}`;
  if (freeBytes < estimate(session)) return `a disc with ${freeBytes} free bytes`;
  return undefined;
}

/** In words, for the operator. */
export function neededBy(session: BurnSession): string {
  const family = session.medium === 'cd' ? 'CD-R' : 'DVD-R';
  const bytes = `${estimate(session)} free bytes`;
  if (session.appendTo === undefined) return `a blank ${family} with ${bytes}`;
  return `the ${family} ${session.appendTo} with ${bytes}`;
}

/** Reads a file of a disc. @throws ScannerError data.media when it does not hold its bytes */
export async function checkFile(disc: DiscReader, { discPath, size, sha256 }: BurnerFile): Promise<void> {
  const hash = createHash('sha256');
  let got = 0;
  try {
    for await (const chunk of disc.read(discPath) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      got += chunk.length;
    }
  } catch (error) {
    throw new ScannerError(
      'data.media',
      { what: 'disc', where: discPath, message: asScannerError(error).message },
      error,
    );
  }
  if (got === size && hash.digest('hex') === sha256) return;
  const message = got === size ? 'holds other bytes than were burned' : `holds ${got} bytes, expected ${size}`;
  throw new ScannerError('data.media', { what: 'disc', where: discPath, message });
}
