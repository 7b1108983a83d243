import { type Dataset, isDataset } from '../../runtime/dicom/dataset/dataset.js';
import { keywordOf } from '../../runtime/dicom/dataset/dictionary.js';
import type { QueryRow } from '../../runtime/dicom/services/query-scp-answer.js';
import type { Query } from '../../runtime/dicom/services/query-scp-identifier.js';
import type { QueryItem, QueryValue } from '../../runtime/dicom/services/query-scp-matching.js';
import {
  attributesAt,
  levelsOf,
  type QueryAttribute,
  type QueryLevel,
  UNIQUE_KEYS,
} from '../../runtime/dicom/services/query-scp-model.js';
import type { RetrieveInstance } from '../../runtime/dicom/services/retrieve-scp.js';
import type { RetrievePath } from '../../runtime/dicom/services/retrieve-scp-identifier.js';

interface Entry extends RetrieveInstance, QueryRow {}

/** Counts by the level whose entity has them: how many different values of a unique key lie below. */
const COUNTS: Readonly<Record<QueryLevel, Readonly<Record<string, QueryLevel>>>> = {
  PATIENT: {
    NumberOfPatientRelatedStudies: 'STUDY',
    NumberOfPatientRelatedSeries: 'SERIES',
    NumberOfPatientRelatedInstances: 'IMAGE',
  },
  STUDY: { NumberOfStudyRelatedSeries: 'SERIES', NumberOfStudyRelatedInstances: 'IMAGE' },
  SERIES: { NumberOfSeriesRelatedInstances: 'IMAGE' },
  IMAGE: {},
};

/** Attributes of the instances that may be asked for. Others are not kept. */
const ATTRIBUTES: ReadonlyMap<string, QueryAttribute> = new Map(
  levelsOf('patient').flatMap((level) => [...attributesAt('patient', level)]),
);

/** What the PACS holds, in memory, in the order in which it came. */
export class Catalogue {
  readonly #entries = new Map<string, Entry>();

  /** @param header the elements before the pixel data */
  add(sopInstanceUid: string, path: string, header: Dataset): void {
    const characterSet = (header['00080005']?.Value ?? []).map(String).join('\\');
    this.#entries.set(sopInstanceUid, { sopInstanceUid, path, values: valuesOf(header), characterSet });
  }

  /** What a query asks for; one row an entity of its level. */
  async *find(query: Query, signal: AbortSignal): AsyncGenerator<QueryRow> {
    for (const group of this.#groups(query.level)) {
      if (signal.aborted) return;
      const [first] = group;
      const row = { characterSet: first!.characterSet, values: { ...first!.values, ...counted(query.level, group) } };
      if (query.accept(row.values)) yield row;
    }
  }

  /** What lies under the unique keys, by series and instance number. */
  async *instances({ keys }: RetrievePath): AsyncGenerator<RetrieveInstance> {
    const wanted = Object.entries(keys) as [QueryLevel, readonly string[]][];
    const found = [...this.#entries.values()].filter((entry) =>
      wanted.every(([level, values]) => values.includes(keyOf(entry, level))),
    );
    const place = (entry: Entry) => [keyOf(entry, 'SERIES'), Number(first(entry.values.InstanceNumber))] as const;
    found.sort((a, b) => {
      const [[seriesA, numberA], [seriesB, numberB]] = [place(a), place(b)];
      return seriesA === seriesB ? numberA - numberB : seriesA < seriesB ? -1 : 1;
    });
    yield* found;
  }

  #groups(level: QueryLevel): Iterable<Entry[]> {
    const groups = new Map<string, Entry[]>();
    for (const entry of this.#entries.values()) {
      const key = keyOf(entry, level);
      const group = groups.get(key);
      if (group) group.push(entry);
      else groups.set(key, [entry]);
    }
    return groups.values();
  }
}

function counted(level: QueryLevel, group: readonly Entry[]): QueryItem {
  const different = (keys: readonly string[]) => String(new Set(keys).size);
  const counts = Object.entries(COUNTS[level]).map(([keyword, below]) => [
    keyword,
    [different(group.map((entry) => keyOf(entry, below)))],
  ]);
  if (level !== 'STUDY') return Object.fromEntries(counts);
  const modalities = new Set(group.map((entry) => first(entry.values.Modality)).filter((one) => one !== ''));
  return { ...Object.fromEntries(counts), ModalitiesInStudy: [...modalities].sort() };
}

function keyOf(entry: Entry, level: QueryLevel): string {
  return level === 'IMAGE' ? entry.sopInstanceUid : first(entry.values[UNIQUE_KEYS[level]]);
}

function first(value: QueryValue | undefined): string {
  const [one] = value ?? [];
  return typeof one === 'string' ? one.trim() : '';
}

function valuesOf(header: Dataset): QueryItem {
  const kept = Object.entries(header).filter(([tag]) => ATTRIBUTES.has(tag));
  return Object.fromEntries(kept.map(([tag, { Value }]) => [ATTRIBUTES.get(tag)!.keyword, plain(Value)]));
}

function plain(values: Dataset[string]['Value']): QueryValue {
  const items = values.filter(isDataset);
  if (items.length > 0) return items.map(itemOf);
  return values.filter((value) => !(value instanceof Uint8Array)).map(String);
}

function itemOf(item: Dataset): QueryItem {
  return Object.fromEntries(
    Object.entries(item).flatMap(([tag, { Value }]) => {
      const keyword = keywordOf(tag);
      return keyword === undefined ? [] : [[keyword, plain(Value)]];
    }),
  );
}
