import type { Clock } from '../../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import { EXPLICIT_BIG_ENDIAN, UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import { DimseChannel } from '../dimse/channel.js';
import type { CommandName } from '../dimse/command.js';
import type { DimseRequest, Reply, RequestHandler } from '../dimse/performer.js';
import { STATUS } from '../dimse/status.js';
import { DEFAULT_IMPLEMENTATION, type Implementation } from '../implementation.js';
import { type ServiceName, serviceOf } from '../service-names.js';
import { UIDS } from '../uids.js';
import { type AcceptPolicy, answerAssociation, servedContexts } from '../upper-layer/accept.js';
import { Association } from '../upper-layer/association.js';
import type { AssociationInfo } from '../upper-layer/association-options.js';
import { MemoryBudget } from '../upper-layer/memory-budget.js';
import type { AssociateRq } from '../upper-layer/pdu.js';
import { type RejectionName, rejection } from '../upper-layer/rejection.js';
import { DEFAULT_MAX_PDU, DEFAULT_TIMEOUTS, type Timeouts } from '../upper-layer/settings.js';
import { type AccessDecision, type AccessPolicy, OPEN_ACCESS } from './access.js';
import { Admission } from './admission.js';
import { type Arrival, Listeners, type TlsListener } from './listeners.js';

/** A group of SOP classes and what is done with requests to them. */
export interface Service {
  /** Transfer syntaxes taken, best first, by abstract syntax. */
  syntaxes: Readonly<Record<string, readonly string[]>>;
  operations: Partial<Record<CommandName, RequestHandler>>;
  /** True when a peer that opens the association may be the SCP: storage commitment results come this way. */
  peerMayBeScp?: boolean;
  /** To a peer that is the SCP: true for a compressed transfer syntax that it gets when it names it first. */
  sendsCompressed?(transferSyntax: string, caller: Caller): boolean;
}

/** Who has opened an association: its title, and its name where it is a configured node. */
export type Caller = Pick<AssociationInfo, 'callingAe' | 'node'>;

export interface DicomServerOptions {
  /** Titles that peers may call; undefined takes any. */
  aeTitles?: readonly string[];
  /** Who may come, and for what; anyone when absent. */
  access?: AccessPolicy;
  /** True takes DICOM's application context name only; the statement takes any: 6.2.1. */
  strictApplicationContext?: boolean;
  /** Default 127.0.0.1. */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  /** TLS, beside the plain port or instead of it. */
  tls?: TlsListener;
  clock: Clock;
  log: Log;
  services: readonly Service[];
  implementation?: Implementation;
  timeouts?: Partial<Timeouts>;
  /** Longest PDU that we take, bytes. */
  maxPduLength?: number;
  /** Associations at a time; those above it are rejected for now. Default 10: 3.3.1.2 of the statement. */
  maxAssociations?: number;
  /** Of one node, or of one address that is no node's; as many as there are when absent. */
  maxAssociationsPerPeer?: number;
  /** A dataset that outgrows it is refused and its association aborted; any size when absent. */
  maxObjectBytes?: number;
  /** Bytes that may wait in memory over all associations. Default 256 MiB. */
  maxMemoryBytes?: number;
}

const MAX_ASSOCIATIONS = 10;
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
/** Connections without an association that always have room. */
const MIN_IDLE = 32;

/** Verification as SCP. */
export function verificationService(): Service {
  return {
    syntaxes: { [UIDS.verification]: [...UNCOMPRESSED, EXPLICIT_BIG_ENDIAN] }, // Table 6
    operations: { 'C-ECHO': async () => ({ status: STATUS.success }) },
  };
}

/** Listens for associations and performs what its services offer on them. */
export class DicomServer {
  readonly #options: DicomServerOptions;
  readonly #listeners: Listeners;
  readonly #timeouts: Timeouts;
  readonly #admission: Admission;
  readonly #budget: MemoryBudget;
  readonly #access: AccessPolicy;
  readonly #byClass = new Map<string, Service>();
  readonly #running = new Map<Association, Promise<void>>();
  #tlsPort: number | undefined;

  constructor(options: DicomServerOptions) {
    this.#options = options;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#access = options.access ?? OPEN_ACCESS;
    for (const service of options.services) {
      for (const sopClass of Object.keys(service.syntaxes)) this.#byClass.set(sopClass, service);
    }
    const { maxAssociations = MAX_ASSOCIATIONS, maxAssociationsPerPeer = maxAssociations } = options;
    this.#admission = new Admission(maxAssociations, maxAssociationsPerPeer);
    this.#budget = new MemoryBudget(options.maxMemoryBytes ?? MAX_MEMORY_BYTES);
    this.#listeners = new Listeners({
      host: options.host ?? '127.0.0.1',
      port: options.port,
      tls: options.tls,
      clock: options.clock,
      log: options.log,
      handshakeMs: this.#timeouts.artimMs,
      maxIdle: Math.max(MIN_IDLE, 2 * maxAssociations),
      onArrival: (arrival) => this.#connected(arrival),
    });
  }

  /** Associations under way. */
  get associations(): number {
    return this.#running.size;
  }

  /** Connections without an association: before its request, or after its end. */
  get idleConnections(): number {
    return this.#listeners.idle.count;
  }

  /** Bytes from the network that wait in memory. */
  get bytesWaiting(): number {
    return this.#budget.used;
  }

  /** Where TLS is spoken, once listening. */
  get tlsPort(): number | undefined {
    return this.#tlsPort;
  }

  /** @returns the plain port, or the TLS port when there is no other. @throws ScannerError config.port, config.invalid for TLS files */
  async listen(): Promise<number> {
    const { port, tlsPort } = await this.#listeners.listen();
    this.#tlsPort = tlsPort;
    return port;
  }

  /** Aborts what is under way and stops listening; resolves when every handler has ended. */
  async close(): Promise<void> {
    const closed = this.#listeners.close();
    for (const association of this.#running.keys()) association.abort('the server is closing');
    await Promise.all(this.#running.values());
    await closed;
  }

  #connected(arrival: Arrival): void {
    const { socket, address } = arrival;
    const log = this.#options.log.child({ address });
    const association: Association = new Association({
      socket,
      role: 'acceptor',
      clock: this.#options.clock,
      log,
      timeouts: this.#timeouts,
      maxPduLength: this.#options.maxPduLength ?? DEFAULT_MAX_PDU,
      maxDatasetBytes: this.#options.maxObjectBytes,
      budget: this.#budget,
      peerName: address,
      onAssociate: (request) => void this.#requested(association, request, arrival, log),
    });
    association.provider.start();
  }

  /** Never rejects. */
  async #requested(association: Association, request: AssociateRq, arrival: Arrival, log: Log): Promise<void> {
    const decision = await this.#decide(request, arrival);
    if (association.over) return;
    const full = decision.kind === 'admitted' ? this.#admission.enter(decision.peer) : undefined;
    if (decision.kind === 'refused') this.#reject(association, request, decision.rejection, decision.why, log);
    else if (full) this.#reject(association, request, 'localLimit', full, log);
    else this.#serve(association, request, decision, arrival, log);
  }

  async #decide(request: AssociateRq, arrival: Arrival): Promise<AccessDecision> {
    const { aeTitles, strictApplicationContext } = this.#options;
    const { applicationContext, calledAe, callingAe } = request;
    if (strictApplicationContext && applicationContext !== UIDS.applicationContext) {
      return { kind: 'refused', rejection: 'applicationContext', why: `application context ${applicationContext}` };
    }
    if (aeTitles && !aeTitles.includes(calledAe)) {
      return { kind: 'refused', rejection: 'calledAe', why: `we are ${aeTitles.join(', ')}` };
    }
    try {
      return await this.#access.check({ callingAe, ...arrival });
    } catch (error) {
      return { kind: 'refused', rejection: 'noReason', why: asScannerError(error).message };
    }
  }

  #reject(association: Association, request: AssociateRq, name: RejectionName, why: string, log: Log): void {
    log.warn({ calling: request.callingAe, called: request.calledAe, rejection: name, why }, 'association rejected');
    association.provider.reject(rejection(name));
  }

  #serve(
    association: Association,
    request: AssociateRq,
    { peer, node, services }: AccessDecision & { kind: 'admitted' },
    { socket, address }: Arrival,
    log: Log,
  ): void {
    const { calledAe, callingAe, user } = request;
    const answer = answerAssociation(request, this.#policy({ callingAe, node }, services));
    const { implementationClassUid, implementationVersionName } = user;
    const info = { calledAe, callingAe, implementationClassUid, implementationVersionName, address, node };
    association.establish(info, servedContexts(request, answer), user.maxPduLength);
    association.provider.accept(answer);
    this.#listeners.idle.leave(socket);
    const { lifetimeMs, idleMs } = this.#timeouts;
    const expiry = this.#options.clock.wall.after(lifetimeMs, () =>
      association.fail(new ScannerError('limit.resource', { what: 'lifetime of an association, ms', max: lifetimeMs })),
    );
    void association.closed.then(() => expiry.cancel());
    const channel = new DimseChannel(association, {
      clock: this.#options.clock,
      log: log.child({ peer: callingAe }),
      handler: (incoming) => this.#perform(incoming),
      idleMs,
    });
    const ended = channel.done.finally(() => {
      this.#running.delete(association);
      this.#admission.leave(peer);
      this.#listeners.idle.enter(socket); // the peer has yet to close it
    });
    this.#running.set(association, ended);
  }

  #policy(caller: Caller, services: ReadonlySet<ServiceName> | undefined): AcceptPolicy {
    return {
      transferSyntaxesFor: (sopClass) => this.#byClass.get(sopClass)?.syntaxes[sopClass],
      mayUse: (sopClass) => services?.has(serviceOf(sopClass)) ?? true,
      peerMayBeScp: (sopClass) =>
        (this.#byClass.get(sopClass)?.peerMayBeScp ?? false) &&
        (services === undefined || mayServe(sopClass, services)),
      sendsCompressed: (syntax) =>
        this.#options.services.some((service) => service.sendsCompressed?.(syntax, caller) ?? false),
      implementation: this.#options.implementation ?? DEFAULT_IMPLEMENTATION,
      maxPduLength: this.#options.maxPduLength ?? DEFAULT_MAX_PDU,
    };
  }

  #perform(request: DimseRequest): Promise<Reply> | AsyncIterable<Reply> {
    const operation = this.#byClass.get(request.context.abstractSyntax)?.operations[request.name];
    if (operation) return operation(request);
    return Promise.resolve({ status: STATUS.unrecognizedOperation, comment: `${request.name} is not offered` });
  }
}

/** A node may be the SCP of what it may use anyhow; of storage where it may retrieve, as C-GET needs it. */
function mayServe(sopClass: string, services: ReadonlySet<ServiceName>): boolean {
  const service = serviceOf(sopClass);
  return services.has(service === 'storage' ? 'retrieve' : service);
}
