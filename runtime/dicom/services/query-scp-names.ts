import { globMatches } from './query-scp-wildcard.js';

/**
 * A person name by the six rules of the statement's 3.4.3.1.3: case does not matter; the pattern may stand for the whole value,
 * for one group of it, or for two consecutive groups; redundant delimiters and blanks at the ends of components and groups do not matter.
 * @param pattern may hold `*`
 */
export function personNameMatches(pattern: string, name: string): boolean {
  const patterns = shorterPatterns(normalisedName(pattern));
  return searchableNames(name).some((candidate) => patterns.some((wanted) => globMatches(wanted, candidate)));
}

/** What a pattern is compared with: the whole name, each group, and each two consecutive groups, all normalised. */
export function searchableNames(name: string): string[] {
  const whole = normalisedName(name);
  const groups = whole.split('=');
  const pairs = groups.slice(1).map((group, i) => `${groups[i]}=${group}`);
  return [...new Set([whole, ...groups, ...pairs])];
}

/** Lower case, composed characters, without blanks around components, delimiters at the end of a group, and empty groups. */
export function normalisedName(name: string): string {
  const groups = name.normalize('NFC').toLowerCase().split('=').map(normalisedGroup);
  return groups.filter((group) => group !== '').join('=');
}

function normalisedGroup(group: string): string {
  const components = group.split('^').map((component) => component.trim());
  while (components.at(-1) === '') components.pop();
  return components.join('^');
}

/** A pattern may spell out components and groups that the name leaves off: `smith^*^*` is `smith`, too. */
function shorterPatterns(pattern: string): string[] {
  const patterns = [pattern];
  for (let short = pattern; /[\^=]\*$/.test(short); ) {
    short = short.slice(0, -2).replace(/[\^=]+$/, '');
    patterns.push(short);
  }
  if (pattern.includes('=')) patterns.push(pattern.replace(/(\^\*)+(?==|$)/g, '').replace(/^\*=/, ''));
  return patterns;
}
