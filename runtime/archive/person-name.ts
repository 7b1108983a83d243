/** Person names as the index finds them: section 3.4.3.1.3 of the statement. Ideographic and phonetic groups are found as well. */

/**
 * The name's identity: case and blanks and separators at the end of a component, group or name do not count.
 * @param name a PN value with its groups
 */
export function plainName(name: string): string {
  const groups = name.split('=').map((group) => {
    const components = group.split('^').map((component) => component.trim());
    return dropLast(components, '^');
  });
  return dropLast(groups, '=').normalize('NFC').toLowerCase();
}

/** What a search may match: each group, each two that follow each other, and all of them; empty ones left out. */
export function nameForms(name: string): string[] {
  const groups = searchable(name).split('=').filter(Boolean);
  const pairs = groups.slice(1).map((group, i) => `${groups[i]}=${group}`);
  return [...new Set([...groups, ...pairs, groups.join('=')])].filter(Boolean);
}

/**
 * A search pattern over those forms. It finds at least what the statement's rules do: `*` also swallows separators beside it,
 * since empty components at the end of a name count as absent.
 */
export function namePattern(pattern: string): string {
  return searchable(pattern)
    .replace(/[\^=]*\*[*^=]*/g, '*')
    .replace(/^[\^=]+|[\^=]+$/g, '');
}

function searchable(name: string): string {
  return plainName(name)
    .split('=')
    .map((group) => group.replace(/\^+/g, '^').replace(/^\^/, ''))
    .join('=');
}

function dropLast(parts: string[], separator: string): string {
  let count = parts.length;
  while (count > 0 && parts[count - 1] === '') count--;
  return parts.slice(0, count).join(separator);
}
