import type { Config } from '../config.js';
import { UNCOMPRESSED } from '../dicom/dataset/transfer-syntax.js';
import { hexStatus } from '../dicom/dimse/status.js';
import {
  attributesAt,
  levelsOf,
  modelName,
  QUERY_MODELS,
  QUERY_STATUS,
  type QueryAttribute,
  type QueryModel,
  type QueryOperation,
  querySopClass,
  syntaxesOf,
} from '../dicom/services/query-scp-model.js';
import { SEARCH_KEYS } from '../network/query-model.js';
import type { ConformanceSection, ConformanceTable } from './document.js';
import { contextTable } from './storage.js';

const OPERATIONS: Readonly<Record<'scu' | 'scp', readonly QueryOperation[]>> = {
  scu: ['FIND', 'MOVE'],
  scp: ['FIND', 'GET', 'MOVE'],
};

export function query({ dicom }: Config): ConformanceSection {
  return {
    title: 'Query and retrieve',
    paragraphs: [
      'As SCU, queries go from the top level down, with the unique keys of the levels above; retrieval moves to our own storage SCP. As SCP, relational queries are not supported; `?` is taken as `*`; only names of patients are matched whatever their case.',
    ],
    tables: [
      ...OPERATIONS.scu.map((operation) =>
        contextTable(
          `${operation} as SCU`,
          'SCU',
          contexts(operation, QUERY_MODELS, () => UNCOMPRESSED),
        ),
      ),
      searchKeys(),
      ...OPERATIONS.scp.map((operation) =>
        contextTable(
          `${operation} as SCP, in order of preference`,
          'SCP',
          contexts(operation, dicom.queryModels, (model, uid) => syntaxesOf(operation, [model])[uid]!),
        ),
      ),
      ...dicom.queryModels.flatMap((model) => levelsOf(model).map((level) => attributeTable(model, level))),
      {
        title: 'Statuses as SCP',
        head: ['Status', 'Meaning'],
        rows: Object.entries(QUERY_STATUS).map(([meaning, status]) => [hexStatus(status), words(meaning)]),
      },
    ],
  };
}

function contexts(
  operation: QueryOperation,
  models: readonly QueryModel[],
  syntaxes: (model: QueryModel, uid: string) => readonly string[],
) {
  return models.map((model) => {
    const uid = querySopClass(operation, model);
    return { name: `${modelName(model)} - ${operation}`, uid, syntaxes: syntaxes(model, uid) };
  });
}

function searchKeys(): ConformanceTable {
  return {
    title: 'Keys of the query SCU',
    head: ['Level', 'Attribute', 'Matching', 'Entered'],
    rows: SEARCH_KEYS.flatMap(({ keyword, levels, input, star }) =>
      levels.map((level) => [level, keyword, star ? 'wildcard' : input ? 'single value' : 'universal', input ?? '']),
    ),
  };
}

function attributeTable(model: QueryModel, level: Parameters<typeof attributesAt>[1]): ConformanceTable {
  const rows = (attributes: Iterable<QueryAttribute>, depth: number): string[][] =>
    [...attributes].flatMap((attribute) => [
      [
        `${'>'.repeat(depth)}${attribute.keyword}`,
        `(${attribute.tag.slice(0, 4)},${attribute.tag.slice(4)})`,
        [...new Set(Object.values(attribute.tables))].join('/'),
        attribute.kinds.join(', '),
      ],
      ...rows(attribute.items ?? [], depth + 1),
    ]);
  return {
    title: `${modelName(model)}, ${level} level`,
    head: ['Attribute', 'Tag', 'Type', 'Matching'],
    rows: rows(attributesAt(model, level).values(), 0),
  };
}

/** 'pendingUnsupportedKeys' as 'pending unsupported keys'. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
