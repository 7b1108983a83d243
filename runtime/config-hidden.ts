/** What may be shown of a configuration. */

import { CONFIG_KEYS, type Config } from './config.js';

export const HIDDEN = '(hidden)';

const SECRETS: ReadonlySet<string> = new Set(CONFIG_KEYS.filter(({ secret }) => secret).map(({ path }) => path));

/** A copy in which every key that the schema calls secret says only that it is set. */
export function withoutSecrets(config: Config): Config {
  return hidden(config, '') as Config;
}

function hidden(value: unknown, path: string): unknown {
  if (value !== undefined && SECRETS.has(path)) return HIDDEN;
  if (Array.isArray(value)) return value.map((entry) => hidden(entry, `${path}[]`));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, hidden(inner, path ? `${path}.${key}` : key)]);
  return Object.fromEntries(entries);
}
