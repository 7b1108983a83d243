/** A real recorder, driven by xorriso. */

import { once } from 'node:events';
import { ScannerError } from '../../../hal/base/errors.js';
import { SECTOR } from '../disc/sectors.js';
import type { DiscDrive, DriveStatus, SessionOrder } from './drive.js';
import { startProgram } from './program.js';

/** Media of xorriso's profile names that we burn. */
const FAMILIES: readonly { name: RegExp; family: 'cd' | 'dvd' }[] = [
  { name: /^CD-R/, family: 'cd' },
  { name: /^DVD[-+]R/, family: 'dvd' },
  { name: /^stdio/, family: 'cd' },
];

/** What `Media status` says, first match. */
const STATES: readonly { says: RegExp; medium: DriveStatus['medium'] }[] = [
  { says: /is not present/, medium: 'none' },
  { says: /unformatted/, medium: 'unformatted' },
  { says: /is blank/, medium: 'blank' },
  { says: /is appendable/, medium: 'appendable' },
  { says: /is closed/, medium: 'closed' },
];

export class XorrisoDrive implements DiscDrive {
  readonly firstSector = 0;

  /** @param address `/dev/sr0`, or what else xorriso takes as a drive */
  constructor(readonly address: string) {}

  get name(): string {
    return this.address;
  }

  get path(): string {
    return this.address.replace(/^stdio:/, '');
  }

  async status(signal?: AbortSignal): Promise<DriveStatus> {
    return statusOf(await this.#ask(['-toc'], signal));
  }

  /** What broke off before is closed first, so that the disc goes on being useful. */
  async record(
    { speed, close }: SessionOrder,
    chunks: AsyncIterable<Uint8Array>,
    { signal, wrote }: { signal?: AbortSignal; wrote?: (sectors: number) => void },
  ): Promise<void> {
    const args = ['-as', 'cdrecord', '-v', `dev=${this.address}`, '-waiti', '-tao'];
    if (!close) args.push('-multi');
    if (speed !== undefined) args.push(`speed=${speed}`);
    const { child, ended } = startProgram('xorriso', [...args, '-'], 'said', signal);
    const { stdin } = child;
    let sectors = 0;
    try {
      for await (const chunk of chunks) {
        if (child.exitCode !== null) break;
        if (stdin && !stdin.write(chunk)) await Promise.race([once(stdin, 'drain'), once(child, 'close')]);
        sectors += chunk.length / SECTOR;
        wrote?.(Math.floor(sectors));
      }
    } catch (error) {
      // half a session must not be closed as if it were whole
      child.kill('SIGKILL');
      await ended.catch(() => {});
      throw error;
    }
    stdin?.end();
    await ended.catch((error: ScannerError) => {
      if (error.code === 'timeout.aborted') throw error;
      throw new ScannerError('device.burn', { fault: error.message, sector: Math.floor(sectors) }, error);
    });
  }

  async load(): Promise<void> {
    await this.status();
  }

  async eject(): Promise<void> {
    await this.#ask(['-eject', 'all']);
  }

  async close(): Promise<void> {}

  async #ask(args: readonly string[], signal?: AbortSignal): Promise<string> {
    const { ended, said } = startProgram('xorriso', ['-outdev', this.address, ...args], 'said', signal);
    await ended;
    return said();
  }
}

/** From xorriso's `-toc`. */
export function statusOf(text: string): DriveStatus {
  const says = (key: string) => new RegExp(`^${key} *: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const kind = says('Media current');
  const known = FAMILIES.find(({ name }) => name.test(kind));
  const medium = STATES.find((state) => state.says.test(says('Media status')))?.medium;
  if (!medium || medium === 'none') return { tray: 'closed', medium: medium ?? 'unreadable' };
  const writable = Number(/(\d+) writable/.exec(says('Media blocks'))?.[1] ?? 0);
  const overall = Number(/(\d+) overall/.exec(says('Media blocks'))?.[1] ?? writable);
  const next = /^(\d+)s/.exec(says('Media nwa'))?.[1];
  return {
    tray: 'closed',
    medium,
    kind,
    family: known?.family,
    capacitySectors: overall,
    freeSectors: writable,
    nextSector: medium === 'blank' || next === undefined ? undefined : Number(next),
    sessionStarts: [...text.matchAll(/^(?:ISO|Other) session *: *\d+ , *(\d+) ,/gm)].map((found) => Number(found[1])),
  };
}
