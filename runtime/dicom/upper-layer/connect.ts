import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../../hal/base/clock.js';
import { ScannerError } from '../../../hal/base/errors.js';
import { clientOptions, handshakeProblem, peerProblem, secureOptions, type TlsSettings } from './tls.js';

export interface ConnectOptions {
  /** What error messages call the peer. */
  name: string;
  host: string;
  port: number;
  tls?: TlsSettings;
  clock: Clock;
  /** For the connection and the TLS handshake together, wall ms. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * Opens a connection, secured and checked when the peer has TLS settings.
 * @throws ScannerError peer.connect, peer.tls saying what failed, timeout.aborted, config.invalid for unusable TLS files
 */
export async function openSocket(options: ConnectOptions): Promise<Socket> {
  const { name, host, port, tls } = options;
  if (!tls) return opened(options, connect({ host, port }), 'connect');
  const socket = connectTls({ host, port, ...(await secureOptions(tls)), ...clientOptions(host) });
  await opened(options, socket, 'secureConnect');
  const problem = peerProblem(socket, tls, { ...tls, host }, options.clock.wall.now());
  if (problem === undefined) return socket;
  socket.on('error', () => {}).destroy();
  throw new ScannerError('peer.tls', { node: name, host, port, message: problem });
}

function opened<S extends Socket | TLSSocket>(options: ConnectOptions, socket: S, event: string): Promise<S> {
  const { name: node, host, port, clock, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    let connected = false;
    const settle = (error?: ScannerError) => {
      timer.cancel();
      signal?.removeEventListener('abort', cancel);
      socket.removeListener('error', failed);
      if (!error) return resolve(socket);
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const fail = (message: string, code = 'peer.connect') =>
      settle(new ScannerError(code, { node, host, port, message }));
    const failed = (error: Error) => (connected ? fail(handshakeProblem(error), 'peer.tls') : fail(error.message));
    const cancel = () => settle(new ScannerError('timeout.aborted', { what: 'connect' }, signal?.reason));
    const late = () => fail(`no answer within ${timeoutMs} ms`, connected ? 'peer.tls' : 'peer.connect');
    const timer = clock.wall.after(timeoutMs, late);
    socket.once('error', failed);
    socket.once('connect', () => (connected = true));
    socket.once(event, () => settle());
    if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
  });
}
