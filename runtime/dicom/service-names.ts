import { readTable } from '../../hal/base/table.js';

/** Services by the names that configuration and limits use. */
export type ServiceName =
  | 'verification'
  | 'storage'
  | 'commitment'
  | 'query'
  | 'retrieve'
  | 'worklist'
  | 'mpps'
  | 'print';

interface Row {
  service: ServiceName;
  prefix: string;
  exact?: boolean;
}

const ROWS: readonly Row[] = readTable(import.meta.url, './tables/services.json');

/** The service that an abstract syntax belongs to: storage unless the table names another. */
export function serviceOf(abstractSyntax: string): ServiceName {
  const row = ROWS.find(({ prefix, exact }) => (exact ? abstractSyntax === prefix : abstractSyntax.startsWith(prefix)));
  return row?.service ?? 'storage';
}
