/** Questions to the index, as the query/retrieve service asks them. */

export type QueryLevel = 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE';

/** What one attribute must be. All but person names are compared case by case. */
export type Condition =
  | { match: 'value'; value: string }
  /** Any of them: lists of UIDs, and of modalities in a study. */
  | { match: 'list'; values: readonly string[] }
  /** `*` stands for any characters, also none; there is no other wildcard. */
  | { match: 'wildcard'; pattern: string }
  /** Both ends included, as DA, TM or DT text; an absent end is open. */
  | { match: 'range'; from?: string; to?: string }
  /** A person name under the statement's rules of 3.4.3.1.3; may hold `*`. */
  | { match: 'name'; pattern: string };

/** A sequence's items by their keywords, or the attribute's values as text. */
export type IndexValue = readonly string[] | readonly IndexItem[];

export interface IndexItem {
  readonly [keyword: string]: IndexValue | undefined;
}

/** One patient, study, series or instance: the attributes of its level and of those above that are indexed and wanted. */
export interface IndexRow {
  readonly values: IndexItem;
  /** Specific Character Set of the object that the values were first read from; empty for the default repertoire. */
  readonly characterSet: string;
}

export interface IndexQuery {
  level: QueryLevel;
  /** By keyword, of the level or one above. The index narrows with those that it can; it never leaves out a match. */
  conditions: Readonly<Record<string, Condition>>;
  /** Keywords of the attributes to return; counts are computed only when they are wanted. */
  wanted: readonly string[];
  /** Decides on each row that the index has narrowed to. */
  accept?(row: IndexRow): boolean;
}
