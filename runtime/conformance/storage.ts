import type { Config } from '../config.js';
import { TRANSFER_SYNTAXES, UNCOMPRESSED } from '../dicom/dataset/transfer-syntax.js';
import { hexStatus, STATUS } from '../dicom/dimse/status.js';
import { STORAGE_CLASSES, SYNTAX_LISTS } from '../dicom/storage-classes.js';
import { UIDS } from '../dicom/uids.js';
import { compressions } from '../network/syntaxes.js';
import type { ConformanceSection, ConformanceTable } from './document.js';
import { servedServices } from './served.js';

export function syntaxName(uid: string): string {
  return `${TRANSFER_SYNTAXES[uid]?.name ?? 'unknown'} (${uid})`;
}

function listed(uids: readonly string[]): string {
  return uids.map(syntaxName).join('; ');
}

/** Abstract syntaxes with one list of transfer syntaxes each. */
export function contextTable(
  title: string,
  role: string,
  contexts: readonly { name: string; uid: string; syntaxes: readonly string[] }[],
): ConformanceTable {
  const rows = contexts.map(({ name, uid, syntaxes }) => [name, uid, listed(syntaxes), role, 'None']);
  return { title, head: ['Abstract syntax', 'UID', 'Transfer syntaxes', 'Role', 'Extended negotiation'], rows };
}

export function verification(): ConformanceSection {
  const contexts = [{ name: 'Verification', uid: UIDS.verification, syntaxes: UNCOMPRESSED }];
  return {
    title: 'Verification',
    paragraphs: ['C-ECHO is sent to any configured node or given address, and answered on the DICOM port.'],
    tables: [
      contextTable('Verification as SCU', 'SCU', contexts),
      contextTable('Verification as SCP', 'SCP', contexts),
    ],
  };
}

export function storage(config: Config): ConformanceSection {
  const { uncompressed, lossless, lossy } = SYNTAX_LISTS;
  const wanted = (asked: Parameters<typeof compressions>[0]) =>
    compressions(asked).flatMap((kind) => SYNTAX_LISTS[kind]);
  const user = wanted({ qualityFactor: config.qualityFactor });
  const names = new Map(STORAGE_CLASSES.map(({ uid, name }) => [uid, name]));
  const accepted = servedServices(config).find(({ service }) => service === 'storage')!.syntaxes;
  const moves = config.nodes
    .filter(({ services }) => services.includes('storage'))
    .map(({ name, compressionTypes, import: policy }) => [
      name,
      String(compressionTypes),
      listed([...wanted({ compressionTypes }), ...uncompressed]),
      policy,
    ]);
  return {
    title: 'Storage',
    paragraphs: [
      `Objects are sent over one association a destination. Any status but success and warning aborts it. With quality factor ${config.qualityFactor} the syntaxes below are proposed for what a user sends; an object in a lossy syntax goes in that syntax alone, signed PET and NM images are never compressed.`,
      'An object is answered with success when it is durable. An object whose SOP Instance UID is in the archive already is answered with success and discarded: the first one stays.',
    ],
    tables: [
      contextTable(
        'Storage as SCU, what a user sends',
        'SCU',
        STORAGE_CLASSES.filter(({ scu }) => scu).map(({ uid, name, kind }) => {
          return { uid, name, syntaxes: kind === 'image' ? [...user, ...uncompressed] : uncompressed };
        }),
      ),
      {
        title: 'Storage as SCU, lists of transfer syntaxes',
        head: ['List', 'Transfer syntaxes'],
        rows: [
          ['Uncompressed', listed(uncompressed)],
          ['Lossless', listed(lossless)],
          ['Lossy', listed(lossy)],
        ],
      },
      {
        title: 'Storage nodes: destinations of C-MOVE, and what is done with what they send',
        head: ['Node', 'Compression types supported', 'Transfer syntaxes proposed', 'Import'],
        rows: moves,
      },
      contextTable(
        'Storage as SCP, in order of preference',
        'SCP',
        Object.entries(accepted).map(([uid, syntaxes]) => ({ uid, name: names.get(uid) ?? uid, syntaxes })),
      ),
      {
        title: 'Storage as SCP, classes converted on import',
        head: ['From', 'To'],
        rows: STORAGE_CLASSES.flatMap(({ uid, importAs }) => (importAs ? [[uid, importAs]] : [])),
      },
      {
        title: 'Storage as SCP, transfer syntaxes converted on import',
        head: ['From', 'To'],
        rows: Object.entries(TRANSFER_SYNTAXES).flatMap(([uid, { importAs }]) =>
          importAs ? [[syntaxName(uid), syntaxName(importAs)]] : [],
        ),
      },
      {
        title: 'Storage as SCP, statuses',
        head: ['Status', 'Meaning'],
        rows: [
          [hexStatus(STATUS.success), 'the object is durable, or was there before'],
          [hexStatus(STATUS.outOfResources), 'refused: out of resources; the association is aborted'],
          [hexStatus(STATUS.identifierMismatch), 'a UID is missing or not valid; the association is aborted'],
          [hexStatus(STATUS.processingFailure), 'processing failure; the association is aborted'],
        ],
      },
    ],
  };
}

export function commitment(config: Config): ConformanceSection {
  const { role, syntaxes } = servedServices(config).find(({ service }) => service === 'commitment')!;
  const contexts = Object.entries(syntaxes).map(([uid, list]) => {
    return { uid, name: 'Storage Commitment Push Model', syntaxes: list };
  });
  return {
    title: 'Storage commitment',
    paragraphs: [
      'Asked for after a send job has succeeded. The result is taken on the same association or on another.',
    ],
    tables: [
      contextTable('Storage commitment, proposed', 'SCU', contexts),
      contextTable('Storage commitment, accepted', role, contexts),
    ],
  };
}
