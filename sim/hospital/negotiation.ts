import { type AssociateAc, type AssociateRq, encodePdu } from '../../runtime/dicom/upper-layer/pdu.js';
import { find } from './actions.js';
import { type Action, type ActionOf, CONTEXT_RESULTS } from './script.js';

/** A transfer syntax that nobody takes. */
const NO_SYNTAX = '2.25.0';

/** The request as the server behind is to see it: without the transfer syntaxes that the rules refuse. */
export function bendRequest(bytes: Buffer, request: AssociateRq, actions: readonly Action[]): Buffer {
  const unwanted = find(actions, 'refuse-syntax');
  return unwanted ? encodePdu(withoutSyntaxes(request, unwanted)) : bytes;
}

/** The acceptance as the rules have it; the very same when they have nothing to say. */
export function bendAnswer(answer: AssociateAc, request: AssociateRq, actions: readonly Action[]): AssociateAc {
  const refused = find(actions, 'refuse-context');
  const limit = find(actions, 'max-pdu');
  if (!refused && !limit) return answer;
  const contexts = answer.contexts.map((context) => {
    const sopClass = request.contexts.find(({ id }) => id === context.id)?.abstractSyntax ?? '';
    return refused && concerns(refused, sopClass) ? { ...context, result: CONTEXT_RESULTS[refused.result] } : context;
  });
  const user = limit ? { ...answer.user, maxPduLength: limit.bytes } : answer.user;
  return { ...answer, contexts, user };
}

function withoutSyntaxes(request: AssociateRq, unwanted: ActionOf<'refuse-syntax'>): AssociateRq {
  const contexts = request.contexts.map((context) => {
    if (!concerns(unwanted, context.abstractSyntax)) return context;
    const left = context.transferSyntaxes.filter((syntax) => !unwanted.transferSyntaxes.includes(syntax));
    return { ...context, transferSyntaxes: left.length > 0 ? left : [NO_SYNTAX] };
  });
  return { ...request, contexts };
}

function concerns({ sopClasses }: { sopClasses?: readonly string[] }, sopClass: string): boolean {
  return !sopClasses || sopClasses.includes(sopClass);
}
