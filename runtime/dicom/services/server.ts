import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../hal/base/clock.js';
import { ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import { DimseChannel } from '../dimse/channel.js';
import type { CommandName } from '../dimse/command.js';
import type { DimseRequest, Reply, RequestHandler } from '../dimse/performer.js';
import { STATUS } from '../dimse/status.js';
import { DEFAULT_IMPLEMENTATION, type Implementation } from '../implementation.js';
import { UIDS } from '../uids.js';
import { type AcceptPolicy, answerAssociation, LOCAL_LIMIT_EXCEEDED, servedContexts } from '../upper-layer/accept.js';
import { Association } from '../upper-layer/association.js';
import type { AssociateRq } from '../upper-layer/pdu.js';
import { DEFAULT_MAX_PDU, DEFAULT_TIMEOUTS, type Timeouts } from '../upper-layer/settings.js';

/** A group of SOP classes and what is done with requests to them. */
export interface Service {
  /** Transfer syntaxes taken, best first, by abstract syntax. */
  syntaxes: Readonly<Record<string, readonly string[]>>;
  operations: Partial<Record<CommandName, RequestHandler>>;
  /** True when a peer that opens the association may be the SCP: storage commitment results come this way. */
  peerMayBeScp?: boolean;
}

export interface DicomServerOptions {
  /** Titles that peers may call; undefined takes any. */
  aeTitles?: readonly string[];
  /** False rejects a calling AE title. */
  acceptCalling?(aeTitle: string, address: string): boolean;
  /** Default 127.0.0.1. */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  clock: Clock;
  log: Log;
  services: readonly Service[];
  implementation?: Implementation;
  timeouts?: Partial<Timeouts>;
  /** Longest PDU that we take, bytes. */
  maxPduLength?: number;
  /** Associations at a time; those above it are rejected for now. Default 16. */
  maxAssociations?: number;
}

/** Verification as SCP. */
export function verificationService(): Service {
  return {
    syntaxes: { [UIDS.verification]: UNCOMPRESSED },
    operations: { 'C-ECHO': async () => ({ status: STATUS.success }) },
  };
}

/** Listens for associations and performs what its services offer on them. */
export class DicomServer {
  readonly #options: DicomServerOptions;
  readonly #server: Server;
  readonly #timeouts: Timeouts;
  readonly #policy: AcceptPolicy;
  readonly #byClass = new Map<string, Service>();
  readonly #sockets = new Set<Socket>();
  readonly #running = new Map<Association, Promise<void>>();

  constructor(options: DicomServerOptions) {
    this.#options = options;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    for (const service of options.services) {
      for (const sopClass of Object.keys(service.syntaxes)) this.#byClass.set(sopClass, service);
    }
    this.#policy = {
      calledAeTitles: options.aeTitles,
      acceptCalling: options.acceptCalling,
      transferSyntaxesFor: (sopClass) => this.#byClass.get(sopClass)?.syntaxes[sopClass],
      peerMayBeScp: (sopClass) => this.#byClass.get(sopClass)?.peerMayBeScp ?? false,
      implementation: options.implementation ?? DEFAULT_IMPLEMENTATION,
      maxPduLength: options.maxPduLength ?? DEFAULT_MAX_PDU,
    };
    this.#server = createServer({ noDelay: true }, (socket) => this.#connected(socket));
    this.#server.maxConnections = 4 * this.#maxAssociations; // peers that connect and say nothing, until ARTIM ends them
  }

  /** Associations under way. */
  get associations(): number {
    return this.#running.size;
  }

  /** @returns the port. @throws ScannerError config.port */
  listen(): Promise<number> {
    const { host = '127.0.0.1', port } = this.#options;
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

  /** Aborts what is under way and stops listening; resolves when every handler has ended. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const association of this.#running.keys()) association.abort('the server is closing');
    for (const socket of this.#sockets) socket.destroySoon();
    await Promise.all(this.#running.values());
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  get #maxAssociations(): number {
    return this.#options.maxAssociations ?? 16;
  }

  #connected(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const log = this.#options.log.child({ address });
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const association: Association = new Association({
      socket,
      role: 'acceptor',
      clock: this.#options.clock,
      log,
      timeouts: this.#timeouts,
      maxPduLength: this.#policy.maxPduLength,
      peerName: address,
      onAssociate: (request) => this.#requested(association, request, address, log),
    });
    association.provider.start();
  }

  #requested(association: Association, request: AssociateRq, address: string, log: Log): void {
    const full = this.#running.size >= this.#maxAssociations;
    const answer = full ? LOCAL_LIMIT_EXCEEDED : answerAssociation(request, this.#policy, address);
    if (answer.type === 'associate-rj') {
      log.warn({ calling: request.callingAe, called: request.calledAe, answer }, 'association rejected');
      association.provider.reject(answer);
      return;
    }
    const { calledAe, callingAe, user } = request;
    const { implementationClassUid, implementationVersionName } = user;
    const info = { calledAe, callingAe, implementationClassUid, implementationVersionName, address };
    association.establish(info, servedContexts(request, answer), user.maxPduLength);
    association.provider.accept(answer);
    const channel = new DimseChannel(association, {
      clock: this.#options.clock,
      log: log.child({ peer: callingAe }),
      handler: (incoming) => this.#perform(incoming),
      idleMs: this.#timeouts.idleMs,
    });
    this.#running.set(
      association,
      channel.done.finally(() => this.#running.delete(association)),
    );
  }

  #perform(request: DimseRequest): Promise<Reply> | AsyncIterable<Reply> {
    const operation = this.#byClass.get(request.context.abstractSyntax)?.operations[request.name];
    if (operation) return operation(request);
    return Promise.resolve({ status: STATUS.unrecognizedOperation, comment: `${request.name} is not offered` });
  }
}
