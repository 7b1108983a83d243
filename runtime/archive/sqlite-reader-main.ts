/** The thread that reads an SQLite file: see sqlite-reader.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { FromReader, ToReader } from './sqlite-reader.js';

const BATCH_ROWS = 256;
/** Connections kept for the next reader. */
const SPARE = 4;

interface Reading {
  db: Database.Database;
  columns: string[];
  iterator: IterableIterator<readonly unknown[]>;
}

const path = workerData as string;
const port = parentPort!;
const readings = new Map<number, Reading>();
const spare: Database.Database[] = [];
let writing: Database.Database | undefined;

function open(id: number, { text, parameters }: Extract<ToReader, { kind: 'open' }>['statement']): void {
  // a connection each: statements that overlap on one would all see the state of the first
  const db = spare.pop() ?? new Database(path, { readonly: true });
  const statement = db.prepare<typeof parameters, readonly unknown[]>(text).raw();
  const columns = statement.columns().map(({ name }) => name);
  readings.set(id, { db, columns, iterator: statement.iterate(parameters) });
  // one batch ahead of the one that is looked at
  send(id);
  send(id);
}

function send(id: number): void {
  const reading = readings.get(id);
  if (!reading) return;
  const rows: (readonly unknown[])[] = [];
  let last = false;
  while (!last && rows.length < BATCH_ROWS) {
    const next = reading.iterator.next();
    if (next.done) last = true;
    else rows.push(next.value);
  }
  port.postMessage({ id, columns: reading.columns, rows, last } satisfies FromReader);
  if (last) end(id);
}

function end(id: number): void {
  const reading = readings.get(id);
  if (!reading) return;
  readings.delete(id);
  reading.iterator.return?.();
  if (spare.length < SPARE) spare.push(reading.db);
  else reading.db.close();
}

function attend(message: ToReader): void {
  if (message.kind === 'open') open(message.id, message.statement);
  else if (message.kind === 'more') send(message.id);
  else if (message.kind === 'end') end(message.id);
  else if (message.kind === 'checkpoint') checkpoint();
  else close();
}

function checkpoint(): void {
  writing ??= new Database(path);
  writing.pragma('wal_checkpoint(PASSIVE)');
}

function close(): void {
  for (const id of [...readings.keys()]) end(id);
  for (const db of spare) db.close();
  writing?.close();
  port.close();
}

port.on('message', (message: ToReader) => {
  try {
    attend(message);
  } catch (error) {
    if (message.kind === 'close') throw error;
    // the next one may do it
    if (message.kind === 'checkpoint') return;
    end(message.id);
    const failure = error instanceof Error ? error.message : String(error);
    port.postMessage({ id: message.id, columns: [], rows: [], last: true, failure } satisfies FromReader);
  }
});
