import { readFileSync } from 'node:fs';

/**
 * Reads a JSON table that stands beside the module which uses it.
 * @param base `import.meta.url` of that module.
 * @param path relative path, e.g. `./errors.json`.
 */
export function readTable<T>(base: string, path: string): T {
  return JSON.parse(readFileSync(new URL(path, base), 'utf8')) as T;
}
