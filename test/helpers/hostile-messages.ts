import { dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { COMMAND_FIELD, type Command, encodeCommand } from '../../runtime/dicom/dimse/command.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { encodePdu } from '../../runtime/dicom/upper-layer/pdu.js';
import { CT_IMAGE } from './dicom.js';
import { mutate } from './mutations.js';
import type { Random } from './random.js';
import { associateRq, ECHO, pdv, VERIFICATION } from './raw-peer.js';

const STUDY_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const CONTEXT = { echo: 1, store: 3, find: 5, action: 7 } as const;

/** A good message: a command and perhaps a dataset in a context. */
export interface Recorded {
  context: number;
  command: Buffer;
  dataset?: Buffer;
}

export const ASSOCIATE = encodePdu(
  associateRq({
    [CONTEXT.echo]: VERIFICATION,
    [CONTEXT.store]: CT_IMAGE,
    [CONTEXT.find]: STUDY_FIND,
    [CONTEXT.action]: UIDS.storageCommitment,
  }),
);
export const RELEASE = encodePdu({ type: 'release-rq' });
export const ABORT = encodePdu({ type: 'abort', source: 0, reason: 0 });

/** C-ECHO, C-STORE, C-FIND and N-ACTION as good peers send them. */
export const RECORDED: readonly Recorded[] = [
  { context: CONTEXT.echo, command: encodeCommand(ECHO(1), false) },
  { context: CONTEXT.store, command: withData(store('2.25.4001')), dataset: image('2.25.4001') },
  { context: CONTEXT.find, command: withData(find()), dataset: identifier() },
  { context: CONTEXT.action, command: withData(action()), dataset: commitment() },
];

/** Bytes of a message in P-DATA-TFs, with the dataset in two fragments. */
export function wire({ context, command, dataset: data }: Recorded): Buffer {
  const parts = [pdv(context, command, { command: true })];
  if (data) {
    const half = data.length >> 1;
    parts.push(pdv(context, data.subarray(0, half), { command: false, last: false }));
    parts.push(pdv(context, data.subarray(half), { command: false }));
  }
  return Buffer.concat(parts);
}

/** A query, a commitment request or an echo changed below its PDVs: the association outlives most of them. */
export function mutatedMessage(random: Random): Buffer {
  const [echoed, , found, acted] = RECORDED as readonly [Recorded, Recorded, Recorded, Recorded];
  const { context, command, dataset: data } = random.pick([echoed, found, found, acted, acted]);
  if (data) return wire({ context, command, dataset: mutate(data, random, random.pick([found, acted]).dataset!) });
  const changed = Buffer.from(command); // its Message ID and the UID: the rest decides whether anything follows
  changed[56 + random.below(2)] = random.below(256);
  changed[20 + random.below(18)] = random.below(256);
  return wire({ context, command: changed });
}

/** Any message changed anywhere below its PDVs: objects that are not plausible and commands that are none end the association. */
export function mutatedFatally(random: Random): Buffer {
  const { context, command, dataset: data } = random.pick(RECORDED);
  const other = random.pick(RECORDED);
  if (data && random.below(3) > 0) {
    return wire({ context, command, dataset: mutate(data, random, other.dataset ?? other.command) });
  }
  return wire({ context, command: mutate(command, random, other.command), ...(data ? { dataset: data } : {}) });
}

/** Whole PDUs changed, swapped or repeated: the association seldom outlives it. */
export function mutatedPdus(random: Random): Buffer {
  const all = [ASSOCIATE, RELEASE, ABORT, ...RECORDED.map(wire)];
  const [one, two] = [random.pick(all), random.pick(all)];
  const swapped = random.below(4) === 0 ? Buffer.concat([two, one]) : one;
  return mutate(swapped, random, two);
}

function withData(command: Command): Buffer {
  return encodeCommand(command, true);
}

function store(uid: string): Command {
  return {
    CommandField: COMMAND_FIELD['C-STORE'],
    MessageID: 2,
    Priority: 0,
    AffectedSOPClassUID: CT_IMAGE,
    AffectedSOPInstanceUID: uid,
  };
}

function find(): Command {
  return { CommandField: COMMAND_FIELD['C-FIND'], MessageID: 3, Priority: 0, AffectedSOPClassUID: STUDY_FIND };
}

function action(): Command {
  return {
    CommandField: COMMAND_FIELD['N-ACTION'],
    MessageID: 4,
    ActionTypeID: 1,
    RequestedSOPClassUID: UIDS.storageCommitment,
    RequestedSOPInstanceUID: UIDS.storageCommitmentInstance,
  };
}

function image(uid: string): Buffer {
  const ds = dataset({
    SpecificCharacterSet: 'ISO_IR 100',
    SOPClassUID: CT_IMAGE,
    SOPInstanceUID: uid,
    StudyInstanceUID: '2.25.41',
    SeriesInstanceUID: '2.25.42',
    PatientName: 'Hostile^Minute',
    PatientID: 'H1',
    Modality: 'CT',
    ReferencedStudySequence: [dataset({ ReferencedSOPInstanceUID: '1.2.3', ReferencedSOPClassUID: '1.2' })],
  });
  setElement(ds, '00290010', 'LO', ['SIEMENS CSA HEADER']);
  setElement(ds, '00291008', 'CS', ['IMAGE NUM 4']);
  setElement(ds, 'PixelData', 'OW', [Buffer.alloc(256, 5)]);
  return encodeDataset(ds, IMPLICIT);
}

function identifier(): Buffer {
  const keys = { QueryRetrieveLevel: 'STUDY', PatientName: 'H*', StudyDate: '20260101-', StudyInstanceUID: '' };
  return encodeDataset(dataset({ ...keys, ModalitiesInStudy: 'CT', PatientID: '' }), IMPLICIT);
}

function commitment(): Buffer {
  const reference = dataset({ ReferencedSOPClassUID: CT_IMAGE, ReferencedSOPInstanceUID: '2.25.4001' });
  return encodeDataset(dataset({ TransactionUID: '2.25.99', ReferencedSOPSequence: [reference] }), IMPLICIT);
}
