import { ScannerError } from '../../../hal/base/errors.js';
import { type Dataset, texts } from '../dataset/dataset.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import type { Response } from '../dimse/channel.js';
import { COMMAND_FIELD } from '../dimse/command.js';
import { hexStatus, statusClass } from '../dimse/status.js';
import { responseTime } from '../upper-layer/settings.js';
import { needContext, openChannel, type ScuOptions } from './session.js';

/** Sub-operations as the peer counts them. */
export interface MoveCounts {
  remaining: number;
  completed: number;
  failed: number;
  warning: number;
}

export interface MoveOptions extends ScuOptions {
  /** A MOVE information model. */
  sopClass: string;
  /** Level and unique keys. */
  identifier: Dataset;
  /** AE title that the instances go to; the peer must know it. */
  destination: string;
  onProgress?(counts: MoveCounts): void;
  /** Ends it with C-CANCEL at the next response; what was moved stays. */
  cancel?: AbortSignal;
}

export interface MoveResult extends MoveCounts {
  outcome: 'success' | 'warning' | 'failure' | 'cancel';
  /** As the standard prints it; undefined when it was cancelled before the last response. */
  status?: string;
  /** Error Comment of the last response. */
  comment?: string;
  /** Failed SOP Instance UID List (0008,0058). */
  failedUids: string[];
}

const PRIORITY_MEDIUM = 0;

/**
 * C-MOVE as SCU: statement 3.4.2.2, statuses of its Table 16. A failure status is a result, not an exception: its counters matter.
 * @throws ScannerError peer.context, peer.aborted, peer.timeout (nothing from the peer for `queryMs`), peer.*
 */
export async function move(options: MoveOptions): Promise<MoveResult> {
  const { sopClass, identifier, destination, onProgress, cancel } = options;
  const channel = await openChannel(options, [{ abstractSyntax: sopClass, transferSyntaxes: UNCOMPRESSED }]);
  try {
    const command = {
      CommandField: COMMAND_FIELD['C-MOVE'],
      AffectedSOPClassUID: sopClass,
      Priority: PRIORITY_MEDIUM,
      MoveDestination: destination,
    };
    const timeoutMs = responseTime(channel.association.options.timeouts, sopClass, 'C-MOVE');
    let counts: MoveCounts = { remaining: 0, completed: 0, failed: 0, warning: 0 };
    for await (const response of channel.exchange(needContext(channel, sopClass), command, identifier, timeoutMs)) {
      counts = countsOf(response, counts);
      if (statusClass(response.status) !== 'pending') return resultOf(response, counts);
      onProgress?.(counts);
      if (cancel?.aborted) return { ...counts, outcome: 'cancel', failedUids: [] };
    }
    const reason = 'released in mid-retrieve';
    throw channel.association.failure ?? new ScannerError('peer.aborted', { node: options.node.aeTitle, reason });
  } finally {
    await channel.release();
  }
}

/** Counters of a response; one that it leaves out keeps its last value. */
function countsOf({ command }: Response, last: MoveCounts): MoveCounts {
  return {
    remaining: command.NumberOfRemainingSuboperations ?? last.remaining,
    completed: command.NumberOfCompletedSuboperations ?? last.completed,
    failed: command.NumberOfFailedSuboperations ?? last.failed,
    warning: command.NumberOfWarningSuboperations ?? last.warning,
  };
}

function resultOf({ command, status, dataset }: Response, counts: MoveCounts): MoveResult {
  return {
    ...counts,
    remaining: command.NumberOfRemainingSuboperations ?? 0,
    outcome: statusClass(status) as MoveResult['outcome'],
    status: hexStatus(status),
    comment: command.ErrorComment,
    failedUids: dataset ? texts(dataset, 'FailedSOPInstanceUIDList') : [],
  };
}
