/** The service socket: JSON-RPC over WebSocket at `/rpc`, and newline-delimited over TCP for benches. */

import { createServer, type Server, type Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { type MethodTable, RpcConnection, sameToken } from './rpc.js';

const MESSAGE_LIMIT = 1024 * 1024;
/** A client that reads slower than this much waiting is cut off. */
const BACKLOG_LIMIT = 8 * 1024 * 1024;
const CLIENT_LIMIT = 100;

export interface ServiceOptions {
  host: string;
  port: number;
  /** Port of the newline-delimited socket; absent: none. */
  tcpPort?: number;
  token: string;
  methods: MethodTable;
  log: Log;
}

export class ServiceServer {
  readonly #options: ServiceOptions;
  readonly #http: FastifyInstance = fastify({ logger: false, forceCloseConnections: true });
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_LIMIT });
  readonly #tcpClients = new Set<Socket>();
  #tcp: Server | undefined;
  #clients = 0;

  private constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** @throws ScannerError config.port when a port is taken */
  static async start(options: ServiceOptions): Promise<ServiceServer> {
    const server = new ServiceServer(options);
    try {
      await server.#listenHttp();
      if (options.tcpPort !== undefined) await server.#listenTcp(options.tcpPort);
    } catch (thrown) {
      await server.close();
      throw thrown;
    }
    return server;
  }

  /** Ports in use (they differ from the asked ones when 0 was asked). */
  get ports(): { http: number; tcp?: number } {
    const http = this.#http.server.address();
    const tcp = this.#tcp?.address();
    const portOf = (address: typeof http) => (address && typeof address === 'object' ? address.port : 0);
    return { http: portOf(http), ...(tcp && { tcp: portOf(tcp) }) };
  }

  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    for (const client of this.#tcpClients) client.destroy();
    this.#sockets.close();
    await new Promise<void>((resolve) => (this.#tcp ? this.#tcp.close(() => resolve()) : resolve()));
    await this.#http.close();
  }

  async #listenHttp(): Promise<void> {
    const { host, port } = this.#options;
    this.#http.get('/health', () => ({ ok: true }));
    this.#http.server.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (url.pathname !== '/rpc' || this.#clients >= CLIENT_LIMIT) return socket.destroy();
      const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
      this.#sockets.handleUpgrade(request, socket, head, (client) =>
        this.#serveSocket(client, sameToken(bearer, this.#options.token)),
      );
    });
    try {
      await this.#http.listen({ host, port });
    } catch (cause) {
      throw new ScannerError('config.port', { host, port, message: (cause as Error).message }, cause);
    }
  }

  #serveSocket(client: WebSocket, trusted: boolean): void {
    const send = (text: string) => {
      if (client.readyState !== client.OPEN) return false;
      if (client.bufferedAmount > BACKLOG_LIMIT) {
        client.terminate();
        return false;
      }
      client.send(text);
      return true;
    };
    const connection = this.#connect(send, trusted);
    client.on('message', (data, binary) => {
      if (binary) client.close(1003, 'text frames only');
      else void connection.receive(data.toString());
    });
    client.on('error', (error) => this.#options.log.warn({ message: error.message }, 'service client failed'));
    client.on('close', () => this.#disconnect(connection));
  }

  #listenTcp(port: number): Promise<void> {
    const { host } = this.#options;
    this.#tcp = createServer((client) => this.#serveTcp(client));
    return new Promise((resolve, reject) => {
      this.#tcp?.once('error', (cause) =>
        reject(new ScannerError('config.port', { host, port, message: cause.message }, cause)),
      );
      this.#tcp?.listen(port, host, resolve);
    });
  }

  #serveTcp(client: Socket): void {
    if (this.#clients >= CLIENT_LIMIT) return void client.destroy();
    this.#tcpClients.add(client);
    const connection = this.#connect((text) => {
      if (client.destroyed) return false;
      if (client.writableLength > BACKLOG_LIMIT) {
        client.destroy();
        return false;
      }
      client.write(`${text}\n`);
      return true;
    }, false);
    let pending = '';
    client.setEncoding('utf8');
    client.on('data', (chunk: string) => {
      const lines = (pending + chunk).split('\n');
      pending = lines.pop() ?? '';
      if (pending.length > MESSAGE_LIMIT) return client.destroy();
      for (const line of lines) if (line.trim()) void connection.receive(line);
    });
    client.on('error', () => client.destroy());
    client.on('close', () => {
      this.#tcpClients.delete(client);
      this.#disconnect(connection);
    });
  }

  #connect(send: (text: string) => boolean, trusted: boolean): RpcConnection {
    this.#clients++;
    const { methods, token } = this.#options;
    return new RpcConnection({ methods, token, transport: { send }, trusted });
  }

  #disconnect(connection: RpcConnection): void {
    this.#clients--;
    connection.close();
  }
}
