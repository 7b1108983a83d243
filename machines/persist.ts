/** Records of machines on disk, each written whole or not at all. */

import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StateValue } from 'xstate';
import { ScannerError } from '../hal/base/errors.js';
import type { Recovered } from './types.js';

export const RECORD_SCHEMA = 1;

export interface MachineRecord<Context = unknown> {
  schema: number;
  machine: string;
  /** Which exam, job or send. */
  id: string;
  value: StateValue;
  context: Context;
}

/** Makes `record` durable before it resolves. */
export type SaveRecord = (record: MachineRecord) => Promise<void>;

interface Persistable {
  getSnapshot(): { status: string; value: StateValue; context: unknown };
  subscribe(observer: (snapshot: { status: string; value: StateValue; context: unknown }) => void): {
    unsubscribe(): void;
  };
}

export interface PersistOptions {
  machine: string;
  id: string;
  save: SaveRecord;
  /** Told when a record could not be written; the machine goes on. */
  failed: (error: unknown) => void;
  /** Context keys whose change alone is not worth a write, e.g. `progress`. */
  ignore?: readonly string[];
}

export interface Persisting {
  /** Resolves when everything up to now is durable or was told to `failed`. */
  flush(): Promise<void>;
  stop(): void;
}

/**
 * Saves the actor's state and context at each change. Writes follow one another; while one is under way only the
 * newest waits, so a record may be some steps old when the process ends: recovery trusts the hardware, not the record.
 */
export function persistActor(actor: Persistable, options: PersistOptions): Persisting {
  const { machine, id, save, failed, ignore = [] } = options;
  let written = '';
  let waiting: MachineRecord | undefined;
  let writing: Promise<void> | undefined;

  const drain = async () => {
    while (waiting) {
      const record = waiting;
      waiting = undefined;
      await save(record).catch(failed);
    }
    writing = undefined;
  };
  const note = ({ value, context }: { value: StateValue; context: unknown }) => {
    const kept = (key: string, part: unknown) => (ignore.includes(key) ? undefined : part);
    const key = JSON.stringify({ value, context }, kept);
    if (key === written) return;
    written = key;
    // a copy: the record is what the machine was now
    waiting = JSON.parse(JSON.stringify({ schema: RECORD_SCHEMA, machine, id, value, context })) as MachineRecord;
    writing ??= drain();
  };

  note(actor.getSnapshot());
  const subscription = actor.subscribe(note);
  return {
    flush: async () => {
      while (writing) await writing;
    },
    stop: () => subscription.unsubscribe(),
  };
}

/**
 * What a machine of that name is restored from: the `recovered` part of its input, which makes it start in
 * `recovering` unless it had ended.
 * @throws ScannerError data.invalid when the record is another machine's or of another schema
 */
export function restore<Context>(record: MachineRecord, machine: string): Recovered<Context> {
  if (record.schema !== RECORD_SCHEMA || record.machine !== machine) {
    const message = `is ${record.machine} of schema ${record.schema}, expected ${machine} of schema ${RECORD_SCHEMA}`;
    throw new ScannerError('data.invalid', { what: `record ${record.id}`, message });
  }
  return { value: record.value, context: record.context as Context };
}

/** Records as JSON files `MACHINE-ID.json` in one directory. */
export class RecordStore {
  readonly #directory: string;
  #sequence = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Temporary file, fsync, rename, fsync of the directory. @throws ScannerError data.disk */
  readonly save: SaveRecord = async (record) => {
    const path = this.#path(record.machine, record.id);
    const temporary = `${path}.${process.pid}.${this.#sequence++}.tmp`;
    try {
      await mkdir(this.#directory, { recursive: true });
      await writeDurably(temporary, JSON.stringify(record));
      await rename(temporary, path);
      await syncDirectory(dirname(path));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {}); // the write's own error is the one to tell
      throw new ScannerError('data.disk', { path, message: error instanceof Error ? error.message : error }, error);
    }
  };

  /** All whole records; what a process left half written is removed. @throws ScannerError data.invalid */
  async load(): Promise<MachineRecord[]> {
    const names = await readdir(this.#directory).catch(noneYet);
    await Promise.all(
      names.filter((n) => n.endsWith('.tmp')).map((n) => rm(join(this.#directory, n), { force: true })),
    );
    const whole = names.filter((name) => name.endsWith('.json')).sort();
    return Promise.all(whole.map((name) => this.#read(name)));
  }

  async remove(machine: string, id: string): Promise<void> {
    await rm(this.#path(machine, id), { force: true });
  }

  async #read(name: string): Promise<MachineRecord> {
    const text = await readFile(join(this.#directory, name), 'utf8');
    try {
      return JSON.parse(text) as MachineRecord;
    } catch (error) {
      throw new ScannerError('data.invalid', { what: name, message: 'not JSON' }, error);
    }
  }

  #path(machine: string, id: string): string {
    return join(this.#directory, `${machine}-${encodeURIComponent(id)}.json`);
  }
}

function noneYet(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw new ScannerError('data.invalid', { what: 'directory of records', message: error.message }, error);
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
