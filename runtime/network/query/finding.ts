import type { IndexQuery, IndexRow } from '../../archive/query.js';
import type { Query } from '../../dicom/services/query-scp-identifier.js';
import { conditionsOf } from './conditions.js';

/** What answering needs of the archive. */
export interface Index {
  query(query: IndexQuery, signal: AbortSignal): AsyncIterable<IndexRow>;
}

/** The archive's entities that a C-FIND asks for, as it finds them. @throws ScannerError data.disk, limit.* */
export function findIn(index: Index): (query: Query, signal: AbortSignal) => AsyncIterable<IndexRow> {
  return (query, signal) =>
    index.query(
      {
        level: query.level,
        conditions: conditionsOf(query.keys),
        wanted: query.keys.map(({ attribute }) => attribute.keyword),
        accept: ({ values }) => query.accept(values),
      },
      signal,
    );
}
