import { ScannerError } from '../hal/base/errors.js';
import { loadAddon } from './addon.js';

/** Two serial ports joined by a null-modem cable; both ends can be opened, closed and opened again. */
export interface PtyPair {
  /** Path of one end, e.g. `/dev/pts/4`. */
  a: string;
  /** Path of the other end. */
  b: string;
  /** Takes both ports away: a later open of either path fails. Calling it twice does no harm. */
  close(): void;
}

interface PtyModule {
  openPty(): { id: number; a: string; b: string };
  closePty(id: number): void;
}

/**
 * Makes a pair of pseudo-terminals in raw mode, pumped into each other by a thread of the addon.
 * A pair keeps neither the event loop nor the process alive. A reader that pauses loses nothing: its writer is held back.
 * @throws ScannerError link.open when the system has no pseudo-terminal left
 */
export function openPtyPair(): PtyPair {
  const module = loadAddon() as unknown as PtyModule;
  try {
    const { id, a, b } = module.openPty();
    return { a, b, close: () => module.closePty(id) };
  } catch (cause) {
    throw new ScannerError(
      'link.open',
      { device: 'pty', where: '/dev/ptmx', message: (cause as Error).message },
      cause,
    );
  }
}
