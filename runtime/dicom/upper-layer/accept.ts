import type { Implementation } from '../implementation.js';
import { UIDS } from '../uids.js';
import type { AcceptedContext } from './association.js';
import type { AnsweredContext, AssociateAc, AssociateRj, AssociateRq, ProposedContext, RoleSelection } from './pdu.js';

/** Whom and what an acceptor accepts. */
export interface AcceptPolicy {
  /** Titles that peers may call; undefined takes any. */
  calledAeTitles?: readonly string[];
  /** False rejects a calling AE title. */
  acceptCalling?(aeTitle: string, address: string): boolean;
  /** Transfer syntaxes taken for an abstract syntax, best first; undefined when the syntax is not served. */
  transferSyntaxesFor(abstractSyntax: string): readonly string[] | undefined;
  /** True when the peer, though requestor, may be the service's SCP. */
  peerMayBeScp(abstractSyntax: string): boolean;
  implementation: Implementation;
  maxPduLength: number;
}

/** Why an association is not served now; the peer may come again: PS3.8 table 9-21. */
export const LOCAL_LIMIT_EXCEEDED: AssociateRj = { type: 'associate-rj', result: 2, source: 3, reason: 2 };

/** Application context, calling AE title and called AE title not recognized: PS3.8 table 9-21, source service user. */
const REASON = { applicationContext: 2, callingAe: 3, calledAe: 7 } as const;
/** PS3.8 table 9-18. */
const RESULT = { accepted: 0, abstractSyntax: 3, transferSyntaxes: 4 } as const;

/** The answer to a request under a policy. */
export function answerAssociation(
  request: AssociateRq,
  policy: AcceptPolicy,
  address: string,
): AssociateAc | AssociateRj {
  const refused = refusal(request, policy, address);
  if (refused !== undefined) return { type: 'associate-rj', result: 1, source: 1, reason: refused };
  return {
    type: 'associate-ac',
    protocolVersion: 1,
    calledAe: request.calledAe,
    callingAe: request.callingAe,
    applicationContext: UIDS.applicationContext,
    contexts: request.contexts.map((context) => answerContext(context, policy)),
    user: {
      maxPduLength: policy.maxPduLength,
      implementationClassUid: policy.implementation.classUid,
      implementationVersionName: policy.implementation.versionName,
      roles: answerRoles(request, policy),
      // one operation at a time each way, whatever was proposed
      ...(request.user.asyncWindow ? { asyncWindow: { invoked: 1, performed: 1 } } : {}),
    },
  };
}

/** What an acceptor may do in each context that it accepted. */
export function servedContexts(request: AssociateRq, answer: AssociateAc): AcceptedContext[] {
  return answer.contexts.flatMap((context): AcceptedContext[] => {
    if (context.result !== RESULT.accepted) return [];
    const { abstractSyntax } = request.contexts.find((candidate) => candidate.id === context.id)!;
    const role = answer.user.roles.find((candidate) => candidate.sopClassUid === abstractSyntax);
    const { id, transferSyntax } = context;
    return [{ id, abstractSyntax, transferSyntax, weAreScp: role?.scu ?? true, weAreScu: role?.scp ?? false }];
  });
}

function refusal(request: AssociateRq, policy: AcceptPolicy, address: string): number | undefined {
  if (request.applicationContext !== UIDS.applicationContext) return REASON.applicationContext;
  if (policy.calledAeTitles && !policy.calledAeTitles.includes(request.calledAe)) return REASON.calledAe;
  if (policy.acceptCalling && !policy.acceptCalling(request.callingAe, address)) return REASON.callingAe;
  return undefined;
}

function answerContext(context: ProposedContext, policy: AcceptPolicy): AnsweredContext {
  const ours = policy.transferSyntaxesFor(context.abstractSyntax);
  const chosen = ours?.find((syntax) => context.transferSyntaxes.includes(syntax));
  const result = chosen ? RESULT.accepted : ours ? RESULT.transferSyntaxes : RESULT.abstractSyntax;
  // the syntax of a refused context has no meaning, yet its item must stand there
  return { id: context.id, result, transferSyntax: chosen ?? context.transferSyntaxes[0] ?? '' };
}

function answerRoles(request: AssociateRq, policy: AcceptPolicy): RoleSelection[] {
  return request.user.roles
    .filter((role) => policy.transferSyntaxesFor(role.sopClassUid) !== undefined)
    .map((role) => ({ ...role, scp: role.scp && policy.peerMayBeScp(role.sopClassUid) }));
}
