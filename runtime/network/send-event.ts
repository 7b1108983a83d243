import type { ScannerError } from '../../hal/base/errors.js';
import type { StoreResult } from '../dicom/services/store-scu.js';

/** Progress of a destination's queue. */
export type SendEvent =
  | { type: 'send.started'; node: string; seriesInstanceUid: string; instances: number }
  | { type: 'send.instance'; node: string; sopInstanceUid: string; outcome: StoreResult['outcome']; status?: string }
  | { type: 'send.retrying'; node: string; error: ScannerError; waitMs: number }
  /** The series stays unsent in part: something that trying again cannot mend, and no refusal. */
  | { type: 'send.failed'; node: string; seriesInstanceUid: string; error: ScannerError }
  | { type: 'send.done'; node: string; seriesInstanceUid: string; sent: number; failed: number }
  | { type: 'commitment.requested' | 'commitment.done'; node: string; transactionUid: string; instances: number }
  | { type: 'commitment.failed'; node: string; transactionUid: string; instances: number; reason: string };
