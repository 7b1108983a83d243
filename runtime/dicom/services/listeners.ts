import type { X509Certificate } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Clock } from '../../../hal/base/clock.js';
import { ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import { handshakeProblem, peerProblem, secureOptions, type TlsFiles } from '../upper-layer/tls.js';
import { IdleSockets } from './idle-sockets.js';

/** DICOM TLS as an SCP: PS3.15 B.10. */
export interface TlsListener extends TlsFiles {
  certificate: string;
  key: string;
  /** Beside the plain port; without one the server's port speaks TLS and nothing else. */
  port?: number;
  /** Clients without a certificate are turned away, or taken. One that is shown is verified in any case. */
  clientCertificates: 'required' | 'optional';
}

/** A connection that may bring an association. */
export interface Arrival {
  socket: Socket;
  /** Of the peer's socket. */
  address: string;
  secure: boolean;
  certificate?: X509Certificate;
}

export interface ListenersOptions {
  host: string;
  port: number;
  tls?: TlsListener;
  clock: Clock;
  log: Log;
  /** For the TLS handshake, wall ms. */
  handshakeMs: number;
  /** Connections without an association that may stand at a time. */
  maxIdle: number;
  onArrival(arrival: Arrival): void;
}

/** The ports of a server: plain, TLS, or both. */
export class Listeners {
  /** Connections that carry no association: before its request, and after its end. */
  readonly idle: IdleSockets;
  readonly #options: ListenersOptions;
  readonly #servers: Server[] = [];

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.idle = new IdleSockets(options.maxIdle);
  }

  /** @returns the plain port or the only one, and that of TLS. @throws ScannerError config.port, config.invalid for unusable TLS files */
  async listen(): Promise<{ port: number; tlsPort?: number }> {
    const { port, tls } = this.#options;
    if (!tls) return { port: await this.#open(this.#plain(), port) };
    const secured = await this.#secured(tls);
    if (tls.port === undefined) {
      const only = await this.#open(secured, port);
      return { port: only, tlsPort: only };
    }
    const plain = await this.#open(this.#plain(), port);
    try {
      return { port: plain, tlsPort: await this.#open(secured, tls.port) };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Takes no more connections and ends those without an association; resolves when all are gone. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.idle.close();
    await Promise.all(closed);
  }

  #plain(): Server {
    return createServer({ noDelay: true }, (socket) => {
      this.idle.enter(socket);
      this.#options.onArrival({ socket, address: socket.remoteAddress ?? '', secure: false });
    });
  }

  async #secured(tls: TlsListener): Promise<Server> {
    const { handshakeMs, log } = this.#options;
    const server = createTlsServer({
      ...(await secureOptions(tls)),
      noDelay: true,
      requestCert: true,
      rejectUnauthorized: false, // `#verified` can say what was wrong
      handshakeTimeout: handshakeMs,
    });
    server.on('connection', (socket: Socket) => this.idle.enter(socket));
    server.on('tlsClientError', (error, socket) => {
      log.warn({ address: socket.remoteAddress, reason: handshakeProblem(error) }, 'TLS handshake failed');
      socket.destroy();
    });
    server.on('secureConnection', (socket) => this.#verified(socket, tls));
    return server;
  }

  #verified(socket: TLSSocket, tls: TlsListener): void {
    socket.on('error', () => {}); // until an association listens
    const { log, clock, onArrival } = this.#options;
    const address = socket.remoteAddress ?? '';
    const certificate = socket.getPeerX509Certificate();
    const needed = certificate !== undefined || tls.clientCertificates === 'required';
    const problem = needed ? peerProblem(socket, tls, {}, clock.wall.now()) : undefined;
    if (problem !== undefined) {
      log.warn({ address, reason: problem }, 'TLS client refused');
      socket.destroy();
      return;
    }
    socket.disableRenegotiation();
    onArrival({ socket, address, secure: true, certificate });
  }

  #open(server: Server, port: number): Promise<number> {
    const { host, log } = this.#options;
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      const failed = (error: Error) =>
        reject(new ScannerError('config.port', { host, port, message: error.message }, error));
      server.once('error', failed);
      server.listen(port, host, () => {
        server.removeListener('error', failed);
        server.on('error', (error) => log.warn({ error: error.message }, 'a connection could not be taken'));
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }
}
