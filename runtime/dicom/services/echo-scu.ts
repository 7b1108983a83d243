import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { UIDS } from '../uids.js';
import { responseTime } from '../upper-layer/settings.js';
import { needContext, needSuccess, type ScuOptions, withChannel } from './session.js';

/**
 * Verification as SCU.
 * @returns wall milliseconds from request to response
 * @throws ScannerError peer.*
 */
export function echo(options: ScuOptions): Promise<{ ms: number }> {
  const proposal = { abstractSyntax: UIDS.verification, transferSyntaxes: UNCOMPRESSED };
  return withChannel(options, [proposal], async (channel) => {
    const context = needContext(channel, UIDS.verification);
    const started = options.clock.wall.now();
    const command = { CommandField: COMMAND_FIELD['C-ECHO'], AffectedSOPClassUID: UIDS.verification };
    const timeoutMs = responseTime(channel.association.options.timeouts, UIDS.verification, 'C-ECHO');
    needSuccess(channel, 'C-ECHO', await channel.request(context, command, undefined, timeoutMs));
    return { ms: options.clock.wall.now() - started };
  });
}
