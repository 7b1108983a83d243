import { ScannerError } from '../../../hal/base/errors.js';
import type { Dataset } from '../dataset/dataset.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
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
  const peer = channel.association.options.peerName;
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  try {
    const context = needContext(channel, options.sopClass);
    const command = {
      CommandField: COMMAND_FIELD['C-FIND'],
      AffectedSOPClassUID: options.sopClass,
      Priority: PRIORITY_MEDIUM,
    };
    const timeoutMs = options.timeouts?.findMs ?? DEFAULT_TIMEOUTS.findMs;
    let count = 0;
    for await (const response of channel.exchange(context, command, options.query, timeoutMs)) {
      const kind = statusClass(response.status);
      if (kind === 'failure') throw statusError(peer, 'C-FIND', response);
      if (kind !== 'pending') break;
      if (!response.dataset) {
        throw new ScannerError('protocol.dimse', { peer, message: 'a pending C-FIND response without an identifier' });
      }
      yield response.dataset;
      if (++count >= limit) break;
    }
  } finally {
    await channel.release();
  }
}
