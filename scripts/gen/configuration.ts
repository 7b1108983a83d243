/** `docs/configuration.md`: every key of the configuration, from its schemas. */

import type { ConfigKey } from '../../runtime/config-reference.js';

const HEAD = `# Configuration

Generated from \`runtime/config*.ts\` by \`npm run gen\`. Do not edit.

One JSON file, given by \`--config\`. Every key has a default or may be absent, but for those said to be required; an unknown key is
refused. \`petrig config check --config site.json\` tells all mistakes at once, \`config show\` what holds, \`config defaults\` what holds
without a file; \`petrig nodes\` and the methods \`config.set\` and \`nodes.*\` of the service socket change the file. \`[]\` stands for each
entry of a list. Section numbers are those of the conformance statement.
`;

export function configurationManual(keys: readonly ConfigKey[]): string {
  const plain = keys.filter(({ path, group }) => !group && !/[.[]/.test(path) && !sectioned(path, keys));
  const sections = keys.filter(({ path }) => !/[.[]/.test(path) && sectioned(path, keys));
  return [
    HEAD,
    '## Top level\n',
    table(plain),
    ...sections.flatMap(({ path, meaning }) => [
      `## ${path}\n`,
      ...(meaning ? [`${meaning}\n`] : []),
      table(keys.filter((key) => key.path.startsWith(`${path}.`) || key.path.startsWith(`${path}[`))),
    ]),
  ].join('\n');
}

function sectioned(path: string, keys: readonly ConfigKey[]): boolean {
  return keys.some((key) => key.path.startsWith(`${path}.`) || key.path.startsWith(`${path}[`));
}

function table(keys: readonly ConfigKey[]): string {
  const rows = keys.map((key) => [
    `\`${key.path}\``,
    key.group ? '' : key.type,
    key.group ? '' : defaultText(key),
    key.unit ?? '',
    key.meaning,
  ]);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[['key', 'type, range', 'default', 'unit', 'meaning'], ['---', '---', '---', '---', '---'], ...rows].map(line).join('\n')}\n`;
}

function defaultText(key: ConfigKey): string {
  if (key.fallback !== undefined) return key.fallback;
  if (key.default !== undefined) return `\`${JSON.stringify(key.default)}\``;
  return key.required ? 'required' : 'none';
}
