/** The logger: pino on stderr, and the last entries in memory for the service socket. */

import pino, { type Logger } from 'pino';
import type { Log } from '../hal/base/log.js';
import type { LogEntry } from './service/operations.js';

const KEPT = 1000;

export class RecentLog implements Log {
  readonly #pino: Logger;
  readonly #recent: LogEntry[];
  readonly #fields: object;

  constructor(level: string, pinoLogger?: Logger, recent: LogEntry[] = [], fields: object = {}) {
    this.#pino = pinoLogger ?? pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
    this.#recent = recent;
    this.#fields = fields;
  }

  debug(fields: object, message: string): void {
    this.#add('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#add('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message);
  }

  child(fields: object): Log {
    return new RecentLog('', this.#pino.child(fields), this.#recent, { ...this.#fields, ...fields });
  }

  /** The last entries, oldest first. */
  last(count: number): LogEntry[] {
    return this.#recent.slice(-count);
  }

  #add(level: LogEntry['level'], fields: object, message: string): void {
    this.#pino[level](fields, message);
    // device time is 64-bit: JSON has no bigint
    const plain = JSON.parse(
      JSON.stringify(fields, (_key, value) => (typeof value === 'bigint' ? value.toString() : value)),
    ) as object;
    this.#recent.push({ at: Date.now(), level, message, fields: { ...this.#fields, ...plain } });
    if (this.#recent.length > KEPT) this.#recent.splice(0, this.#recent.length - KEPT);
  }
}
