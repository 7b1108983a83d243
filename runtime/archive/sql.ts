/** What the archive asks of a database, so that two of them can stand behind it. */

export type SqlValue = string | number | null;
export type SqlParameters = Readonly<Record<string, SqlValue>>;

/** SQL with parameters as `:name`. */
export interface Statement {
  readonly text: string;
  readonly parameters: SqlParameters;
}

/**
 * Statements one after the other, each seeing what the ones before gave. The database runs them: SQLite without leaving the turn
 * of the event loop, PostgreSQL with a round trip for each.
 */
export type Work<T> = Generator<Statement, T, readonly unknown[]>;

/** Runs one statement; its rows, or none when it returns none. */
export function* rows<Row>(text: string, parameters: SqlParameters = {}): Work<Row[]> {
  return (yield { text, parameters }) as Row[];
}

/** The first row of a statement. */
export function* row<Row>(text: string, parameters: SqlParameters = {}): Work<Row | undefined> {
  return (yield* rows<Row>(text, parameters))[0];
}

/** Where two databases write the same thing in different ways. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres';
  /** Column types by what they hold. */
  readonly types: Readonly<Record<'key' | 'text' | 'integer' | 'real', string>>;
  /** What ends the definition of a table that is its own index. */
  readonly clustered: string;
  /** A subquery of the strings in a parameter that holds a JSON array. */
  list(parameter: string): string;
  /** An aggregate: the distinct values of an expression, joined by a backslash. */
  joined(expression: string): string;
}

/** Errors of every method are ScannerError data.disk: the index cannot be read or written now. */
export interface SqlDatabase {
  readonly dialect: Dialect;
  /**
   * Runs `work` as one transaction, one at a time in this process; undone when it throws. Durable when it resolves, unless it is
   * `remade`: what a crash took of it can be made again of what is durable elsewhere, so the disk need not be waited for.
   */
  transaction<T>(work: () => Work<T>, options?: { remade?: boolean }): Promise<T>;
  /** Runs short reads. */
  read<T>(work: () => Work<T>): Promise<T>;
  /** Rows in batches, of one moment's state, read as they are taken; ends early when `signal` fires. Never holds up the event loop. */
  stream<Row>(statement: Statement, signal?: AbortSignal): AsyncGenerator<Row[], void, void>;
  close(): Promise<void>;
}

/** `WHERE` with those of the conditions that apply. */
export function where(...conditions: (string | false | undefined)[]): string {
  const all = conditions.filter(Boolean);
  return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
}
