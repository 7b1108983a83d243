import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Dataset } from '../dicom/dataset/dataset.js';
import { hexStatus, STATUS } from '../dicom/dimse/status.js';
import { findMatches, type Match } from '../dicom/services/find-scu.js';
import type { ScuOptions } from '../dicom/services/session.js';
import { UIDS } from '../dicom/uids.js';
import { itemFromDataset, type WorklistItem } from './item.js';
import { worklistStatusText } from './mapping.js';

export interface WorklistClientOptions extends ScuOptions {
  /** Entries accepted in one worklist; what comes beyond them cancels the query: 6.2.3. */
  limit: number;
  /** For each response, wall seconds, unless `timeouts` say it: 6.2.3. */
  waitSeconds: number;
}

/** What a worklist query brought. */
export interface WorklistAnswer {
  items: WorklistItem[];
  /** Every match came and could be read: what is not among the items is not scheduled. */
  complete: boolean;
  /** What the user should know of it. */
  notes: string[];
  /** The node said that it does not support some optional keys: FF01. */
  unsupportedKeys: boolean;
  /** Why it broke off; the items are those that came before. */
  error?: ScannerError;
}

/** JSON bytes of an item that is still one: a worklist answer is a few kilobytes. */
const MAX_ITEM = 256 * 1024;
/** Unusable answers that are told one by one. */
const TOLD = 3;

/** One C-FIND to the worklist node on an association of its own. Never throws for what a peer does: the answer says it. */
export async function askWorklist(query: Dataset, options: WorklistClientOptions): Promise<WorklistAnswer> {
  const { limit, waitSeconds, ...scu } = options;
  const reader = new AnswerReader(limit);
  const timeouts = { worklistMs: waitSeconds * 1000, ...scu.timeouts };
  const matches = findMatches({ ...scu, timeouts, sopClass: UIDS.modalityWorklist, query });
  try {
    for (let next = await matches.next(); ; next = await matches.next()) {
      if (next.done) return reader.answer(next.value.status);
      if (!reader.take(next.value)) {
        await matches.return({ status: STATUS.cancel });
        return reader.answer(STATUS.success);
      }
    }
  } catch (thrown) {
    return { ...reader.answer(STATUS.success), complete: false, error: explained(asScannerError(thrown)) };
  }
}

class AnswerReader {
  readonly #limit: number;
  readonly #items: WorklistItem[] = [];
  readonly #unusable: string[] = [];
  #unsupported = false;
  #cut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False when there are more answers than are accepted. */
  take(match: Match): boolean {
    this.#unsupported ||= match.unsupportedKeys;
    if (this.#items.length + this.#unusable.length >= this.#limit) {
      this.#cut = true;
      return false;
    }
    try {
      if (!match.dataset) throw match.unreadable;
      this.#items.push(bounded(itemFromDataset(match.dataset)));
    } catch (thrown) {
      this.#unusable.push(asScannerError(thrown).message);
    }
    return true;
  }

  answer(status: number): WorklistAnswer {
    const ended = status === STATUS.cancel;
    const complete = !ended && !this.#cut && this.#unusable.length === 0;
    return { items: this.#items, complete, notes: [...this.#notes(ended)], unsupportedKeys: this.#unsupported };
  }

  *#notes(ended: boolean): Generator<string> {
    if (ended) yield `the query was ${worklistStatusText(hexStatus(STATUS.cancel))}`;
    if (this.#cut) yield `more than ${this.#limit} entries match: the query was cut off there`;
    if (this.#unusable.length > 0) {
      const told = [...new Set(this.#unusable)].slice(0, TOLD).join('; ');
      yield `${this.#unusable.length} answers could not be used: ${told}`;
    }
  }
}

/** @throws ScannerError limit.size */
function bounded(item: WorklistItem): WorklistItem {
  const value = JSON.stringify(item).length;
  if (value > MAX_ITEM) throw new ScannerError('limit.size', { what: 'worklist answer', value, max: MAX_ITEM });
  return item;
}

/** A refusal with what its status means: Table 62. */
function explained(error: ScannerError): ScannerError {
  const meaning = error.code === 'peer.status' ? worklistStatusText(String(error.context.status)) : undefined;
  if (!meaning) return error;
  return new ScannerError('peer.status', { ...error.context, comment: `${meaning} (${error.context.comment})` });
}
