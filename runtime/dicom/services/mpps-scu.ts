import type { Dataset } from '../dataset/dataset.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import type { Response } from '../dimse/channel.js';
import { COMMAND_FIELD, type Command } from '../dimse/command.js';
import { hexStatus } from '../dimse/status.js';
import { UIDS } from '../uids.js';
import { responseTime } from '../upper-layer/settings.js';
import { needContext, needSuccess, type ScuOptions, withChannel } from './session.js';

export interface MppsOptions extends ScuOptions {
  sopInstanceUid: string;
  attributes: Dataset;
}

export interface MppsResult {
  /** Success or warning, as the standard prints it. */
  status: string;
  /** Attributes that the SCP answered with. */
  dataset: Dataset | undefined;
}

const MPPS = UIDS.modalityPerformedProcedureStep;

/** N-CREATE of a performed procedure step. @throws ScannerError peer.status, peer.context, peer.* */
export function createMpps(options: MppsOptions): Promise<MppsResult> {
  return ask(options, 'N-CREATE', {
    CommandField: COMMAND_FIELD['N-CREATE'],
    AffectedSOPClassUID: MPPS,
    AffectedSOPInstanceUID: options.sopInstanceUid,
  });
}

/** N-SET of a performed procedure step. @throws ScannerError peer.status, peer.context, peer.* */
export function setMpps(options: MppsOptions): Promise<MppsResult> {
  return ask(options, 'N-SET', {
    CommandField: COMMAND_FIELD['N-SET'],
    RequestedSOPClassUID: MPPS,
    RequestedSOPInstanceUID: options.sopInstanceUid,
  });
}

function ask(options: MppsOptions, name: string, command: Command): Promise<MppsResult> {
  return withChannel(options, [{ abstractSyntax: MPPS, transferSyntaxes: UNCOMPRESSED }], async (channel) => {
    const context = needContext(channel, MPPS);
    const timeoutMs = responseTime(channel.association.options.timeouts, MPPS, name);
    const response: Response = await channel.request(context, command, options.attributes, timeoutMs);
    needSuccess(channel, name, response);
    return { status: hexStatus(response.status), dataset: response.dataset };
  });
}
