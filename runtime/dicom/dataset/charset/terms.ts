import { CHARACTER_SETS, type CodeElement, elementOf, REGISTRATIONS } from './elements.js';

/** What a Specific Character Set (0008,0005) means. */
export interface CharacterSet {
  /** Its defined terms as PS3.3 spells them, joined by a backslash; empty for the default repertoire. */
  readonly terms: string;
  /** False where the declaration is misspelled, unknown or against the rules of code extension. */
  readonly declaredWell: boolean;
  /** Encoding of a set that stands alone (UTF-8, GB18030, GBK): then there are no code elements. */
  readonly alone?: string;
  /** Active at the start of each value, line and name component: PS3.5 6.1.2.5.3. */
  readonly g0: CodeElement;
  readonly g1: CodeElement | undefined;
  /** Everything that may be invoked, those of the first value first. */
  readonly elements: readonly CodeElement[];
}

/** Sets that differ by declaration are few; more is an outsider's invention and not worth remembering. */
const MAX_REMEMBERED = 64;
const remembered = new Map<string, CharacterSet>();

/**
 * The character set that a Specific Character Set declares. Misspelled terms are taken for what they mean, unknown ones
 * are left out (`declaredWell` tells), ISO_IR forms among code extensions are read as ISO 2022 ones.
 */
export function characterSetOf(declared: string | undefined): CharacterSet {
  const key = declared ?? '';
  let set = remembered.get(key);
  if (!set) {
    set = makeSet(key);
    if (remembered.size < MAX_REMEMBERED) remembered.set(key, set);
  }
  return set;
}

/** The defined term that a spelling stands for ('ISO_IR 87' where only the ISO 2022 form exists); '' when it is unknown. */
function termOf(spelling: string): string {
  const bare = spelling.toUpperCase().replace(/[^A-Z0-9]/g, '');
  const known = CHARACTER_SETS.spellings[bare];
  if (known !== undefined) return known;
  for (const alone of Object.keys(CHARACTER_SETS.alone)) {
    if (alone.replace(/[^A-Z0-9]/g, '') === bare) return alone;
  }
  const [, registration = ''] = /^ISO(?:2022)?(?:IR)?(\d{1,3})$/.exec(bare) ?? [];
  return REGISTRATIONS.includes(registration) ? `ISO_IR ${registration}` : '';
}

function makeSet(declared: string): CharacterSet {
  const written = declared.split('\\').map((term) => term.trim());
  const [first = '', ...others] = written.map(termOf);
  const alone = CHARACTER_SETS.alone[first];
  const lead = first === 'ISO_IR 6' ? '' : numberOf(first);
  const followers = others.filter((term) => term !== '' && CHARACTER_SETS.alone[term] === undefined).map(numberOf);
  const terms = alone === undefined ? spelled(lead, followers) : first;
  const plain = /^ISO(_| 2022 )IR 6$/.test(written[0]!) ? '' : written[0]!;
  const declaredWell = [plain, ...written.slice(1)].join('\\') === terms;
  const ascii = elementOf('6');
  if (alone !== undefined) return { terms, declaredWell, alone, g0: ascii, g1: undefined, elements: [] };
  const base = elementOf(lead || '6');
  return {
    terms,
    declaredWell,
    g0: lead === '13' ? elementOf('14') : ascii,
    g1: base.set === 'G1' ? base : undefined,
    elements: [...new Set([lead, ...followers].flatMap(registrationsOf))].map(elementOf),
  };
}

function numberOf(term: string): string {
  return term.replace('ISO_IR ', '');
}

/** The code elements of a term: a set in G1 comes with the letters in G0. */
function registrationsOf(number: string): string[] {
  if (number === '' || number === '6') return ['6'];
  if (number === '13') return ['14', '13'];
  return ['6', number];
}

/**
 * As PS3.3 spells the terms: ISO_IR for one set of single bytes, else ISO 2022. A set of two bytes cannot stand first:
 * where it does, the default repertoire does in truth.
 */
function spelled(lead: string, followers: readonly string[]): string {
  const numbers = lead !== '' && elementOf(lead).double ? ['', lead, ...followers] : [lead, ...followers];
  if (numbers.length === 1) return lead === '' ? '' : `ISO_IR ${lead}`;
  return numbers.map((number) => (number === '' ? '' : `ISO 2022 IR ${number}`)).join('\\');
}
