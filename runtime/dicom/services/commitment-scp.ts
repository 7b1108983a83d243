import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import type { DimseRequest, Reply, Requester } from '../dimse/performer.js';
import { STATUS } from '../dimse/status.js';
import { UIDS } from '../uids.js';
import type { AcceptedContext } from '../upper-layer/association.js';
import { responseTime } from '../upper-layer/settings.js';
import {
  ALL_COMMITTED,
  type CommitmentResult,
  eventDataset,
  type InstanceRef,
  REQUEST_COMMITMENT,
  requestedInstances,
  SOME_FAILED,
  transactionOf,
} from './commitment-dataset.js';
import type { Service } from './server.js';
import { needContext, needSuccess, type ScuOptions, withChannel } from './session.js';

/** A commitment that a peer asks of us. */
export interface AskedCommitment {
  transactionUid: string;
  instances: InstanceRef[];
  request: DimseRequest;
}

export interface CommitmentScpOptions {
  /** Most instances in one request. */
  maxInstances: number;
  /** Keeps the request and gives its reply; the result is sent later, not before `request.replied`. */
  accept(asked: AskedCommitment): Promise<Reply>;
}

/** Takes storage commitment requests: PS3.4 J.3.2. */
export function commitmentScpService(options: CommitmentScpOptions): Service {
  return {
    syntaxes: { [UIDS.storageCommitment]: UNCOMPRESSED },
    operations: { 'N-ACTION': (request) => action(options, request) },
  };
}

async function action(options: CommitmentScpOptions, request: DimseRequest): Promise<Reply> {
  const { RequestedSOPInstanceUID: instance, ActionTypeID: type } = request.command;
  if (instance !== UIDS.storageCommitmentInstance) {
    return { status: STATUS.noSuchInstance, comment: `expected ${UIDS.storageCommitmentInstance}` };
  }
  if (type !== REQUEST_COMMITMENT) {
    return { status: STATUS.noSuchAction, comment: `action type ${type}, expected ${REQUEST_COMMITMENT}` };
  }
  const fields = { ActionTypeID: REQUEST_COMMITMENT };
  const ds = await request.dataset();
  const transactionUid = transactionOf(ds);
  if (!ds || !transactionUid) return { status: STATUS.missingAttribute, comment: 'no Transaction UID', fields };
  const instances = instancesIn(() => requestedInstances(ds));
  if (instances instanceof ScannerError) {
    return { status: STATUS.missingAttribute, comment: instances.message, fields };
  }
  if (instances.length === 0) {
    return { status: STATUS.missingAttributeValue, comment: 'no item in Referenced SOP Sequence', fields };
  }
  if (instances.length > options.maxInstances) {
    const comment = `${instances.length} instances, at most ${options.maxInstances}`;
    return { status: STATUS.resourceLimitation, comment, fields };
  }
  return { ...(await options.accept({ transactionUid, instances, request })), fields };
}

function instancesIn(read: () => InstanceRef[]): InstanceRef[] | ScannerError {
  try {
    return read();
  } catch (error) {
    return asScannerError(error);
  }
}

/** Sends a result on an association that is open. @throws ScannerError peer.status when it is refused, peer.* */
export async function sendResult(
  channel: Requester,
  context: AcceptedContext,
  result: CommitmentResult,
  aeTitle: string,
): Promise<void> {
  const command = {
    CommandField: COMMAND_FIELD['N-EVENT-REPORT'],
    AffectedSOPClassUID: UIDS.storageCommitment,
    AffectedSOPInstanceUID: UIDS.storageCommitmentInstance,
    EventTypeID: result.failed.length > 0 ? SOME_FAILED : ALL_COMMITTED,
  };
  const timeoutMs = responseTime(channel.association.options.timeouts, UIDS.storageCommitment, 'N-EVENT-REPORT');
  const response = await channel.request(context, command, eventDataset(result, aeTitle), timeoutMs);
  needSuccess(channel, 'N-EVENT-REPORT', response);
}

/** Sends a result on an association of its own, where we are the SCP. @throws ScannerError peer.* */
export async function reportResult(scu: ScuOptions, result: CommitmentResult): Promise<void> {
  const abstractSyntax = UIDS.storageCommitment;
  const role = { scu: false, scp: true };
  await withChannel(scu, [{ abstractSyntax, transferSyntaxes: UNCOMPRESSED, role }], (channel) =>
    sendResult(channel, needContext(channel, abstractSyntax), result, scu.callingAe),
  );
}
