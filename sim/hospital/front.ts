import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { Conduit } from './conduit.js';
import type { Rulebook } from './rulebook.js';
import type { Statistics } from './statistics.js';

export interface FrontOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The server behind, on this machine. */
  serverPort: number;
  rules: Rulebook;
  statistics: Statistics;
  clock: Clock;
}

/** More connections than a bench opens; the next ones are closed at once. */
const MAX_CONNECTIONS = 256;

/**
 * Stands between modalities and a server of the hospital and does what the rules say: the server itself stays correct.
 * Without rules every byte passes as it came.
 */
export class Front {
  readonly #options: FrontOptions;
  readonly #server: Server;
  readonly #conduits = new Set<Conduit>();

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (peer) => this.#connected(peer));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @returns the port. @throws ScannerError config.port */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(new ScannerError('config.port', { host, port, message: error.message }, error)),
      );
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const conduit of this.#conduits) conduit.destroy();
    await closed;
  }

  #connected(peer: Socket): void {
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
