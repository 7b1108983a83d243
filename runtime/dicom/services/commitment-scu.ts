import type { Clock } from '../../../hal/base/clock.js';
import { within } from '../../../hal/base/deadline.js';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import { makeUid } from '../dataset/uid.js';
import type { DimseChannel } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import { STATUS } from '../dimse/status.js';
import { UIDS } from '../uids.js';
import { timeoutsOf } from '../upper-layer/request.js';
import { responseTime } from '../upper-layer/settings.js';
import {
  ALL_COMMITTED,
  actionDataset,
  type CommitmentResult,
  commitmentResult,
  type InstanceRef,
  REQUEST_COMMITMENT,
  SOME_FAILED,
  transactionOf,
} from './commitment-dataset.js';
import type { Service } from './server.js';
import { needContext, needSuccess, openChannel, type ScuOptions } from './session.js';

export type { CommitmentResult, InstanceRef } from './commitment-dataset.js';

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
  /** Takes results that no `request` waits for; false when the transaction is unknown. The peer is answered once it resolves. */
  onUnclaimed?(result: CommitmentResult): Promise<boolean>;
}

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
      const { closed } = await this.ask({ ...request, transactionUid }, arrived);
      await closed;
      const context = { node: request.node.aeTitle, what: 'storage commitment' };
      return await within(arrived, { clock: clock.wall, ms, signal: request.signal, code: 'peer.timeout', context });
    } finally {
      this.#waiting.delete(transactionUid);
    }
  }

  /**
   * Asks for commitment; resolves when the peer has accepted the request. The association then stays open for `keepOpenMs`, or until
   * `arrived` or the peer ends it; `closed` tells when it is gone and never rejects.
   * @throws ScannerError peer.status when the request is refused, peer.*
   */
  async ask(
    request: CommitmentRequest & { transactionUid: string },
    arrived: Promise<unknown>,
  ): Promise<{ closed: Promise<void> }> {
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
      const data = actionDataset(request.transactionUid, request.instances);
      needSuccess(channel, 'N-ACTION', await channel.request(needContext(channel, sopClass), command, data, timeoutMs));
    } catch (error) {
      await channel.release();
      throw error;
    }
    return { closed: this.#linger(channel, arrived, request) };
  }

  async #linger(
    channel: DimseChannel,
    arrived: Promise<unknown>,
    { keepOpenMs: ms = 0, signal }: CommitmentRequest,
  ): Promise<void> {
    const { clock, log } = this.#options;
    const first = Promise.race([arrived, channel.done]);
    if (ms > 0) await within(first, { clock: clock.wall, ms, signal }).catch(() => undefined);
    if (signal?.aborted) channel.association.fail(new ScannerError('timeout.aborted', { what: 'commitment' }));
    else await channel.release().catch((error) => log.debug({ error: asScannerError(error).message }, 'not released'));
  }

  async #event(request: DimseRequest): Promise<Reply> {
    const eventType = request.command.EventTypeID;
    if (eventType !== ALL_COMMITTED && eventType !== SOME_FAILED) return { status: STATUS.noSuchEventType };
    const ds = await request.dataset();
    if (!ds || !transactionOf(ds)) return { status: STATUS.missingAttribute, comment: 'no Transaction UID' };
    const result = commitmentResult(ds);
    const waiting = this.#waiting.get(result.transactionUid);
    const fields = { EventTypeID: eventType };
    if (!waiting && !(await this.#options.onUnclaimed?.(result))) {
      this.#options.log.warn({ transactionUid: result.transactionUid }, 'commitment result for an unknown transaction');
      // an argument that makes no sense to us: PS3.7 10.1.1.1.8
      return { status: STATUS.invalidArgument, comment: 'unknown transaction', fields };
    }
    waiting?.(result);
    return { status: STATUS.success, fields };
  }
}
