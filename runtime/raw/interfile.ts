/** Interfile-like text: one `key:=value` a line; a leading `!` marks a required key, `%` a vendor's own. */

import { ScannerError } from '../../hal/base/errors.js';

export type InterfileEntry = readonly [key: string, value: string | number | readonly number[]];

export function writeInterfile(entries: readonly InterfileEntry[]): string {
  const text = (value: InterfileEntry[1]) => (Array.isArray(value) ? `{${value.join(',')}}` : String(value));
  return `${entries.map(([key, value]) => `${key}:=${text(value)}`).join('\r\n')}\r\n`;
}

/** Values by key, keys in lower case without `!` and with single spaces. Later lines win. */
export class InterfileHeader {
  readonly #what: string;
  readonly #values = new Map<string, string>();

  /** @throws ScannerError data.invalid when the text does not begin with `!INTERFILE` */
  constructor(text: string, what = 'header') {
    this.#what = what;
    const lines = text.split(/\r?\n/).filter((line) => line.trim() && !line.trim().startsWith(';'));
    if (!/^!?INTERFILE\s*:=/i.test(lines[0] ?? '')) this.#fail('it must begin with !INTERFILE:=');
    for (const line of lines) {
      const at = line.indexOf(':=');
      if (at < 0) this.#fail(`line without := : ${line.slice(0, 60)}`);
      this.#values.set(normal(line.slice(0, at)), line.slice(at + 2).trim());
    }
  }

  text(key: string): string {
    return this.#values.get(normal(key)) ?? this.#fail(`no key ${key}`);
  }

  number(key: string): number {
    const value = Number(this.text(key));
    return this.text(key) !== '' && Number.isFinite(value)
      ? value
      : this.#fail(`${key} is ${this.text(key)}, not a number`);
  }

  numbers(key: string): number[] {
    const values = this.text(key).replace(/[{}]/g, '').split(',').map(Number);
    return values.every(Number.isFinite) ? values : this.#fail(`${key} is not a list of numbers`);
  }

  has(key: string): boolean {
    return this.#values.has(normal(key));
  }

  #fail(message: string): never {
    throw new ScannerError('data.invalid', { what: this.#what, message });
  }
}

function normal(key: string): string {
  return key.replace(/^\s*!/, '').trim().replace(/\s+/g, ' ').toLowerCase();
}
