import type { Config } from '../config.js';
import { UNCOMPRESSED } from '../dicom/dataset/transfer-syntax.js';
import { UIDS } from '../dicom/uids.js';
import { MPPS_TABLE } from '../network/mpps-dataset.js';
import { type MatchingKey, WORKLIST_TABLE } from '../worklist/mapping.js';
import type { ConformanceSection, ConformanceTable } from './document.js';
import { contextTable } from './storage.js';

export function worklist({ worklistQuery: settings }: Config): ConformanceSection {
  const contexts = [
    { name: 'Modality Worklist Information Model - FIND', uid: UIDS.modalityWorklist, syntaxes: UNCOMPRESSED },
  ];
  const matching = (title: string, keys: readonly MatchingKey[]): ConformanceTable => ({
    title,
    head: ['Attribute', 'Tag', 'Value from'],
    rows: keys.map(({ path, name, tag, match }) => [nested(path, name), tagText(tag), match]),
  });
  return {
    title: 'Modality worklist',
    paragraphs: [
      `A broad query asks by ${settings.by === 'aeTitle' ? 'our own AE title, any modality' : `modality ${settings.modality}, any AE title`}, every ${settings.intervalMinutes} min (0: on request); at most ${settings.limit} entries are taken, and each response is waited for ${settings.waitSeconds} s.`,
    ],
    tables: [
      contextTable('Worklist as SCU', 'SCU', contexts),
      matching('Matching keys of a broad query', WORKLIST_TABLE.broadQuery.keys),
      matching('Matching keys of a patient based query', WORKLIST_TABLE.patientQuery.keys),
      {
        title: 'Return keys, and where their values go',
        head: ['Attribute', 'Tag', 'Type', 'Objects', 'Performed procedure step'],
        rows: WORKLIST_TABLE.keys.map(({ path, name, tag, type, object = [], mpps = [] }) => [
          nested(path, name),
          tagText(tag),
          type,
          object.map(tagText).join(' '),
          mpps.map(tagText).join(' '),
        ]),
      },
      statuses('Statuses of the query', Object.entries(WORKLIST_TABLE.status.codes)),
    ],
  };
}

export function mpps(): ConformanceSection {
  const uid = UIDS.modalityPerformedProcedureStep;
  const rows = (attributes: typeof MPPS_TABLE.create.rows): string[][] =>
    attributes.map(({ path = [], name, tag, type }) => [nested(path, name), tagText(tag), type]);
  const head = ['Attribute', 'Tag', 'Type'];
  return {
    title: 'Modality performed procedure step',
    paragraphs: [
      'N-CREATE when a patient is registered (for an emergency patient when the user asks), N-SET for each reconstruction and at the end.',
    ],
    tables: [
      contextTable('Performed procedure step as SCU', 'SCU', [
        { name: 'Modality Performed Procedure Step', uid, syntaxes: UNCOMPRESSED },
      ]),
      { title: 'Attributes of the N-CREATE', head, rows: rows(MPPS_TABLE.create.rows) },
      { title: 'Attributes of the N-SET', head, rows: rows(MPPS_TABLE.set.rows) },
      statuses(
        'Statuses',
        Object.entries(MPPS_TABLE.status.codes).map(([code, { text }]) => [code, text]),
      ),
    ],
  };
}

export function statuses(title: string, rows: readonly (readonly [string, string])[]): ConformanceTable {
  return { title, head: ['Status', 'Meaning'], rows };
}

function nested(path: readonly string[], name: string): string {
  return `${'>'.repeat(path.length)}${name}`;
}

function tagText(tag: string): string {
  return `(${tag.slice(0, 4)},${tag.slice(4)})`;
}
