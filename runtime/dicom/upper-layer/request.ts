import { connect, type Socket } from 'node:net';
import type { Clock } from '../../../hal/base/clock.js';
import { ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import { readTable } from '../../../hal/base/table.js';
import { DEFAULT_IMPLEMENTATION, type Implementation } from '../implementation.js';
import { UIDS } from '../uids.js';
import { type AcceptedContext, Association } from './association.js';
import type { AssociateAc, AssociateRj, AssociateRq, ProposedContext, RoleSelection } from './pdu.js';
import { DEFAULT_MAX_PDU, DEFAULT_TIMEOUTS, type Timeouts } from './settings.js';

/** A DICOM application somewhere on the network. */
export interface Node {
  aeTitle: string;
  host: string;
  port: number;
}

/** What every SCU needs to open an association. */
export interface ScuOptions {
  node: Node;
  callingAe: string;
  clock: Clock;
  log: Log;
  implementation?: Implementation;
  timeouts?: Partial<Timeouts>;
  /** Longest PDU that we take, bytes; default 28 KiB. */
  maxPduLength?: number;
  signal?: AbortSignal;
}

export interface Proposal {
  abstractSyntax: string;
  transferSyntaxes: readonly string[];
  /** Proposed when we want to be SCP, or both. */
  role?: { scu: boolean; scp: boolean };
}

const REJECTIONS: Readonly<Record<string, string>> = readTable(import.meta.url, '../tables/rejections.json');
const MAX_CONTEXTS = 128;

/**
 * Opens a connection and an association.
 * @param proposals at most 128; context IDs 1, 3, 5 ... follow their order
 * @throws ScannerError peer.connect, peer.rejected, peer.aborted, peer.timeout, timeout.aborted
 */
export async function requestAssociation(options: ScuOptions, proposals: readonly Proposal[]): Promise<Association> {
  if (proposals.length === 0 || proposals.length > MAX_CONTEXTS) {
    throw new ScannerError('limit.size', { what: 'presentation contexts', value: proposals.length, max: MAX_CONTEXTS });
  }
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const socket = await openSocket(options, timeouts.connectMs);
  const request = makeRequest(options, proposals);
  const { association, answer } = await negotiate(options, timeouts, socket, request);
  if (answer.type === 'associate-rj') {
    const reason = REJECTIONS[`${answer.source}.${answer.reason}`] ?? `source ${answer.source} reason ${answer.reason}`;
    const { result, source } = answer;
    throw new ScannerError('peer.rejected', {
      node: options.node.aeTitle,
      reason,
      result,
      source,
      code: answer.reason,
    });
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
  const implementation = options.implementation ?? DEFAULT_IMPLEMENTATION;
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
      maxPduLength: options.maxPduLength ?? DEFAULT_MAX_PDU,
      implementationClassUid: implementation.classUid,
      implementationVersionName: implementation.versionName,
      roles: [...roles.values()],
    },
  };
}

function openSocket(options: ScuOptions, connectMs: number): Promise<Socket> {
  const { node, clock, signal } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: node.host, port: node.port });
    const timer = clock.wall.after(connectMs, () => fail(`no answer within ${connectMs} ms`));
    const cancel = () => settle(() => reject(new ScannerError('timeout.aborted', { what: 'connect' }, signal?.reason)));
    const fail = (message: string) =>
      settle(() => reject(new ScannerError('peer.connect', { node: node.aeTitle, ...node, message })));
    const failed = (error: Error) => fail(error.message);
    const settle = (act: () => void, keep = false) => {
      timer.cancel();
      signal?.removeEventListener('abort', cancel);
      socket.removeListener('error', failed);
      if (!keep) socket.on('error', () => {}).destroy();
      act();
    };
    socket.once('error', failed);
    socket.once('connect', () => settle(() => resolve(socket), true));
    if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
  });
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
