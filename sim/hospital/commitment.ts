import { type Clock, sleep } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { type Dataset, dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { COMMAND_FIELD } from '../../runtime/dicom/dimse/command.js';
import type { DimseRequest, Reply, Requester } from '../../runtime/dicom/dimse/performer.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import { type Node, needContext, needSuccess, withChannel } from '../../runtime/dicom/services/session.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import type { AcceptedContext } from '../../runtime/dicom/upper-layer/association.js';
import { DEFAULT_TIMEOUTS } from '../../runtime/dicom/upper-layer/settings.js';
import type { Rulebook } from './rulebook.js';
import type { ActionOf } from './script.js';

type Wish = ActionOf<'commitment'>;

export interface CommitmentOptions {
  aeTitle: string;
  /** SOP class of a stored instance, or undefined. */
  classOf(sopInstanceUid: string): string | undefined;
  /** Where results go, by the AE title that asked; titles not listed get theirs on the association of the request. */
  callbacks: readonly Node[];
  rules: Rulebook;
  clock: Clock;
  log: Log;
}

interface Result {
  eventType: number;
  transactionUid: string;
  stored: Reference[];
  failed: (Reference & { reason: number })[];
}

interface Reference {
  sopClassUid: string;
  sopInstanceUid: string;
}

const REQUEST_COMMITMENT = 1;
const ALL_COMMITTED = 1;
const SOME_FAILED = 2;

/** Storage commitment SCP, push model: PS3.4 J. */
export class Commitment {
  readonly #options: CommitmentOptions;
  readonly #reports = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: CommitmentOptions) {
    this.#options = options;
  }

  service(): Service {
    return {
      syntaxes: { [UIDS.storageCommitment]: UNCOMPRESSED },
      operations: { 'N-ACTION': (request) => this.#action(request) },
    };
  }

  /** Resolves when no result is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#reports);
  }

  /** Drops results that wait for their time, and waits for those that are being sent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
  }

  async #action(request: DimseRequest): Promise<Reply> {
    if (request.command.ActionTypeID !== REQUEST_COMMITMENT) return { status: STATUS.noSuchAction };
    const ds = await request.dataset();
    const transactionUid = ds && text(ds, 'TransactionUID');
    if (!ds || !transactionUid) return { status: STATUS.missingAttribute, comment: 'no Transaction UID' };
    const wanted = items(ds, 'ReferencedSOPSequence').map(referenceOf);
    if (wanted.length === 0) return { status: STATUS.missingAttribute, comment: 'no Referenced SOP Sequence' };
    const { callingAe, calledAe } = request.association.info;
    const wish = this.#options.rules.forCommitment({ callingAe, calledAe });
    const result = bent(this.#judge(transactionUid, wanted), wish);
    const report = this.#report(request, result, wish).catch((error) =>
      this.#options.log.warn({ error: asScannerError(error).message }, 'commitment result not delivered'),
    );
    this.#reports.add(report);
    report.finally(() => this.#reports.delete(report)).catch(() => undefined);
    return { status: STATUS.success, fields: { ActionTypeID: REQUEST_COMMITMENT } };
  }

  #judge(transactionUid: string, wanted: readonly Reference[]): Result {
    const stored: Reference[] = [];
    const failed: Result['failed'] = [];
    for (const reference of wanted) {
      const ours = this.#options.classOf(reference.sopInstanceUid);
      if (ours === undefined) failed.push({ ...reference, reason: STATUS.noSuchInstance });
      else if (ours !== reference.sopClassUid) failed.push({ ...reference, reason: STATUS.classInstanceConflict });
      else stored.push(reference);
    }
    return resultOf(transactionUid, stored, failed);
  }

  async #report(request: DimseRequest, result: Result, wish: Wish | undefined): Promise<void> {
    await request.replied; // the result never overtakes the answer to its request
    const times = wish?.times ?? 1;
    if (times === 0) return;
    if (wish?.delayMs) await sleep(this.#options.clock.wall, wish.delayMs, this.#closing.signal);
    for (let i = 0; i < times; i++) await this.#deliver(request, result, wish?.association);
  }

  async #deliver(request: DimseRequest, result: Result, how: Wish['association']): Promise<void> {
    const { callbacks } = this.#options;
    const { callingAe } = request.association.info;
    const node = callbacks.find((candidate) => candidate.aeTitle === callingAe);
    const same = how === 'same' || (how === undefined && !node);
    if (same && !request.association.over) return this.#send(request.channel, request.context, result);
    if (!node)
      throw new ScannerError('operator.unknown', { what: 'address', name: callingAe, known: titles(callbacks) });
    const { aeTitle, clock, log } = this.#options;
    const sopClass = UIDS.storageCommitment;
    const role = { scu: false, scp: true };
    const proposal = { abstractSyntax: sopClass, transferSyntaxes: UNCOMPRESSED, role };
    await withChannel({ node, callingAe: aeTitle, clock, log }, [proposal], (channel) =>
      this.#send(channel, needContext(channel, sopClass), result),
    );
  }

  async #send(channel: Requester, context: AcceptedContext, result: Result): Promise<void> {
    const command = {
      CommandField: COMMAND_FIELD['N-EVENT-REPORT'],
      AffectedSOPClassUID: UIDS.storageCommitment,
      AffectedSOPInstanceUID: UIDS.storageCommitmentInstance,
      EventTypeID: result.eventType,
    };
    const data = datasetOf(result, this.#options.aeTitle);
    needSuccess(channel, 'N-EVENT-REPORT', await channel.request(context, command, data, DEFAULT_TIMEOUTS.responseMs));
  }
}

/** The result as a rule wants it. */
function bent(truth: Result, wish: Wish | undefined): Result {
  if (!wish) return truth;
  const { transactionUid } = truth;
  const all: Reference[] = [...truth.stored, ...truth.failed];
  const reason = Number.parseInt(wish.failureReason, 16);
  const failing = (some: Reference[]) => some.map((reference) => ({ ...reference, reason }));
  const half = all.length >> 1;
  const said = {
    committed: () => resultOf(transactionUid, all, []),
    failed: () => resultOf(transactionUid, [], failing(all)),
    partial: () => resultOf(transactionUid, all.slice(0, half), failing(all.slice(half))),
  };
  return mistaken(wish.says ? said[wish.says]() : truth, wish.wrong);
}

function mistaken(result: Result, wrong: Wish['wrong']): Result {
  const change = (of: Partial<Reference>): Result => ({
    ...result,
    stored: result.stored.map((reference) => ({ ...reference, ...of })),
    failed: result.failed.map((reference) => ({ ...reference, ...of })),
  });
  switch (wrong) {
    case 'nothing':
      return result;
    case 'transaction':
      return { ...result, transactionUid: makeUid() };
    case 'instances':
      return change({ sopInstanceUid: makeUid() });
    case 'classes':
      return change({ sopClassUid: UIDS.verification });
    case 'event-type':
      return { ...result, eventType: result.eventType === ALL_COMMITTED ? SOME_FAILED : ALL_COMMITTED };
  }
}

function resultOf(transactionUid: string, stored: Reference[], failed: Result['failed']): Result {
  return { eventType: failed.length > 0 ? SOME_FAILED : ALL_COMMITTED, transactionUid, stored, failed };
}

function referenceOf(item: Dataset): Reference {
  return {
    sopClassUid: text(item, 'ReferencedSOPClassUID') ?? '',
    sopInstanceUid: text(item, 'ReferencedSOPInstanceUID') ?? '',
  };
}

function datasetOf({ transactionUid, stored, failed }: Result, aeTitle: string): Dataset {
  const itemOf = ({ sopClassUid, sopInstanceUid }: Reference) =>
    dataset({ ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid });
  const failures = failed.map((one) => ({ ...itemOf(one), ...dataset({ FailureReason: one.reason }) }));
  return dataset({
    TransactionUID: transactionUid,
    RetrieveAETitle: aeTitle,
    ...(stored.length > 0 && { ReferencedSOPSequence: stored.map(itemOf) }),
    ...(failures.length > 0 && { FailedSOPSequence: failures }),
  });
}

function titles(nodes: readonly Node[]): string {
  return nodes.map(({ aeTitle }) => aeTitle).join(', ') || 'none';
}
