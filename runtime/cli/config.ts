import { Command } from 'commander';
import { CONFIG_KEYS, checkConfig, loadConfig, parseConfig, readConfig } from '../config.js';
import type { ConfigKey } from '../config-reference.js';
import { titleWarnings } from '../config-titles.js';
import { checkTlsFiles } from '../listening.js';
import { EXIT, fail, printJson, say, table } from './output.js';

interface ConfigOptions {
  config?: string;
  json?: boolean;
}

interface Setting {
  key: ConfigKey;
  path: string;
  value: unknown;
}

async function check({ config: file, json = false }: ConfigOptions): Promise<void> {
  try {
    const checked = checkConfig(file === undefined ? {} : readConfig(file));
    const mistakes = 'mistakes' in checked ? checked.mistakes : [];
    const warnings = 'config' in checked ? titleWarnings(checked.config) : [];
    if ('config' in checked) await checkTlsFiles(checked.config);
    if (json) printJson({ ok: mistakes.length === 0, mistakes, warnings });
    else if (mistakes.length === 0) say([...warnings, `${file ?? 'defaults'}: good`].join('\n'));
    else {
      const rows = mistakes.map(({ key, value, expected }) => [key || 'top level', value, expected]);
      say(table(['key', 'value', 'expected'], rows));
    }
    if (mistakes.length > 0) process.exitCode = EXIT.usage;
  } catch (thrown) {
    fail(thrown, json);
  }
}

function show({ config: file, json = false }: ConfigOptions): void {
  try {
    print(settingsOf(loadConfig(file)), settingsOf(parseConfig({})), json);
  } catch (thrown) {
    fail(thrown, json);
  }
}

function defaults({ json = false }: ConfigOptions): void {
  const settings = settingsOf(parseConfig({}));
  print(settings, settings, json);
}

function print(settings: readonly Setting[], normal: readonly Setting[], json: boolean): void {
  if (json) return void printJson(nested(settings));
  const usual = new Map(normal.map(({ path, value }) => [path, JSON.stringify(value)]));
  const rows = settings.map(({ key, path, value }) => [
    path,
    JSON.stringify(value),
    key.unit ?? '',
    usual.get(path) === JSON.stringify(value) ? '' : 'set',
  ]);
  say(table(['key', 'value', 'unit', ''], rows));
}

/** Every key that has a value, in the order of the manual; secrets as '(hidden)'. */
function settingsOf(config: object): Setting[] {
  return CONFIG_KEYS.filter(({ group }) => !group).flatMap((key) => {
    const found = valuesAt(config, key.path.replaceAll('[]', '.[]').split('.'), '');
    const own = found.filter(({ value }) => value !== undefined && !isListOfRecords(value));
    return own.map(({ path, value }) => ({ key, path, value: key.secret ? '(hidden)' : value }));
  });
}

function valuesAt(from: unknown, [part, ...rest]: string[], path: string): { path: string; value: unknown }[] {
  if (part === undefined) return [{ path, value: from }];
  if (part === '[]') {
    return Array.isArray(from) ? from.flatMap((entry, i) => valuesAt(entry, rest, `${path}.${i}`)) : [];
  }
  if (typeof from !== 'object' || from === null) return [];
  return valuesAt((from as Record<string, unknown>)[part], rest, path ? `${path}.${part}` : part);
}

/** Its entries have keys of their own. */
function isListOfRecords(value: unknown): boolean {
  return Array.isArray(value) && value.some((entry) => typeof entry === 'object');
}

/** Settings by path as the record that a file would hold. */
function nested(settings: readonly Setting[]): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const { path, value } of settings) {
    const parts = path.split('.');
    const last = parts.pop()!;
    let inner = all;
    parts.forEach((part, i) => {
      inner = (inner[part] ??= /^\d+$/.test(parts[i + 1] ?? last) ? [] : {}) as Record<string, unknown>;
    });
    inner[last] = value;
  }
  return all;
}

export function configCommand(): Command {
  const config = new Command('config').description('the configuration: checked, shown, its defaults');
  const sub = (name: string, description: string) =>
    config.command(name).description(description).option('--json', 'one JSON document on stdout');
  sub('check', 'all mistakes of a file at once: key, value, value expected')
    .requiredOption('--config <file>', 'configuration file')
    .addHelpText('after', '\nExample:\n  petrig config check --config site.json\n\nExit code 2 when it has a mistake.')
    .action(check);
  sub('show', 'what holds: the file with its defaults; secrets are hidden')
    .option('--config <file>', 'configuration file (default: all defaults)')
    .action(show);
  sub('defaults', 'what holds without a file').action(defaults);
  return config;
}
