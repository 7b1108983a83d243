import { row, rows, type Work } from './sql.js';

/** Small JSON records by owner and key. */
export const states = {
  *load<T>(owner: string, key: string): Work<T | undefined> {
    const found = yield* row<{ body: string }>('SELECT body FROM state WHERE owner = :owner AND key = :key', {
      owner,
      key,
    });
    return found && (JSON.parse(found.body) as T);
  },

  *save(owner: string, key: string, value: unknown): Work<void> {
    yield* rows(
      `INSERT INTO state (owner, key, body) VALUES (:owner, :key, :body)
       ON CONFLICT (owner, key) DO UPDATE SET body = excluded.body`,
      { owner, key, body: JSON.stringify(value) },
    );
  },

  *remove(owner: string, key: string): Work<void> {
    yield* rows('DELETE FROM state WHERE owner = :owner AND key = :key', { owner, key });
  },

  *list<T>(owner: string): Work<{ key: string; value: T }[]> {
    const found = yield* rows<{ key: string; body: string }>(
      'SELECT key, body FROM state WHERE owner = :owner ORDER BY key',
      { owner },
    );
    return found.map(({ key, body }) => ({ key, value: JSON.parse(body) as T }));
  },
};
