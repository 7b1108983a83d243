import { connect } from 'node:net';
import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import { type Arrival, Listeners, type TlsListener } from '../../runtime/dicom/services/listeners.js';
import { DEFAULT_TIMEOUTS } from '../../runtime/dicom/upper-layer/settings.js';
import { Conduit } from './conduit.js';
import type { Rulebook } from './rulebook.js';
import type { Statistics } from './statistics.js';

export interface FrontOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** TLS on that port instead of plain TCP. */
  tls?: TlsListener;
  /** The server behind, on this machine. */
  serverPort: number;
  rules: Rulebook;
  statistics: Statistics;
  clock: Clock;
  log: Log;
}

/** Connections at a time; when there are more, the one that has stood longest is dropped. */
const MAX_CONNECTIONS = 256;

/**
 * Stands between modalities and a server of the hospital and does what the rules say: the server itself stays correct.
 * Without rules every byte passes as it came.
 */
export class Front {
  readonly #options: FrontOptions;
  readonly #listeners: Listeners;
  readonly #conduits = new Set<Conduit>();

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#listeners = new Listeners({
      ...options,
      handshakeMs: DEFAULT_TIMEOUTS.artimMs,
      maxIdle: MAX_CONNECTIONS,
      onArrival: (arrival) => this.#connected(arrival),
    });
  }

  /** @returns the port. @throws ScannerError config.port, config.invalid for TLS files */
  async listen(): Promise<number> {
    return (await this.#listeners.listen()).port;
  }

  async close(): Promise<void> {
    for (const conduit of this.#conduits) conduit.destroy();
    await this.#listeners.close();
  }

  #connected({ socket: peer }: Arrival): void {
    const { rules, statistics, clock, serverPort } = this.#options;
    const server = connect({ port: serverPort, host: '127.0.0.1', noDelay: true });
    const conduit = new Conduit({ peer, server, rules, statistics, clock });
    this.#conduits.add(conduit);
    statistics.count('open');
    peer.once('close', () => {
      this.#conduits.delete(conduit);
      statistics.count('open', -1);
    });
  }
}
