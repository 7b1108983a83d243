/** A client of the service socket: what the CLI is. */

import { WebSocket } from 'ws';
import { ScannerError } from '../../hal/base/errors.js';
import type { ServiceEvent } from './operations.js';

/** In the data folder: address and token of the service socket, readable by its owner only. */
export const SERVICE_FILE = 'service.json';

interface Pending {
  resolve(result: unknown): void;
  reject(error: ScannerError): void;
}

interface Answer {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code: number; message: string; data?: { code: string; context: Record<string, unknown> } };
}

export class ServiceClient {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: ServiceEvent) => void>();
  #next = 1;
  #subscribed = false;

  private constructor(socket: WebSocket, url: string) {
    this.#socket = socket;
    socket.on('message', (data) => this.#answer(JSON.parse(data.toString()) as Answer));
    socket.on('close', () => this.#lost(url));
    socket.on('error', () => socket.terminate());
  }

  /** @param url e.g. `ws://127.0.0.1:8484/rpc` @throws ScannerError peer.connect */
  static connect(url: string, token: string): Promise<ServiceClient> {
    const { hostname: host, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
      const failed = (cause: Error) =>
        reject(new ScannerError('peer.connect', { node: 'petrig serve', host, port, message: cause.message }, cause));
      socket.once('error', failed);
      socket.once('open', () => {
        socket.off('error', failed);
        resolve(new ServiceClient(socket, url));
      });
    });
  }

  /** @throws ScannerError with the code the server gave, or peer.status */
  call<T>(method: string, params: object = {}): Promise<T> {
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Calls `listener` for every event of the server from now on. */
  async onEvent(listener: (event: ServiceEvent) => void): Promise<void> {
    if (!this.#subscribed) await this.call('events.subscribe');
    this.#subscribed = true;
    this.#listeners.add(listener);
  }

  /** Calls `listener` for the events of this client's own calls: progress of a search or an import. */
  onProgress(listener: (event: ServiceEvent) => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#socket.close();
  }

  #answer(answer: Answer): void {
    if (answer.method === 'event') {
      for (const listener of this.#listeners) listener(answer.params as ServiceEvent);
      return;
    }
    const pending = this.#pending.get(answer.id ?? -1);
    if (!pending) return;
    this.#pending.delete(answer.id ?? -1);
    if (answer.error) pending.reject(errorOf(answer.error));
    else pending.resolve(answer.result);
  }

  #lost(url: string): void {
    for (const pending of this.#pending.values()) {
      pending.reject(new ScannerError('peer.aborted', { node: url, reason: 'the connection was closed' }));
    }
    this.#pending.clear();
  }
}

function errorOf({ data, message, code }: NonNullable<Answer['error']>): ScannerError {
  if (data) return new ScannerError(data.code, data.context);
  return new ScannerError('peer.status', { node: 'petrig serve', command: 'call', status: code, comment: message });
}
