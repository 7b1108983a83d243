/** After a stop without goodbye: what was acknowledged and has no row yet gets one. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { readHeader } from '../dicom/dataset/header.js';
import { recoverPrepared } from '../dicom/dataset/prepared-files.js';
import type { IntegrityReport } from './archive.js';
import type { Catalogue, IndexedObject } from './catalogue.js';
import { inspectBytes, sha256, syncFileSystem } from './files.js';
import type { Importing } from './importing.js';
import { storedFact } from './index-writer.js';
import { type LogRecord, recordsOf } from './log-segment.js';
import { replaceWith } from './meeting.js';
import type { ObjectFolder } from './object-folder.js';
import type { Outbox } from './outbox.js';
import type { SqlDatabase } from './sql.js';

export interface RecoveryOptions {
  /** Folder of the log's segments. */
  logFolder: string;
  incoming: string;
  /** Files that stood ready for objects. */
  prepared: string;
  folder: ObjectFolder;
  database: SqlDatabase;
  catalogue: Catalogue;
  outbox: Outbox;
  importing: Importing;
  log: Log;
}

/** Gives the objects of a log that was not closed their files and rows, and removes it. @throws ScannerError data.disk */
export async function recoverLog(options: RecoveryOptions, report: IntegrityReport): Promise<void> {
  for (const path of await filesIn(options.logFolder)) {
    const objects: IndexedObject[] = [];
    for (const record of recordsOf(await readFile(path))) {
      // the crash came while this one was written: nobody was told of it, nor of those behind it
      if (createHash('sha256').update(record.part10).digest('hex') !== record.checksum) break;
      const object = await recover(record, options);
      if (object) objects.push(object);
    }
    const added = await addAll(objects, options);
    report.indexed.push(...added.map(({ file }) => options.folder.absolute(file.file)));
    if (objects.length > 0) await syncFileSystem(options.folder.absolute('objects'));
    await unlink(path);
  }
}

/** Imports whole files that were on their way in, and removes the others. @throws ScannerError data.disk */
export async function recoverIncoming(options: RecoveryOptions, report: IntegrityReport): Promise<void> {
  const prepared = await recoverPrepared(options.prepared);
  for (const path of [...prepared, ...(await filesIn(options.incoming))]) {
    try {
      if (path.endsWith('.part')) throw new ScannerError('data.dicom', { where: path, message: 'it was not finished' });
      await readHeader(path); // to its end: a file that was cut is no object
      const { instance, duplicate } = await options.importing.file(path);
      if (!duplicate) report.indexed.push(options.folder.absolute(instance.file));
    } catch (error) {
      if (error instanceof ScannerError && error.code === 'data.disk') throw error;
      // nobody was told that it is kept
      options.log.warn({ path, error: String(error) }, 'what was arriving when the process ended is dropped');
      await unlink(path);
      report.removed.push(path);
    }
  }
}

async function filesIn(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw asScannerError(error, 'data.disk', { path: folder });
  });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => join(folder, name));
}

/** Makes the object's file as the log has it, unless another object of its UID was first. */
async function recover(record: LogRecord, options: RecoveryOptions): Promise<IndexedObject | undefined> {
  const { folder, database, catalogue, log } = options;
  const { part10, checksum, storedAt } = record;
  const { header, ...found } = inspectBytes(part10, { checksum });
  const known = await database.read(() => catalogue.find(header.sopInstanceUid));
  if (known && known.checksum !== checksum) {
    log.warn({ sopInstanceUid: header.sopInstanceUid }, 'another object of this SOP Instance UID was first');
    return undefined;
  }
  const target = await folder.target(header);
  const whole = existsSync(target) && (await sha256(target)) === checksum;
  if (!whole) await replaceWith(part10, target);
  return { header, file: { ...found, file: folder.relative(target), storedAt, origin: 'received' } };
}

function addAll(objects: readonly IndexedObject[], options: RecoveryOptions): Promise<IndexedObject[]> {
  const { database, catalogue, outbox } = options;
  return database.transaction(function* () {
    const added = yield* catalogue.addAll(objects);
    for (const object of added) yield* outbox.put([storedFact(object)], object.file.storedAt);
    return added;
  });
}
