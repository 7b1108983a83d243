import type { Socket } from 'node:net';
import type { Clock } from '../../../hal/base/clock.js';
import { ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import { DEFAULT_IMPLEMENTATION, type Implementation } from '../implementation.js';
import { UIDS } from '../uids.js';
import { type AcceptedContext, Association } from './association.js';
import { openSocket } from './connect.js';
import type { AssociateAc, AssociateRj, AssociateRq, ProposedContext, RoleSelection } from './pdu.js';
import { rejectionText } from './rejection.js';
import { DEFAULT_MAX_PDU, DEFAULT_TIMEOUTS, type Timeouts } from './settings.js';
import type { TlsSettings } from './tls.js';

/** A DICOM application somewhere on the network. */
export interface Node {
  aeTitle: string;
  host: string;
  port: number;
  /** How its connections are secured; plain TCP when absent. */
  tls?: TlsSettings;
  /** Its own waiting times, before those of whoever asks. */
  timeouts?: Partial<Timeouts>;
  /** Longest PDU that we take from it, bytes. */
  maxPduLength?: number;
  /** What we call ourselves to it. */
  implementation?: Implementation;
}

/** What every SCU needs to open an association. */
export interface ScuOptions {
  node: Node;
  callingAe: string;
  clock: Clock;
  log: Log;
  implementation?: Implementation;
  timeouts?: Partial<Timeouts>;
  /** Longest PDU that we take where the node has no own, bytes; default 28 KiB. */
  maxPduLength?: number;
  signal?: AbortSignal;
}

export interface Proposal {
  abstractSyntax: string;
  transferSyntaxes: readonly string[];
  /** Proposed when we want to be SCP, or both. */
  role?: { scu: boolean; scp: boolean };
}

const MAX_CONTEXTS = 128;

/** The waiting times of a request: the node's own, else the caller's, else the statement's. */
export function timeoutsOf({ node, timeouts }: Pick<ScuOptions, 'node' | 'timeouts'>): Timeouts {
  return { ...DEFAULT_TIMEOUTS, ...timeouts, ...node.timeouts };
}

/**
 * Opens a connection and an association.
 * @param proposals at most 128; context IDs 1, 3, 5 ... follow their order
 * @throws ScannerError peer.connect, peer.tls, config.invalid for unusable TLS files, peer.rejected, peer.aborted, peer.timeout, timeout.aborted
 */
export async function requestAssociation(options: ScuOptions, proposals: readonly Proposal[]): Promise<Association> {
  if (proposals.length === 0 || proposals.length > MAX_CONTEXTS) {
    throw new ScannerError('limit.size', { what: 'presentation contexts', value: proposals.length, max: MAX_CONTEXTS });
  }
  const timeouts = timeoutsOf(options);
  const { node, clock, signal } = options;
  const { aeTitle: name, host, port, tls } = node;
  const socket = await openSocket({ name, host, port, tls, clock, timeoutMs: timeouts.connectMs, signal });
  const request = makeRequest(options, proposals);
  const { association, answer } = await negotiate(options, timeouts, socket, request);
  if (answer.type === 'associate-rj') {
    const { result, source, reason: code } = answer;
    const reason = rejectionText(answer);
    throw new ScannerError('peer.rejected', { node: node.aeTitle, reason, result, source, code });
  }
  association.establish(
    {
      calledAe: request.calledAe,
      callingAe: request.callingAe,
      implementationClassUid: answer.user.implementationClassUid,
      implementationVersionName: answer.user.implementationVersionName,
      address: `${options.node.host}:${options.node.port}`,
    },
    acceptedContexts(request, answer),
    answer.user.maxPduLength,
  );
  return association;
}

function makeRequest(options: ScuOptions, proposals: readonly Proposal[]): AssociateRq {
  const implementation = options.implementation ?? options.node.implementation ?? DEFAULT_IMPLEMENTATION;
  const contexts = proposals.map(({ abstractSyntax, transferSyntaxes }, i): ProposedContext => {
    return { id: 2 * i + 1, abstractSyntax, transferSyntaxes };
  });
  const roles = new Map<string, RoleSelection>();
  for (const { abstractSyntax, role } of proposals) {
    if (role) roles.set(abstractSyntax, { sopClassUid: abstractSyntax, ...role });
  }
  return {
    type: 'associate-rq',
    protocolVersion: 1,
    calledAe: options.node.aeTitle,
    callingAe: options.callingAe,
    applicationContext: UIDS.applicationContext,
    contexts,
    user: {
      maxPduLength: options.node.maxPduLength ?? options.maxPduLength ?? DEFAULT_MAX_PDU,
      implementationClassUid: implementation.classUid,
      implementationVersionName: implementation.versionName,
      roles: [...roles.values()],
    },
  };
}

async function negotiate(
  options: ScuOptions,
  timeouts: Timeouts,
  socket: Socket,
  request: AssociateRq,
): Promise<{ association: Association; answer: AssociateAc | AssociateRj }> {
  const { node, clock, log, signal } = options;
  const { answer, onAnswer, onEnd } = awaitAnswer(node);
  const association = new Association({
    socket,
    role: 'requestor',
    clock,
    log: log.child({ peer: node.aeTitle }),
    timeouts,
    maxPduLength: request.user.maxPduLength,
    peerName: node.aeTitle,
    onAnswer,
    onEnd,
  });
  const cancel = () => association.fail(new ScannerError('timeout.aborted', { what: 'association' }, signal?.reason));
  signal?.addEventListener('abort', cancel, { once: true });
  const stopListening = () => signal?.removeEventListener('abort', cancel);
  association.closed.then(stopListening, stopListening);
  association.provider.start();
  association.provider.connected(request);
  if (signal?.aborted) cancel();
  const timer = clock.wall.after(timeouts.associateMs, () =>
    association.fail(
      new ScannerError('peer.timeout', { node: node.aeTitle, what: 'A-ASSOCIATE-RQ', ms: timeouts.associateMs }),
    ),
  );
  try {
    return { association, answer: await answer };
  } finally {
    timer.cancel();
  }
}

function awaitAnswer(node: Node) {
  let onAnswer: (answer: AssociateAc | AssociateRj) => void = () => {};
  let onEnd: (failure: ScannerError | undefined) => void = () => {};
  const answer = new Promise<AssociateAc | AssociateRj>((resolve, reject) => {
    onAnswer = resolve;
    const closed = new ScannerError('peer.aborted', { node: node.aeTitle, reason: 'the connection was closed' });
    onEnd = (failure) => reject(failure ?? closed);
  });
  return { answer, onAnswer, onEnd };
}

/** Contexts that the peer accepted, with the syntax it chose among those proposed. */
function acceptedContexts(request: AssociateRq, answer: AssociateAc): AcceptedContext[] {
  return answer.contexts.flatMap((context): AcceptedContext[] => {
    const proposed = request.contexts.find((candidate) => candidate.id === context.id);
    if (context.result !== 0 || !proposed?.transferSyntaxes.includes(context.transferSyntax)) return [];
    const { abstractSyntax } = proposed;
    const asked = request.user.roles.find((role) => role.sopClassUid === abstractSyntax);
    const granted = answer.user.roles.find((role) => role.sopClassUid === abstractSyntax);
    const { id, transferSyntax } = context;
    const weAreScu = asked && granted ? asked.scu && granted.scu : true;
    const weAreScp = asked && granted ? asked.scp && granted.scp : false;
    return [{ id, abstractSyntax, transferSyntax, weAreScu, weAreScp }];
  });
}
