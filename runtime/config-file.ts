/** The configuration file as it stands on the disk: read, changed as a whole, written atomically. */

import { open, readFile, rename } from 'node:fs/promises';
import { asScannerError, ScannerError } from '../hal/base/errors.js';
import { type Config, type ConfigInput, parseConfig } from './config.js';

export type RawConfig = ConfigInput & Record<string, unknown>;

export class ConfigFile {
  readonly path: string;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /** What the file says, without defaults; an absent file says nothing. @throws ScannerError config.invalid */
  async read(): Promise<RawConfig> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw asScannerError(cause, 'config.invalid', {
        where: this.path,
        message: (cause as Error).message,
        expected: 'a readable file',
      });
    }
    try {
      return JSON.parse(text) as RawConfig;
    } catch (cause) {
      const message = (cause as Error).message;
      throw new ScannerError('config.invalid', { where: this.path, message, expected: 'a JSON object' }, cause);
    }
  }

  /**
   * Changes the file: one change after another, checked whole before anything is written.
   * @returns the configuration with its defaults
   * @throws ScannerError config.invalid (nothing is written), data.disk
   */
  change(edit: (raw: RawConfig) => RawConfig): Promise<Config> {
    const change = this.#turn.then(async () => {
      const next = edit(await this.read());
      const config = parseConfig(next, this.path);
      await this.#write(`${JSON.stringify(next, null, 2)}\n`);
      return config;
    });
    this.#turn = change.catch(() => undefined);
    return change;
  }

  async #write(text: string): Promise<void> {
    const part = `${this.path}.part`;
    try {
      const file = await open(part, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, this.path);
    } catch (cause) {
      throw asScannerError(cause, 'data.disk', { path: this.path });
    }
  }
}
