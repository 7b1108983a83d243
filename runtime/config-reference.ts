/** Every key of the configuration as its schema describes it: for the manual, for error messages, for what the CLI shows. */

import { z } from 'zod';

/** What a key says of itself besides its type: `.meta()` of its schema. */
export interface KeyMeta {
  description?: string;
  /** Of a number that its name does not give: 'bytes', 'days'. */
  unit?: string;
  /** What a text must look like, where a pattern says it to programs only. */
  form?: string;
  /** What holds when it is absent, where that is no constant. */
  fallback?: string;
  /** Its value is shown to nobody. */
  secret?: boolean;
}

export interface ConfigKey {
  /** Dotted; `[]` stands for each entry of a list. */
  path: string;
  /** A record of further keys, which has no value of its own. */
  group: boolean;
  /** Type and range, as people read them. */
  type: string;
  required: boolean;
  default?: unknown;
  fallback?: string;
  unit?: string;
  secret: boolean;
  meaning: string;
}

/** The parts of JSON Schema that zod makes of our schemas. */
interface JsonSchema extends KeyMeta {
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
}

/** Keys in the order of the schema, groups before what they hold. */
export function configKeys(schema: z.ZodType): ConfigKey[] {
  return below(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, '');
}

function below(schema: JsonSchema, path: string): ConfigKey[] {
  const variants = schema.oneOf ?? schema.anyOf ?? [schema];
  const keys = new Map<string, ConfigKey>();
  for (const { properties = {}, required = [] } of variants) {
    for (const [name, value] of Object.entries(properties)) {
      for (const key of keysOf(value, path ? `${path}.${name}` : name, required.includes(name))) {
        keys.set(key.path, joined(keys.get(key.path), key));
      }
    }
  }
  return [...keys.values()];
}

function keysOf(schema: JsonSchema, path: string, required: boolean): ConfigKey[] {
  const inner = below(schema, path);
  const entries = schema.items ? below(schema.items, `${path}[]`) : [];
  const { unit, secret = false, fallback, description: meaning = '' } = schema;
  const own = { path, group: inner.length > 0, type: typeText(schema), required, fallback, unit, secret, meaning };
  return [{ ...own, ...(inner.length === 0 && { default: schema.default }) }, ...inner, ...entries];
}

/** The same key in two variants of a record. */
function joined(one: ConfigKey | undefined, other: ConfigKey): ConfigKey {
  if (!one) return other;
  const type = one.type.includes(other.type) ? one.type : `${one.type} or ${other.type}`;
  return { ...one, type, required: one.required && other.required };
}

function typeText(schema: JsonSchema): string {
  const { form, type, items, properties } = schema;
  const variants = schema.oneOf ?? schema.anyOf;
  if (form) return form;
  if (schema.enum) return schema.enum.map((term) => `\`${term}\``).join(', ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (properties) return 'a record';
  if (variants) return [...new Set(variants.map(typeText))].join(' or ');
  if (items) return `list of ${items.enum ? 'any of ' : ''}${typeText(items)}${count(schema)}`;
  if (type === 'string') return `text${length(schema)}`;
  if (type === 'boolean') return '`true`, `false`';
  return `${type === 'integer' ? 'whole number' : 'number'}${range(schema)}`;
}

function range({ minimum: from, exclusiveMinimum: above, maximum }: JsonSchema): string {
  const to = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = above === undefined || (from !== undefined && from > above) ? from : undefined;
  if (least === undefined && above !== undefined) return ` above ${above}${to === undefined ? '' : `, at most ${to}`}`;
  if (least === undefined) return to === undefined ? '' : `, at most ${to}`;
  return to === undefined ? `, ${least} or more` : ` ${least} to ${to}`;
}

function length({ minLength: from = 0, maxLength: to }: JsonSchema): string {
  if (to === undefined) return from === 0 ? '' : `, ${from} or more characters`;
  return from === 0 ? `, up to ${to} characters` : `, ${from} to ${to} characters`;
}

function count({ minItems, maxItems }: JsonSchema): string {
  if (minItems === undefined) return maxItems === undefined ? '' : `, at most ${maxItems}`;
  return `, at least ${minItems}`;
}
