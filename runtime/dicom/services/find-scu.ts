import { ScannerError } from '../../../hal/base/errors.js';
import type { Dataset } from '../dataset/dataset.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import type { DimseChannel, Response } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { STATUS, statusClass } from '../dimse/status.js';
import { responseTime } from '../upper-layer/settings.js';
import { needContext, openChannel, type ScuOptions, statusError } from './session.js';

export interface FindOptions extends ScuOptions {
  /** Worklist or query information model. */
  sopClass: string;
  /** Keys to match and to return. */
  query: Dataset;
  /** Cancels after so many matches. */
  limit?: number;
}

/** One pending answer. */
export interface Match {
  /** The identifier; undefined when what came cannot be read. */
  dataset: Dataset | undefined;
  /** Why it cannot be read. */
  unreadable?: ScannerError;
  /** FF01: the peer does not support some optional key for existence or matching. */
  unsupportedKeys: boolean;
}

/** How a query ended: success, or cancel when the peer ended it. */
export interface FindEnd {
  status: number;
}

type Query = Omit<FindOptions, keyof ScuOptions>;

const PRIORITY_MEDIUM = 0;

/**
 * C-FIND as SCU: yields each match. Leaving the loop early, or reaching the limit, sends C-CANCEL.
 * @throws ScannerError peer.status when the query fails, data.dicom for a match that cannot be read, peer.context, peer.*
 */
export async function* find(options: FindOptions): AsyncGenerator<Dataset> {
  for await (const { dataset, unreadable } of findMatches(options)) {
    if (!dataset) throw unreadable;
    yield dataset;
  }
}

/**
 * C-FIND over an association of its own, answer by answer with what each says of itself. Leaving early sends C-CANCEL; a peer
 * that answers on is waited for as long as for one response, then the association is aborted.
 * @throws ScannerError peer.status when the query fails, peer.context, peer.*
 */
export async function* findMatches(options: FindOptions): AsyncGenerator<Match, FindEnd> {
  const channel = await openChannel(options, [{ abstractSyntax: options.sopClass, transferSyntaxes: UNCOMPRESSED }]);
  const matches = matchesOn(channel, options);
  try {
    for (let next = await matches.next(); ; next = await matches.next()) {
      if (next.done) return next.value;
      yield next.value;
    }
  } finally {
    const ms = responseTime(channel.association.options.timeouts, options.sopClass, 'C-FIND');
    const overdue = new ScannerError('peer.timeout', { node: options.node.aeTitle, what: 'C-CANCEL', ms });
    const patience = options.clock.wall.after(ms, () => channel.association.fail(overdue));
    await matches.return({ status: STATUS.cancel });
    patience.cancel();
    await channel.release();
  }
}

/** C-FIND over an association that is open already; it stays open. */
export async function* findOn(channel: DimseChannel, query: Query): AsyncGenerator<Dataset> {
  for await (const { dataset, unreadable } of matchesOn(channel, query)) {
    if (!dataset) throw unreadable;
    yield dataset;
  }
}

/** C-FIND over an association that is open already, answer by answer. */
export async function* matchesOn(channel: DimseChannel, options: Query): AsyncGenerator<Match, FindEnd> {
  const { sopClass, query, limit = Number.POSITIVE_INFINITY } = options;
  const { peerName: peer, timeouts } = channel.association.options;
  const context = needContext(channel, sopClass);
  const command = { CommandField: COMMAND_FIELD['C-FIND'], AffectedSOPClassUID: sopClass, Priority: PRIORITY_MEDIUM };
  const timeoutMs = responseTime(timeouts, sopClass, 'C-FIND');
  let count = 0;
  for await (const response of channel.exchange(context, command, query, timeoutMs)) {
    const kind = statusClass(response.status);
    if (kind === 'failure') throw statusError(peer, 'C-FIND', response);
    if (kind !== 'pending') return { status: response.status };
    yield matchOf(peer, response);
    if (++count >= limit) return { status: STATUS.cancel };
  }
  // the association was released between two answers: what came may be anything but all
  throw (
    channel.association.failure ?? new ScannerError('peer.aborted', { node: peer, reason: 'released in mid-query' })
  );
}

/** @throws ScannerError protocol.dimse when there is no identifier at all */
function matchOf(peer: string, response: Response): Match {
  const { dataset, unreadable, status } = response;
  if (!dataset && !unreadable) {
    throw new ScannerError('protocol.dimse', { peer, message: 'a pending C-FIND response without an identifier' });
  }
  return { dataset, unreadable, unsupportedKeys: status === STATUS.pendingWarning };
}
