import { TRANSFER_SYNTAXES } from '../dataset/transfer-syntax.js';
import type { Implementation } from '../implementation.js';
import { UIDS } from '../uids.js';
import type { AcceptedContext } from './association.js';
import type { AnsweredContext, AssociateAc, AssociateRq, ProposedContext, RoleSelection } from './pdu.js';

/** What an acceptor takes of a request, once the peer is let in. */
export interface AcceptPolicy {
  /** Transfer syntaxes taken for an abstract syntax, best first; undefined when the syntax is not served. */
  transferSyntaxesFor(abstractSyntax: string): readonly string[] | undefined;
  /** False refuses the peer an abstract syntax that others may use. */
  mayUse(abstractSyntax: string): boolean;
  /** True when the peer, though requestor, may be the service's SCP. */
  peerMayBeScp(abstractSyntax: string): boolean;
  /** True for a compressed transfer syntax that such a peer gets when it names it first; none when absent. */
  sendsCompressed?(transferSyntax: string): boolean;
  implementation: Implementation;
  maxPduLength: number;
}

/** Contexts accepted in an association; those after them are refused: statement 3.2.3.1.4. */
const MAX_ACCEPTED = 127;
/** PS3.8 table 9-18. */
const RESULT = { accepted: 0, user: 1, noReason: 2, abstractSyntax: 3, transferSyntaxes: 4 } as const;

/** The answer to a request that is let in. */
export function answerAssociation(request: AssociateRq, policy: AcceptPolicy): AssociateAc {
  let accepted = 0;
  return {
    type: 'associate-ac',
    protocolVersion: 1,
    calledAe: request.calledAe,
    callingAe: request.callingAe,
    applicationContext: UIDS.applicationContext,
    contexts: request.contexts.map((context) => {
      const answer = answerContext(context, policy, wantsToServe(request, policy, context.abstractSyntax));
      if (answer.result !== RESULT.accepted || ++accepted <= MAX_ACCEPTED) return answer;
      return { ...answer, result: RESULT.noReason };
    }),
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

function answerContext(context: ProposedContext, policy: AcceptPolicy, serves: boolean): AnsweredContext {
  const served = policy.transferSyntaxesFor(context.abstractSyntax);
  const chosen = serves ? chosenByPeer(context, policy) : served?.find((one) => context.transferSyntaxes.includes(one));
  const result = resultFor(served !== undefined, serves || policy.mayUse(context.abstractSyntax), chosen !== undefined);
  // the syntax of a refused context has no meaning, yet its item must stand there
  return { id: context.id, result, transferSyntax: chosen ?? context.transferSyntaxes[0] ?? '' };
}

/** What goes to the peer goes as the peer prefers it, but had better not have to be compressed: not all of it can be. */
function chosenByPeer({ abstractSyntax, transferSyntaxes }: ProposedContext, policy: AcceptPolicy): string | undefined {
  const served = policy.transferSyntaxesFor(abstractSyntax) ?? [];
  const taken = transferSyntaxes.filter((syntax) => served.includes(syntax));
  return taken.find((syntax) => !isCompressed(syntax) || policy.sendsCompressed?.(syntax)) ?? taken[0];
}

function isCompressed(transferSyntax: string): boolean {
  return TRANSFER_SYNTAXES[transferSyntax]?.encapsulated ?? true;
}

function resultFor(served: boolean, allowed: boolean, agreed: boolean): number {
  if (!served) return RESULT.abstractSyntax;
  if (!allowed) return RESULT.user;
  return agreed ? RESULT.accepted : RESULT.transferSyntaxes;
}

function answerRoles(request: AssociateRq, policy: AcceptPolicy): RoleSelection[] {
  return request.user.roles
    .filter((role) => policy.transferSyntaxesFor(role.sopClassUid) !== undefined)
    .map(({ sopClassUid, scu, scp }) => ({
      sopClassUid,
      scu: scu && policy.mayUse(sopClassUid),
      scp: scp && policy.peerMayBeScp(sopClassUid),
    }));
}

/** True when the peer asks for the SCP role of a class and may have it: the objects of its C-GET come this way. */
function wantsToServe({ user }: AssociateRq, policy: AcceptPolicy, abstractSyntax: string): boolean {
  const asked = user.roles.some(({ sopClassUid, scp }) => sopClassUid === abstractSyntax && scp);
  return asked && policy.peerMayBeScp(abstractSyntax);
}
