import { readTable } from '../../../hal/base/table.js';

export type QueryLevel = 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE';
export type QueryModel = 'patient' | 'study' | 'patientStudy';
export type QueryOperation = 'FIND' | 'MOVE' | 'GET';
/** How an attribute may be asked for. */
export type MatchingKind = 'single' | 'list' | 'multiple' | 'wildcard' | 'range' | 'sequence' | 'universal';

/** An attribute of the statement's tables 18 to 26. */
export interface QueryAttribute {
  keyword: string;
  tag: string;
  vr: string;
  kinds: readonly MatchingKind[];
  /** Type by number of the table that lists it: U unique, R required, O optional. */
  tables: Readonly<Record<string, 'U' | 'R' | 'O'>>;
  /** The level whose entity has it; absent inside a sequence. */
  level?: QueryLevel;
  /** Counted or gathered from the levels below. */
  computed?: boolean;
  /** Of a sequence. */
  items?: readonly QueryAttribute[];
}

interface Models {
  syntaxes: readonly string[];
  models: Readonly<Record<QueryModel, Model>>;
  uniqueKeys: Readonly<Record<QueryLevel, string>>;
}

interface Model {
  name: string;
  classes: Readonly<Record<QueryOperation, string>>;
  /** The table of each level, top first. */
  tables: Readonly<Partial<Record<QueryLevel, string>>>;
}

interface Statuses {
  outOfResources: number;
  cannotCalculate: number;
  cannotPerform: number;
  unknownDestination: number;
  identifierMismatch: number;
  unableToProcess: number;
  someFailed: number;
  cancel: number;
  pending: number;
  pendingUnsupportedKeys: number;
  success: number;
}

const TABLE: Models = readTable(import.meta.url, '../tables/query-models.json');
const ATTRIBUTES: readonly QueryAttribute[] = readTable(import.meta.url, '../tables/query.json');

/** Statuses of C-FIND, C-GET and C-MOVE: tables 27, 29 and 31 of the statement; A801 of PS3.4 table C.4-2. */
export const QUERY_STATUS: Readonly<Statuses> = readTable(import.meta.url, '../tables/query-statuses.json');
/** Best first: tables 17, 28 and 30. */
export const QUERY_SYNTAXES: readonly string[] = TABLE.syntaxes;
export const QUERY_MODELS = Object.keys(TABLE.models) as QueryModel[];
export const UNIQUE_KEYS: Readonly<Record<QueryLevel, string>> = TABLE.uniqueKeys;

/** What a query/retrieve SOP class stands for, or undefined. */
export function queryClass(sopClass: string): { model: QueryModel; operation: QueryOperation } | undefined {
  for (const model of QUERY_MODELS) {
    const entries = Object.entries(TABLE.models[model].classes) as [QueryOperation, string][];
    const found = entries.find(([, uid]) => uid === sopClass);
    if (found) return { model, operation: found[0] };
  }
  return undefined;
}

/** The SOP class of an operation in a model. */
export function querySopClass(operation: QueryOperation, model: QueryModel): string {
  return TABLE.models[model].classes[operation];
}

export function modelName(model: QueryModel): string {
  return TABLE.models[model].name;
}

/** Transfer syntaxes by SOP class of the operation in the models. */
export function syntaxesOf(
  operation: QueryOperation,
  models: readonly QueryModel[],
): Record<string, readonly string[]> {
  return Object.fromEntries(models.map((model) => [TABLE.models[model].classes[operation], QUERY_SYNTAXES]));
}

/** The levels of a model, top first. */
export function levelsOf(model: QueryModel): readonly QueryLevel[] {
  return Object.keys(TABLE.models[model].tables) as QueryLevel[];
}

/** The attributes of a model's level by tag: one of the statement's tables 18 to 26. Its sequences hold the items of that table. */
export function attributesAt(model: QueryModel, level: QueryLevel): ReadonlyMap<string, QueryAttribute> {
  const table = TABLE.models[model].tables[level];
  if (table === undefined) return new Map();
  let attributes = byTable.get(table);
  if (!attributes) byTable.set(table, (attributes = new Map(rowsOf(ATTRIBUTES, table).map((row) => [row.tag, row]))));
  return attributes;
}

const byTable = new Map<string, ReadonlyMap<string, QueryAttribute>>();

function rowsOf(rows: readonly QueryAttribute[], table: string): QueryAttribute[] {
  return rows
    .filter(({ tables }) => table in tables)
    .map((row) => (row.items ? { ...row, items: rowsOf(row.items, table) } : row));
}

/** The unique key of a level, whichever the model. */
export function uniqueKey(level: QueryLevel): QueryAttribute {
  return ATTRIBUTES.find(({ keyword }) => keyword === UNIQUE_KEYS[level])!;
}
