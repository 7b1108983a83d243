import { ScannerError } from '../../../hal/base/errors.js';
import { readTable } from '../../../hal/base/table.js';
import { type Dataset, dataset, type Value } from '../dataset/dataset.js';

interface AttributeRule {
  keyword: string;
  required?: boolean;
  /** Needed as soon as a presentation LUT is used. */
  withLut?: boolean;
  terms?: readonly string[];
  /** The whole value fits it. */
  pattern?: string;
  integer?: boolean;
  above?: number;
  below?: number;
  atMost?: number;
}

export type PrintInstance =
  | 'filmSession'
  | 'filmBox'
  | 'grayscaleImageBox'
  | 'colorImageBox'
  | 'printer'
  | 'printJob'
  | 'presentationLut';
export type PrintColor = 'grayscale' | 'color';

interface PrintTable {
  metaClasses: Readonly<Record<PrintColor, string>>;
  classes: Readonly<Record<PrintInstance, string>>;
  printerInstance: string;
  filmSession: readonly AttributeRule[];
  filmBox: readonly AttributeRule[];
  presentationLut: readonly AttributeRule[];
  images: Readonly<
    Record<PrintColor, { samples: number; photometric: string; stored: readonly number[]; sequence: string }>
  >;
  statuses: Readonly<Record<string, Readonly<Record<string, string>>>>;
  events: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Print management: classes, attributes, statuses, events of the statement's Tables 32 to 50. */
export const PRINT: Readonly<PrintTable> = readTable(import.meta.url, '../tables/print.json');

/** Attributes by keyword; absent ones are not sent. */
export type PrintAttributes = Readonly<Record<string, string | number | undefined>>;

/**
 * Checks the attributes of an N-CREATE against their table (35, 38 or 45).
 * @throws ScannerError data.missing, data.invalid naming the attribute and what is expected
 */
export function printDataset(
  what: 'filmSession' | 'filmBox' | 'presentationLut',
  attributes: PrintAttributes,
  withLut = false,
): Dataset {
  const rules = PRINT[what];
  const stranger = Object.keys(attributes).find((keyword) => !rules.some((rule) => rule.keyword === keyword));
  if (stranger) {
    const message = `not sent with a ${what}; expected one of ${rules.map(({ keyword }) => keyword).join(', ')}`;
    throw new ScannerError('data.invalid', { what: stranger, message });
  }
  const fields: Record<string, Value> = {};
  for (const rule of rules) {
    const value = attributes[rule.keyword];
    if (value === undefined) {
      if (rule.required || (withLut && rule.withLut)) throw new ScannerError('data.missing', { what: rule.keyword });
      continue;
    }
    const expected = expectation(rule, value);
    if (expected) {
      throw new ScannerError('data.invalid', { what: rule.keyword, message: `${value}; expected ${expected}` });
    }
    fields[rule.keyword] = value;
  }
  return dataset(fields);
}

/** What the rule wants instead, or undefined when the value fits. */
function expectation(rule: AttributeRule, value: string | number): string | undefined {
  const { terms, pattern, integer, above, below, atMost } = rule;
  if (terms && !terms.includes(String(value))) return terms.join(', ');
  if (pattern && !new RegExp(`^(?:${pattern})$`).test(String(value))) return `a value like ${pattern}`;
  if (!integer) return undefined;
  const number = Number(value);
  const fits =
    Number.isInteger(number) &&
    (above === undefined || number > above) &&
    (below === undefined || number < below) &&
    (atMost === undefined || number <= atMost);
  if (fits) return undefined;
  const limits = [
    above !== undefined && `> ${above}`,
    below !== undefined && `< ${below}`,
    atMost && `at most ${atMost}`,
  ];
  return `a whole number ${limits.filter(Boolean).join(' and ')}`;
}

/** What a status means for an instance of the class, or undefined. @param status as the standard prints it */
export function printStatusText(what: PrintInstance, status: string): string | undefined {
  return PRINT.statuses[what]?.[status] ?? PRINT.statuses.any?.[status];
}
