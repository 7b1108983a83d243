import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import { type Log, silentLog } from '../../hal/base/log.js';
import {
  type Dataset,
  dataset,
  getPrivate,
  has,
  remove,
  setPrivate,
  text,
} from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { EXPLICIT_LITTLE_ENDIAN, UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { isUid } from '../../runtime/dicom/dataset/uid.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { STATUS } from '../../runtime/dicom/dimse/status.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { checkCreation, checkUpdate, isStepStatus, type StepStatus } from './mpps-rules.js';

/** A performed procedure step as the RIS knows it. */
export interface MppsRecord {
  sopInstanceUid: string;
  status: StepStatus;
  /** Attributes of N-CREATE with those of each N-SET over them. */
  attributes: Dataset;
  /** How many N-SET were accepted. */
  updates: number;
}

export interface MppsOptions {
  /** Steps are kept here, each in a Part 10 file; without it they are forgotten with the process. */
  folder?: string;
  log?: Log;
}

/** Error ID of an update to a step that is over: PS3.4 F.7.2.2. */
const NO_LONGER_UPDATABLE = 0xa710;
/** Modality Performed Procedure Step Retrieve: PS3.4 F.8. */
const RETRIEVE = '1.2.840.10008.3.1.2.3.4';
const CREATOR = 'PETRIG HOSPITAL';
/** Element of our private block in a kept step: how often it was updated. */
const UPDATES = { group: '0099', element: '01' } as const;

/** Modality Performed Procedure Step SCP, as strict as the standard. Success is answered when the step is on the disk. */
export class MppsStore {
  readonly records = new Map<string, MppsRecord>();
  readonly #options: MppsOptions;
  readonly #log: Log;
  /** Requests change the steps one after another, whatever association they come on. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: MppsOptions = {}) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
  }

  /** Takes up the steps that a run before left. */
  async load(): Promise<void> {
    const { folder } = this.#options;
    if (folder === undefined) return;
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((file) => file.endsWith('.dcm'))) {
      const path = join(folder, name);
      try {
        const record = await readRecord(path);
        this.records.set(record.sopInstanceUid, record);
      } catch (error) {
        this.#log.warn({ path, error: asScannerError(error).message }, 'not a performed procedure step; left alone');
      }
    }
  }

  service(): Service {
    return {
      syntaxes: { [UIDS.modalityPerformedProcedureStep]: UNCOMPRESSED, [RETRIEVE]: UNCOMPRESSED },
      operations: {
        'N-CREATE': (request) => this.#inTurn(request, () => this.#create(request)),
        'N-SET': (request) => this.#inTurn(request, () => this.#set(request)),
        'N-GET': async (request) => this.#get(request),
      },
    };
  }

  #inTurn(request: DimseRequest, work: () => Promise<Reply>): Promise<Reply> {
    if (request.context.abstractSyntax === RETRIEVE) {
      return Promise.resolve({ status: STATUS.unrecognizedOperation, comment: 'the retrieve class only has N-GET' });
    }
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #create(request: DimseRequest): Promise<Reply> {
    const sopInstanceUid = request.command.AffectedSOPInstanceUID ?? '';
    const attributes = (await request.dataset()) ?? {};
    if (!isUid(sopInstanceUid)) return { status: STATUS.invalidInstance, comment: 'no Affected SOP Instance UID' };
    if (this.records.has(sopInstanceUid)) return { status: STATUS.duplicateInstance };
    const fault = checkCreation(attributes);
    if (fault) return fault;
    if (text(attributes, 'PerformedProcedureStepStatus') !== 'IN PROGRESS') {
      return { status: STATUS.invalidAttributeValue, comment: 'a step begins IN PROGRESS' };
    }
    await this.#keep({ sopInstanceUid, status: 'IN PROGRESS', attributes, updates: 0 });
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
    const status = has(changes, 'PerformedProcedureStepStatus')
      ? text(changes, 'PerformedProcedureStepStatus')
      : record.status;
    if (!isStepStatus(status)) return { status: STATUS.invalidAttributeValue, comment: `status ${status ?? 'empty'}` };
    const attributes = { ...record.attributes, ...changes };
    const fault = checkUpdate(changes, attributes, status);
    if (fault) return fault;
    await this.#keep({ ...record, status, attributes, updates: record.updates + 1 });
    return { status: STATUS.success };
  }

  #get(request: DimseRequest): Reply {
    const { RequestedSOPInstanceUID, AttributeIdentifierList } = request.command;
    const record = this.records.get(RequestedSOPInstanceUID ?? '');
    if (!record) return { status: STATUS.noSuchInstance };
    const wanted = AttributeIdentifierList ?? Object.keys(record.attributes);
    const known = wanted.filter((tag) => record.attributes[tag] !== undefined);
    const asked = new Set(['00080005', ...known]);
    const found = Object.fromEntries(Object.entries(record.attributes).filter(([tag]) => asked.has(tag)));
    // attribute list error, a warning: PS3.7 10.1.2.1.9
    const status = known.length === wanted.length ? STATUS.success : 0x0107;
    return { status, dataset: found };
  }

  async #keep(record: MppsRecord): Promise<void> {
    const { folder } = this.#options;
    if (folder !== undefined) await writeRecord(folder, record);
    const known = this.records.get(record.sopInstanceUid);
    if (known) Object.assign(known, record);
    else this.records.set(record.sopInstanceUid, record);
  }
}

async function writeRecord(folder: string, { sopInstanceUid, attributes, updates }: MppsRecord): Promise<void> {
  const identity = {
    SOPClassUID: UIDS.modalityPerformedProcedureStep,
    SOPInstanceUID: sopInstanceUid,
    SpecificCharacterSet: 'ISO_IR 192', // requests may have come in different ones
  };
  const kept = { ...attributes, ...dataset(identity) };
  setPrivate(kept, CREATOR, UPDATES.group, UPDATES.element, 'US', [updates]);
  await writePart10File(join(folder, `${sopInstanceUid}.dcm`), kept, EXPLICIT_LITTLE_ENDIAN);
}

/** @throws ScannerError data.dicom, data.invalid */
async function readRecord(path: string): Promise<MppsRecord> {
  const { sopInstanceUid, dataset: kept } = await readHeader(path);
  const status = text(kept, 'PerformedProcedureStepStatus');
  if (!isStepStatus(status)) throw new ScannerError('data.invalid', { what: path, message: `status ${status}` });
  const updates = Number(getPrivate(kept, CREATOR, UPDATES.group, UPDATES.element)?.Value[0] ?? 0);
  const attributes = Object.fromEntries(Object.entries(kept).filter(([tag]) => !tag.startsWith(UPDATES.group)));
  remove(remove(attributes, 'SOPClassUID'), 'SOPInstanceUID');
  return { sopInstanceUid, status, attributes, updates };
}
