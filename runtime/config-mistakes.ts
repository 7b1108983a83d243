/** What is wrong with a configuration, told to people: the key, the value that it has, the value expected. */

import type { z } from 'zod';
import type { ConfigKey } from './config-reference.js';

export interface Mistake {
  /** Dotted, entries of lists by number: `nodes.0.port`; empty for the whole. */
  key: string;
  /** The value as JSON, shortened; 'nothing' when it is missing. */
  value: string;
  expected: string;
}

/** Characters of a value that a message shows. */
const SHOWN = 60;

/** One mistake an issue, or one an unknown key. */
export function mistakesOf(error: z.ZodError, input: unknown, keys: readonly ConfigKey[]): Mistake[] {
  const byPath = new Map(keys.map((key) => [key.path, key]));
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((name) => ({
        key: [...path, name].join('.'),
        value: shown(valueAt(input, [...path, name])),
        expected: knownBelow(patternOf(path), keys),
      }));
    }
    const key = byPath.get(patternOf(path)) ?? byPath.get(patternOf(path).replace(/\[\]$/, ''));
    const value = key?.secret ? '(hidden)' : shown(valueAt(input, path));
    return [{ key: path.join('.'), value, expected: expectedOf(issue, key) }];
  });
}

/** `nodes.0.port` as the reference has it: `nodes[].port`. */
function patternOf(path: readonly string[]): string {
  return path
    .map((part) => (/^\d+$/.test(part) ? '[]' : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

/** Our own checks say what they expect; zod's only that its rule is broken. */
function expectedOf(issue: z.core.$ZodIssue, key: ConfigKey | undefined): string {
  if (issue.code === 'custom') return issue.message;
  return key ? key.type.replaceAll('`', '') : issue.path.length === 0 ? 'a JSON object' : issue.message;
}

function knownBelow(pattern: string, keys: readonly ConfigKey[]): string {
  const prefix = pattern === '' ? '' : `${pattern}.`;
  const names = keys
    .filter(({ path }) => path.startsWith(prefix))
    .map(({ path }) => path.slice(prefix.length))
    .filter((name) => name !== '' && !/[.[]/.test(name));
  return `no such key; one of ${names.join(', ')}`;
}

function valueAt(input: unknown, path: readonly string[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}
