/** AE titles that the standard allows and 6.1 of the statement does not: they work here, but perhaps not on the real system. */

import type { Config } from './config.js';

interface TitleRule {
  /** What it is called in the statement: its own titles, or those of print alone. */
  of: 'all' | 'print';
  broken: RegExp;
  why: string;
}

const RULES: readonly TitleRule[] = [
  { of: 'all', broken: / /, why: 'it has a blank: 6.1' },
  { of: 'all', broken: /[^A-Za-z0-9_. -]/, why: 'it has a special character: 6.1' },
  { of: 'print', broken: /^\d/, why: 'it begins with a digit: 6.1.4' },
];

/** One line for each title that is wider than the statement, naming its key. */
export function titleWarnings({ aeTitle, aeTitles, nodes }: Pick<Config, 'aeTitle' | 'aeTitles' | 'nodes'>): string[] {
  const titles = [
    { key: 'aeTitle', title: aeTitle },
    { key: 'aeTitles.worklist', title: aeTitles.worklist },
    { key: 'aeTitles.print', title: aeTitles.print, print: true },
    ...nodes.map((node, index) => ({ key: `nodes.${index}.aeTitle`, title: node.aeTitle })),
  ];
  return titles.flatMap(({ key, title, ...rest }) => {
    if (title === undefined) return [];
    const print = 'print' in rest;
    return RULES.filter(({ of, broken }) => (of === 'all' || print) && broken.test(title.trim())).map(
      ({ why }) => `${key} ${JSON.stringify(title)} is no AE title of the conformance statement: ${why}`,
    );
  });
}
