/** The one error type of petrig, and the registry of its codes. */

import { readTable } from './table.js';

export const ERROR_KINDS = [
  'operator',
  'config',
  'link',
  'protocol',
  'device',
  'limit',
  'interlock',
  'timeout',
  'peer',
  'data',
  'native',
  'bug',
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** What a wrong outcome could do to a patient: `none`, `image` (a wrong or lost image), `dose` (needless radiation), `motion` (collision, crushing). */
export type HazardClass = 'none' | 'image' | 'dose' | 'motion';

export interface ErrorEntry {
  /** Text for the operator. `{name}` is replaced by `context.name`. */
  text: string;
  hazard: HazardClass;
  /** True when doing the same again may succeed. */
  retry: boolean;
}

const REGISTRY: Readonly<Record<string, ErrorEntry>> = readTable(import.meta.url, './errors.json');

export type ErrorContext = Readonly<Record<string, unknown>>;

/**
 * A failure with a code of the registry (`hal/base/errors.json`). The code is `kind.noun`, e.g. `limit.heat`;
 * an unregistered code is itself a bug and says so in the text.
 */
export class ScannerError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly retry: boolean;
  readonly hazard: HazardClass;
  readonly context: ErrorContext;

  constructor(code: string, context: ErrorContext = {}, cause?: unknown) {
    const entry = REGISTRY[code];
    super(entry ? fill(entry.text, context) : `unregistered error ${code}: ${safeJson(context)}`, { cause });
    this.name = 'ScannerError';
    this.code = code;
    const kind = code.slice(0, code.indexOf('.')) as ErrorKind;
    this.kind = ERROR_KINDS.includes(kind) ? kind : 'bug';
    this.retry = entry?.retry ?? false;
    this.hazard = entry?.hazard ?? 'none';
    this.context = context;
  }

  /** The serialisable form that crosses worker, socket and JSON borders. */
  toJSON(): {
    code: string;
    kind: ErrorKind;
    message: string;
    retry: boolean;
    hazard: HazardClass;
    context: ErrorContext;
  } {
    const { code, kind, message, retry, hazard, context } = this;
    return { code, kind, message, retry, hazard, context };
  }
}

/** Turns anything thrown into a ScannerError; what is not ours becomes `bug.unexpected` with its cause. */
export function asScannerError(thrown: unknown, code = 'bug.unexpected', context: ErrorContext = {}): ScannerError {
  if (thrown instanceof ScannerError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ScannerError(code, { message, ...context }, thrown);
}

export function registeredErrors(): Readonly<Record<string, ErrorEntry>> {
  return REGISTRY;
}

function fill(text: string, context: ErrorContext): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in context ? String(context[name]) : whole));
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? v.toString() : v)) ?? 'undefined';
  } catch {
    return '[not serialisable]';
  }
}
