import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { type Dataset, dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { COMMAND_FIELD } from '../../runtime/dicom/dimse/command.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import { type Node, needContext, needSuccess, withChannel } from '../../runtime/dicom/services/session.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { DEFAULT_TIMEOUTS } from '../../runtime/dicom/upper-layer/settings.js';

export interface StoredInstance {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntax: string;
  callingAe: string;
  path: string;
  size: number;
}

export interface PacsOptions {
  aeTitle: string;
  /** Objects go to `<folder>/<SOP Instance UID>.dcm`. */
  folder: string;
  clock: Clock;
  log: Log;
  /** Where commitment results go, by the AE title that asked; titles not listed get theirs on the association of the request. */
  callbacks: readonly Node[];
}

const REQUEST_COMMITMENT = 1;
const ALL_COMMITTED = 1;
const SOME_FAILED = 2;

/** Storage and storage commitment SCP over a folder. */
export class Pacs {
  readonly instances = new Map<string, StoredInstance>();
  readonly #options: PacsOptions;
  readonly #reports = new Set<Promise<void>>();

  constructor(options: PacsOptions) {
    this.#options = options;
  }

  /** Takes up the objects that a run before left in the folder. */
  async load(): Promise<void> {
    const { folder, log } = this.#options;
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((file) => file.endsWith('.dcm'))) {
      const path = join(folder, name);
      try {
        const { meta, sopClassUid, sopInstanceUid, transferSyntax, size } = await readFileMeta(path);
        const callingAe = text(meta, 'SourceApplicationEntityTitle') ?? '';
        this.instances.set(sopInstanceUid, { sopClassUid, sopInstanceUid, transferSyntax, callingAe, path, size });
      } catch (error) {
        log.warn({ path, error: asScannerError(error).message }, 'not an object; left alone');
      }
    }
  }

  services(): Service[] {
    const storage = storageService({
      syntaxes: storageSyntaxes(),
      hash: false,
      pathFor: ({ sopInstanceUid }) => join(this.#options.folder, `${sopInstanceUid}.dcm`),
      onStored: async ({ sopClassUid, sopInstanceUid, transferSyntax, callingAe }, { path, size }) => {
        this.instances.set(sopInstanceUid, { sopClassUid, sopInstanceUid, transferSyntax, callingAe, path, size });
      },
    });
    const commitment: Service = {
      syntaxes: { [UIDS.storageCommitment]: UNCOMPRESSED },
      operations: { 'N-ACTION': (request) => this.#action(request) },
    };
    return [storage, commitment];
  }

  /** Resolves when no commitment result is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#reports);
  }

  async #action(request: DimseRequest): Promise<Reply> {
    if (request.command.ActionTypeID !== REQUEST_COMMITMENT) return { status: STATUS.noSuchAction };
    const ds = await request.dataset();
    const transactionUid = ds && text(ds, 'TransactionUID');
    if (!ds || !transactionUid) return { status: STATUS.missingAttribute, comment: 'no Transaction UID' };
    const wanted = items(ds, 'ReferencedSOPSequence');
    if (wanted.length === 0) return { status: STATUS.missingAttribute, comment: 'no Referenced SOP Sequence' };
    const { eventType, result } = this.#judge(transactionUid, wanted);
    const report = this.#report(request, eventType, result).catch((error) =>
      this.#options.log.warn({ error: asScannerError(error).message }, 'commitment result not delivered'),
    );
    this.#reports.add(report);
    report.finally(() => this.#reports.delete(report)).catch(() => undefined);
    return { status: STATUS.success, fields: { ActionTypeID: REQUEST_COMMITMENT } };
  }

  #judge(transactionUid: string, wanted: Dataset[]): { eventType: number; result: Dataset } {
    const stored: Dataset[] = [];
    const failed: Dataset[] = [];
    for (const item of wanted) {
      const sopClass = text(item, 'ReferencedSOPClassUID');
      const instance = text(item, 'ReferencedSOPInstanceUID');
      const ours = this.instances.get(instance ?? '');
      const references = { ReferencedSOPClassUID: sopClass, ReferencedSOPInstanceUID: instance };
      if (!ours) failed.push(dataset({ ...references, FailureReason: STATUS.noSuchInstance }));
      else if (ours.sopClassUid !== sopClass) {
        failed.push(dataset({ ...references, FailureReason: STATUS.classInstanceConflict }));
      } else stored.push(dataset(references));
    }
    const result = dataset({ TransactionUID: transactionUid, RetrieveAETitle: this.#options.aeTitle });
    if (stored.length > 0) Object.assign(result, dataset({ ReferencedSOPSequence: stored }));
    if (failed.length > 0) Object.assign(result, dataset({ FailedSOPSequence: failed }));
    return { eventType: failed.length > 0 ? SOME_FAILED : ALL_COMMITTED, result };
  }

  async #report(request: DimseRequest, eventType: number, result: Dataset): Promise<void> {
    const { aeTitle, callbacks, clock, log } = this.#options;
    const command = {
      CommandField: COMMAND_FIELD['N-EVENT-REPORT'],
      AffectedSOPClassUID: UIDS.storageCommitment,
      AffectedSOPInstanceUID: UIDS.storageCommitmentInstance,
      EventTypeID: eventType,
    };
    const node = callbacks.find((candidate) => candidate.aeTitle === request.association.info.callingAe);
    await request.replied; // the result never overtakes the answer to its request
    if (!node) {
      needSuccess(
        request.channel,
        'N-EVENT-REPORT',
        await request.channel.request(request.context, command, result, DEFAULT_TIMEOUTS.responseMs),
      );
      return;
    }
    const proposal = {
      abstractSyntax: UIDS.storageCommitment,
      transferSyntaxes: UNCOMPRESSED,
      role: { scu: false, scp: true },
    };
    await withChannel({ node, callingAe: aeTitle, clock, log }, [proposal], async (channel) => {
      const context = needContext(channel, UIDS.storageCommitment);
      needSuccess(
        channel,
        'N-EVENT-REPORT',
        await channel.request(context, command, result, DEFAULT_TIMEOUTS.responseMs),
      );
    });
  }
}
