import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { DimseChannel, type Response } from '../dimse/channel.js';
import type { Requester, RequestHandler } from '../dimse/performer.js';
import { hexStatus, statusClass } from '../dimse/status.js';
import type { AcceptedContext } from '../upper-layer/association.js';
import { type Proposal, requestAssociation, type ScuOptions } from '../upper-layer/request.js';

export type { Node, ScuOptions } from '../upper-layer/request.js';

/**
 * Opens an association, hands its channel to `use`, and releases it; aborts it when `use` fails.
 * @throws ScannerError of the association or of `use`
 */
export async function withChannel<T>(
  options: ScuOptions,
  proposals: readonly Proposal[],
  use: (channel: DimseChannel) => Promise<T>,
  handler?: RequestHandler,
): Promise<T> {
  const channel = await openChannel(options, proposals, handler);
  try {
    const result = await use(channel);
    await channel.release();
    return result;
  } catch (error) {
    const failure = asScannerError(error);
    channel.association.fail(failure);
    throw failure;
  }
}

export async function openChannel(
  options: ScuOptions,
  proposals: readonly Proposal[],
  handler?: RequestHandler,
): Promise<DimseChannel> {
  const association = await requestAssociation(options, proposals);
  return new DimseChannel(association, { clock: options.clock, log: options.log, handler });
}

/** @throws ScannerError peer.context when the peer took none of the abstract syntax's contexts */
export function needContext(channel: DimseChannel, abstractSyntax: string, transferSyntax?: string): AcceptedContext {
  const context = channel.association.contextFor(abstractSyntax, transferSyntax);
  if (context) return context;
  const what = transferSyntax ? `${abstractSyntax} in ${transferSyntax}` : abstractSyntax;
  throw new ScannerError('peer.context', { node: channel.association.options.peerName, what });
}

/** Passes success and warning on. @throws ScannerError peer.status for anything else */
export function needSuccess(channel: Requester, command: string, response: Response): Response {
  const kind = statusClass(response.status);
  if (kind === 'success' || kind === 'warning') return response;
  throw statusError(channel.association.options.peerName, command, response);
}

export function statusError(node: string, command: string, response: Response): ScannerError {
  const comment = response.command.ErrorComment ?? 'no comment';
  return new ScannerError('peer.status', { node, command, status: hexStatus(response.status), comment });
}
