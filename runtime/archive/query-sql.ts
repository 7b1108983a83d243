/** A query of the index as SQL. */

import { COLUMNS, computedLevel, keywordsOf, LEVELS } from './attributes.js';
import { namePattern } from './person-name.js';
import type { Condition, IndexItem, IndexQuery, IndexRow, IndexValue, QueryLevel } from './query.js';
import type { Dialect, SqlValue, Statement } from './sql.js';

const ALIAS = { PATIENT: 'p', STUDY: 't', SERIES: 's', IMAGE: 'i' } as const satisfies Record<QueryLevel, string>;

/** Where the rows of a level come from, and those that are offered: with at least one instance whose file is there. */
const SOURCES: Readonly<Record<QueryLevel, { from: string; offered: string }>> = {
  PATIENT: {
    from: 'patient p',
    offered: `EXISTS (SELECT 1 FROM study et JOIN series es ON es.study_uid = et.study_uid
      WHERE et.patient_key = p.patient_key AND es.instances > 0)`,
  },
  STUDY: {
    from: 'study t JOIN patient p ON p.patient_key = t.patient_key',
    offered: 'EXISTS (SELECT 1 FROM series es WHERE es.study_uid = t.study_uid AND es.instances > 0)',
  },
  SERIES: {
    from: 'series s JOIN study t ON t.study_uid = s.study_uid JOIN patient p ON p.patient_key = t.patient_key',
    offered: 's.instances > 0',
  },
  IMAGE: {
    from: `instance i JOIN series s ON s.series_uid = i.series_uid JOIN study t ON t.study_uid = s.study_uid
      JOIN patient p ON p.patient_key = t.patient_key`,
    offered: 'i.missing = 0',
  },
};

const PATIENT_SERIES =
  'FROM study ct JOIN series cs ON cs.study_uid = ct.study_uid WHERE ct.patient_key = p.patient_key';

/** What is made when it is asked for; only what is offered counts. */
const COMPUTED: Readonly<Record<string, (dialect: Dialect) => string>> = {
  NumberOfPatientRelatedStudies: () => `SELECT count(DISTINCT ct.study_uid) ${PATIENT_SERIES} AND cs.instances > 0`,
  NumberOfPatientRelatedSeries: () => `SELECT count(*) ${PATIENT_SERIES} AND cs.instances > 0`,
  NumberOfPatientRelatedInstances: () => `SELECT sum(cs.instances) ${PATIENT_SERIES}`,
  NumberOfStudyRelatedSeries: () =>
    'SELECT count(*) FROM series cs WHERE cs.study_uid = t.study_uid AND cs.instances > 0',
  NumberOfStudyRelatedInstances: () => 'SELECT sum(cs.instances) FROM series cs WHERE cs.study_uid = t.study_uid',
  NumberOfSeriesRelatedInstances: () => 'SELECT s.instances',
  ModalitiesInStudy: ({ joined }) =>
    `SELECT ${joined('cs.modality')} FROM series cs WHERE cs.study_uid = t.study_uid AND cs.instances > 0`,
};

/** Integers and times have several spellings of one value: the caller compares those. */
const COMPARED_BY_CALLER = new Set(['SeriesNumber', 'InstanceNumber', 'StudyTime']);

/** Collects the parameters of a statement. */
class Values {
  readonly parameters: Record<string, SqlValue> = {};

  add(value: SqlValue): string {
    const name = `v${Object.keys(this.parameters).length}`;
    this.parameters[name] = value;
    return name;
  }
}

/** The statement that narrows to what a query may match. Its columns are those that `indexRow` reads. */
export function queryStatement(query: IndexQuery, dialect: Dialect): Statement {
  const levels = LEVELS.slice(0, LEVELS.indexOf(query.level) + 1);
  const { from, offered } = SOURCES[query.level];
  const values = new Values();
  const asked = askedFor(query);
  const columns = levels.flatMap((level) => {
    const own = KEYWORDS[level].filter((keyword) => asked.has(keyword)).map((keyword) => columnOf(level, keyword));
    return [...new Set(own)].map((column) => `${ALIAS[level]}.${column} AS ${ALIAS[level]}_${column}`);
  });
  columns.push(`${ALIAS[query.level]}.charset AS charset`);
  const computed = query.wanted.filter((keyword) => isComputed(keyword, levels));
  const counts = computed.map((keyword) => `(${COMPUTED[keyword]!(dialect)}) AS "${keyword}"`);
  const conditions = [offered];
  for (const [keyword, condition] of Object.entries(query.conditions)) {
    const narrowed = narrow(keyword, condition, levels, { dialect, values });
    if (narrowed) conditions.push(narrowed);
  }
  const order = query.level === 'IMAGE' ? 'ORDER BY i.series_uid, i.sort_number, i.instance_key' : '';
  return {
    text: `SELECT ${[...columns, ...counts].join(', ')} FROM ${from} WHERE ${conditions.join(' AND ')} ${order}`,
    parameters: values.parameters,
  };
}

/** A row of `queryStatement`'s. */
export function indexRow(query: IndexQuery, columns: Readonly<Record<string, unknown>>): IndexRow {
  const asked = askedFor(query);
  const levels = LEVELS.slice(0, LEVELS.indexOf(query.level) + 1);
  const values: Record<string, IndexValue> = {};
  for (const level of levels) {
    const alias = ALIAS[level];
    let rest: IndexItem | undefined;
    for (const keyword of KEYWORDS[level]) {
      if (!asked.has(keyword)) continue;
      const column = COLUMNS[level][keyword];
      if (column) {
        const text = String(columns[`${alias}_${column}`]);
        values[keyword] = text === '' ? [] : text.split('\\');
      } else {
        rest ??= JSON.parse(String(columns[`${alias}_attributes`])) as IndexItem;
        values[keyword] = rest[keyword] ?? [];
      }
    }
  }
  for (const keyword of query.wanted) {
    if (isComputed(keyword, levels)) values[keyword] = computedValue(columns[keyword]);
  }
  return { values, characterSet: String(columns.charset) };
}

const KEYWORDS = Object.fromEntries(LEVELS.map((level) => [level, keywordsOf(level)])) as Record<QueryLevel, string[]>;

/** What a row has to show: what was asked for, and what the caller decides by. */
function askedFor({ wanted, conditions }: IndexQuery): Set<string> {
  return new Set([...wanted, ...Object.keys(conditions)]);
}

function columnOf(level: QueryLevel, keyword: string): string {
  return COLUMNS[level][keyword] ?? 'attributes';
}

function isComputed(keyword: string, levels: readonly QueryLevel[]): boolean {
  const level = computedLevel(keyword);
  return level !== undefined && levels.includes(level);
}

function computedValue(value: unknown): string[] {
  return value === null || value === undefined ? [] : String(value).split('\\').filter(Boolean).sort();
}

interface Context {
  dialect: Dialect;
  values: Values;
}

/** SQL that every row which meets the condition meets too; undefined when the index knows no such. */
function narrow(keyword: string, condition: Condition, levels: readonly QueryLevel[], context: Context) {
  if (keyword === 'PatientName' && condition.match === 'name') return narrowName(condition.pattern, context);
  if (keyword === 'ModalitiesInStudy' && levels.includes('STUDY')) {
    const inner = compare('ms.modality', condition, context);
    return (
      inner && `EXISTS (SELECT 1 FROM series ms WHERE ms.study_uid = t.study_uid AND ms.instances > 0 AND ${inner})`
    );
  }
  const level = LEVELS.find((one) => Object.hasOwn(COLUMNS[one], keyword));
  if (!level || !levels.includes(level) || COMPARED_BY_CALLER.has(keyword)) return undefined;
  const column = COLUMNS[level][keyword]!;
  // the row below holds it too, where an index of its own leads to the rows asked for
  const held = levels.at(-1) !== level && column.endsWith('_uid') ? LEVELS[LEVELS.indexOf(level) + 1]! : level;
  return compare(`${ALIAS[held]}.${column}`, condition, context);
}

function narrowName(pattern: string, context: Context): string | undefined {
  const wanted = namePattern(pattern);
  if (wanted === '' || wanted === '*') return undefined;
  const inner = like('pn.form', wanted, context.values);
  return `p.patient_key IN (SELECT pn.patient_key FROM patient_name pn WHERE ${inner})`;
}

function compare(column: string, condition: Condition, { dialect, values }: Context): string | undefined {
  switch (condition.match) {
    case 'value':
      return `${column} = :${values.add(condition.value.trim())}`;
    case 'list':
      return `${column} IN (${dialect.list(values.add(JSON.stringify(condition.values)))})`;
    case 'wildcard':
      return like(column, condition.pattern.trim(), values);
    case 'range':
      return range(column, condition, values);
    case 'name':
      return undefined;
  }
}

function range(column: string, { from, to }: { from?: string; to?: string }, values: Values): string | undefined {
  const ends = [
    from && `${column} >= :${values.add(from.trim())}`,
    to && `${column} <= :${values.add(`${to.trim()}\u{10ffff}`)}`,
    `${column} <> ''`,
  ];
  return ends.filter(Boolean).join(' AND ');
}

/** The part before the first `*` by the order of the index, the whole by LIKE. */
function like(column: string, pattern: string, values: Values): string {
  const prefix = pattern.slice(0, Math.max(0, pattern.indexOf('*')));
  if (!pattern.includes('*')) return `${column} = :${values.add(pattern)}`;
  const text = pattern.replace(/[\\%_]/g, '\\$&').replace(/\*+/g, '%');
  const whole = `${column} LIKE :${values.add(text)} ESCAPE '\\'`;
  if (prefix === '') return whole;
  const [from, to] = [values.add(prefix), values.add(`${prefix}\u{10ffff}`)];
  return `${column} >= :${from} AND ${column} < :${to} AND ${whole}`;
}
