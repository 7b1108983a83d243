import { readTable } from '../../hal/base/table.js';
import { type Dataset, has, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { isUid } from '../../runtime/dicom/dataset/uid.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import { UIDS } from '../../runtime/dicom/uids.js';

type StepStatus = 'IN PROGRESS' | 'COMPLETED' | 'DISCONTINUED';

/** A performed procedure step as the RIS knows it. */
export interface MppsRecord {
  sopInstanceUid: string;
  status: StepStatus;
  /** Attributes of N-CREATE with those of each N-SET over them. */
  attributes: Dataset;
  /** How many N-SET were accepted. */
  updates: number;
}

interface AttributeRule {
  keyword: string;
  /** Sequence whose items hold it; the dataset itself when absent. */
  path?: string;
  /** 1 needs a value, 2 only the element. */
  type: 1 | 2;
  /** The one final status that needs it. */
  only?: StepStatus;
}

const RULES: { create: AttributeRule[]; final: AttributeRule[]; createOnly: string[] } = readTable(
  import.meta.url,
  './mpps-attributes.json',
);
/** Error ID of an update to a step that is over: PS3.4 F.7.2.2. */
const NO_LONGER_UPDATABLE = 0xa710;

/** Modality Performed Procedure Step SCP, as strict as the standard. */
export class MppsStore {
  readonly records = new Map<string, MppsRecord>();

  service(): Service {
    return {
      syntaxes: { [UIDS.modalityPerformedProcedureStep]: UNCOMPRESSED },
      operations: { 'N-CREATE': (request) => this.#create(request), 'N-SET': (request) => this.#set(request) },
    };
  }

  async #create(request: DimseRequest): Promise<Reply> {
    const sopInstanceUid = request.command.AffectedSOPInstanceUID ?? '';
    const attributes = (await request.dataset()) ?? {};
    if (!isUid(sopInstanceUid)) return { status: STATUS.invalidInstance, comment: 'no Affected SOP Instance UID' };
    if (this.records.has(sopInstanceUid)) return { status: STATUS.duplicateInstance };
    const lacking = RULES.create.find((rule) => !fulfils(attributes, rule));
    if (lacking) return { status: STATUS.missingAttribute, comment: `${lacking.keyword} is missing` };
    if (text(attributes, 'PerformedProcedureStepStatus') !== 'IN PROGRESS') {
      return { status: STATUS.invalidAttributeValue, comment: 'a step begins IN PROGRESS' };
    }
    this.records.set(sopInstanceUid, { sopInstanceUid, status: 'IN PROGRESS', attributes, updates: 0 });
    return { status: STATUS.success };
  }

  async #set(request: DimseRequest): Promise<Reply> {
    const changes = (await request.dataset()) ?? {};
    const record = this.records.get(request.command.RequestedSOPInstanceUID ?? '');
    if (!record) return { status: STATUS.noSuchInstance };
    if (record.status !== 'IN PROGRESS') {
      const comment = `the step is ${record.status}`;
      return { status: STATUS.processingFailure, comment, fields: { ErrorID: NO_LONGER_UPDATABLE } };
    }
    const fixed = RULES.createOnly.find((keyword) => has(changes, keyword));
    if (fixed) return { status: STATUS.noSuchAttribute, comment: `${fixed} is set at creation only` };
    const status = has(changes, 'PerformedProcedureStepStatus')
      ? text(changes, 'PerformedProcedureStepStatus')
      : record.status;
    if (!isStepStatus(status)) return { status: STATUS.invalidAttributeValue, comment: `status ${status}` };
    const attributes = { ...record.attributes, ...changes };
    const rules =
      status === 'IN PROGRESS' ? [] : RULES.final.filter(({ only }) => only === undefined || only === status);
    const lacking = rules.find((rule) => !fulfils(attributes, rule));
    if (lacking) return { status: STATUS.missingAttribute, comment: `${lacking.keyword} is missing` };
    Object.assign(record, { status, attributes, updates: record.updates + 1 });
    return { status: STATUS.success };
  }
}

function fulfils(ds: Dataset, { keyword, path, type }: AttributeRule): boolean {
  if (path) return items(ds, path).every((item) => fulfils(item, { keyword, type }));
  if (!has(ds, keyword)) return false;
  return type === 2 || text(ds, keyword) !== undefined || items(ds, keyword).length > 0;
}

function isStepStatus(status: string | undefined): status is StepStatus {
  return status === 'IN PROGRESS' || status === 'COMPLETED' || status === 'DISCONTINUED';
}
