import { ScannerError } from '../../../hal/base/errors.js';
import type { Dataset } from '../dataset/dataset.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import type { DimseChannel } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { statusClass } from '../dimse/status.js';
import { DEFAULT_TIMEOUTS } from '../upper-layer/settings.js';
import { needContext, openChannel, type ScuOptions, statusError } from './session.js';

export interface FindOptions extends ScuOptions {
  /** Worklist or query information model. */
  sopClass: string;
  /** Keys to match and to return. */
  query: Dataset;
  /** Cancels after so many matches. */
  limit?: number;
}

const PRIORITY_MEDIUM = 0;

/**
 * C-FIND as SCU: yields each match. Leaving the loop early, or reaching the limit, sends C-CANCEL.
 * @throws ScannerError peer.status when the query fails, peer.context, peer.*
 */
export async function* find(options: FindOptions): AsyncGenerator<Dataset> {
  const channel = await openChannel(options, [{ abstractSyntax: options.sopClass, transferSyntaxes: UNCOMPRESSED }]);
  try {
    yield* findOn(channel, options);
  } finally {
    await channel.release();
  }
}

/** C-FIND over an association that is open already; it stays open. */
export async function* findOn(
  channel: DimseChannel,
  {
    sopClass,
    query,
    limit = Number.POSITIVE_INFINITY,
    timeouts,
  }: Omit<FindOptions, keyof ScuOptions> & Pick<ScuOptions, 'timeouts'>,
): AsyncGenerator<Dataset> {
  const peer = channel.association.options.peerName;
  const context = needContext(channel, sopClass);
  const command = { CommandField: COMMAND_FIELD['C-FIND'], AffectedSOPClassUID: sopClass, Priority: PRIORITY_MEDIUM };
  const timeoutMs = timeouts?.findMs ?? DEFAULT_TIMEOUTS.findMs;
  let count = 0;
  for await (const response of channel.exchange(context, command, query, timeoutMs)) {
    const kind = statusClass(response.status);
    if (kind === 'failure') throw statusError(peer, 'C-FIND', response);
    if (kind !== 'pending') break;
    if (!response.dataset) {
      throw new ScannerError('protocol.dimse', { peer, message: 'a pending C-FIND response without an identifier' });
    }
    yield response.dataset;
    if (++count >= limit) break;
  }
}
