import type { Database, Statement } from 'better-sqlite3';

/** Small JSON records by owner and key. Writing methods belong inside a transaction. */
export class States {
  readonly #get: Statement<[string, string], { body: string }>;
  readonly #put: Statement<[string, string, string]>;
  readonly #delete: Statement<[string, string]>;
  readonly #list: Statement<[string], { key: string; body: string }>;

  constructor(db: Database) {
    this.#get = db.prepare('SELECT body FROM state WHERE owner = ? AND key = ?');
    this.#put = db.prepare('INSERT OR REPLACE INTO state (owner, key, body) VALUES (?, ?, ?)');
    this.#delete = db.prepare('DELETE FROM state WHERE owner = ? AND key = ?');
    this.#list = db.prepare('SELECT key, body FROM state WHERE owner = ? ORDER BY key');
  }

  load<T>(owner: string, key: string): T | undefined {
    const row = this.#get.get(owner, key);
    return row && (JSON.parse(row.body) as T);
  }

  save(owner: string, key: string, value: unknown): void {
    this.#put.run(owner, key, JSON.stringify(value));
  }

  remove(owner: string, key: string): void {
    this.#delete.run(owner, key);
  }

  list<T>(owner: string): { key: string; value: T }[] {
    return this.#list.all(owner).map(({ key, body }) => ({ key, value: JSON.parse(body) as T }));
  }
}
