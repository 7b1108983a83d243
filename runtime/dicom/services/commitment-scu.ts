import type { Clock } from '../../../hal/base/clock.js';
import { within } from '../../../hal/base/deadline.js';
import type { Log } from '../../../hal/base/log.js';
import { type Dataset, dataset, items, needText, number, text } from '../dataset/dataset.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import { makeUid } from '../dataset/uid.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import { hexStatus, STATUS } from '../dimse/status.js';
import { UIDS } from '../uids.js';
import { timeoutsOf } from '../upper-layer/request.js';
import { responseTime } from '../upper-layer/settings.js';
import type { Service } from './server.js';
import { needContext, needSuccess, openChannel, type ScuOptions } from './session.js';

export interface InstanceRef {
  sopClassUid: string;
  sopInstanceUid: string;
}

export interface CommitmentResult {
  transactionUid: string;
  /** Where the committed instances may be retrieved, when the node says so. */
  retrieveAeTitle?: string;
  committed: InstanceRef[];
  /** Failure Reason (0008,1197) as the standard prints it. */
  failed: (InstanceRef & { reason: string })[];
}

export interface CommitmentRequest extends ScuOptions {
  instances: readonly InstanceRef[];
  /** Default: a new one. */
  transactionUid?: string;
  /** How long the association of the request stays open for the result, wall ms; 0 releases it at once. Default 0. */
  keepOpenMs?: number;
}

export interface CommitmentScuOptions {
  clock: Clock;
  log: Log;
  /** Takes results that nobody in this process waits for (after a restart); false when the transaction is unknown. */
  onUnclaimed?(result: CommitmentResult): Promise<boolean>;
}

const REQUEST_COMMITMENT = 1;
const ALL_COMMITTED = 1;
const SOME_FAILED = 2;

/**
 * Storage commitment as SCU. Results come on the request's association while it is open, or on one that the peer opens:
 * put `service()` into the DicomServer for those.
 */
export class CommitmentScu {
  readonly #options: CommitmentScuOptions;
  readonly #waiting = new Map<string, (result: CommitmentResult) => void>();

  constructor(options: CommitmentScuOptions) {
    this.#options = options;
  }

  /** Receives N-EVENT-REPORT on associations that SCPs open. */
  service(): Service {
    return {
      syntaxes: { [UIDS.storageCommitment]: UNCOMPRESSED },
      operations: { 'N-EVENT-REPORT': (request) => this.#event(request) },
      peerMayBeScp: true,
    };
  }

  /**
   * Asks for commitment and waits for the result.
   * @throws ScannerError peer.status when the request is refused, peer.timeout when no result comes within `timeouts.commitMs`, peer.*
   */
  async request(request: CommitmentRequest): Promise<CommitmentResult> {
    const { clock } = this.#options;
    const transactionUid = request.transactionUid ?? makeUid();
    const ms = timeoutsOf(request).commitMs;
    const arrived = new Promise<CommitmentResult>((resolve) => this.#waiting.set(transactionUid, resolve));
    try {
      await this.#ask(request, transactionUid, arrived);
      const context = { node: request.node.aeTitle, what: 'storage commitment' };
      return await within(arrived, { clock: clock.wall, ms, signal: request.signal, code: 'peer.timeout', context });
    } finally {
      this.#waiting.delete(transactionUid);
    }
  }

  async #ask(request: CommitmentRequest, transactionUid: string, arrived: Promise<unknown>): Promise<void> {
    const sopClass = UIDS.storageCommitment;
    const proposal = { abstractSyntax: sopClass, transferSyntaxes: UNCOMPRESSED };
    const channel = await openChannel(request, [proposal], (incoming) =>
      incoming.name === 'N-EVENT-REPORT'
        ? this.#event(incoming)
        : Promise.resolve({ status: STATUS.unrecognizedOperation }),
    );
    try {
      const command = {
        CommandField: COMMAND_FIELD['N-ACTION'],
        RequestedSOPClassUID: sopClass,
        RequestedSOPInstanceUID: UIDS.storageCommitmentInstance,
        ActionTypeID: REQUEST_COMMITMENT,
      };
      const timeoutMs = responseTime(channel.association.options.timeouts, sopClass, 'N-ACTION');
      const data = actionDataset(transactionUid, request.instances);
      needSuccess(channel, 'N-ACTION', await channel.request(needContext(channel, sopClass), command, data, timeoutMs));
      const keepOpenMs = request.keepOpenMs ?? 0;
      const first = Promise.race([arrived, channel.done]);
      if (keepOpenMs > 0) {
        await within(first, { clock: this.#options.clock.wall, ms: keepOpenMs }).catch(() => undefined);
      }
    } finally {
      await channel.release();
    }
  }

  async #event(request: DimseRequest): Promise<Reply> {
    const eventType = request.command.EventTypeID;
    if (eventType !== ALL_COMMITTED && eventType !== SOME_FAILED) return { status: STATUS.noSuchEventType };
    const ds = await request.dataset();
    if (!ds || !text(ds, 'TransactionUID')) {
      return { status: STATUS.missingAttribute, comment: 'no Transaction UID' };
    }
    const result = commitmentResult(ds);
    const waiting = this.#waiting.get(result.transactionUid);
    const fields = { EventTypeID: eventType };
    if (!waiting && !(await this.#options.onUnclaimed?.(result))) {
      this.#options.log.warn({ transactionUid: result.transactionUid }, 'commitment result for an unknown transaction');
      return { status: STATUS.processingFailure, comment: 'unknown transaction', fields };
    }
    waiting?.(result);
    return { status: STATUS.success, fields };
  }
}

function actionDataset(transactionUid: string, instances: readonly InstanceRef[]): Dataset {
  return dataset({ TransactionUID: transactionUid, ReferencedSOPSequence: instances.map(reference) });
}

function reference({ sopClassUid, sopInstanceUid }: InstanceRef): Dataset {
  return dataset({ ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid });
}

/** @throws ScannerError data.missing */
function commitmentResult(ds: Dataset): CommitmentResult {
  const instance = (item: Dataset): InstanceRef => ({
    sopClassUid: needText(item, 'ReferencedSOPClassUID'),
    sopInstanceUid: needText(item, 'ReferencedSOPInstanceUID'),
  });
  return {
    transactionUid: needText(ds, 'TransactionUID'),
    retrieveAeTitle: text(ds, 'RetrieveAETitle'),
    committed: items(ds, 'ReferencedSOPSequence').map(instance),
    failed: items(ds, 'FailedSOPSequence').map((item) => {
      const reason = number(item, 'FailureReason') ?? STATUS.processingFailure;
      return { ...instance(item), reason: hexStatus(reason) };
    }),
  };
}
