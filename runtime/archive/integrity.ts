import { existsSync } from 'node:fs';
import { readdir, stat, unlink } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { IntegrityReport } from './archive.js';
import type { Catalogue } from './catalogue.js';
import { inspectFile } from './files.js';
import { rows, type SqlDatabase, type Work } from './sql.js';

export interface IntegrityOptions {
  /** The archive's folder; objects stand in `root`/objects. */
  root: string;
  database: SqlDatabase;
  catalogue: Catalogue;
  log: Log;
}

interface FileRow {
  uid: string;
  file: string;
  missing: number;
}

/**
 * Brings files and index together after whatever happened: removes half-written files, indexes whole ones that the index
 * lacks, marks rows whose file is gone. One folder at a time, so that memory does not grow with the archive.
 * @throws ScannerError data.disk
 */
export async function checkIntegrity(options: IntegrityOptions, report: IntegrityReport): Promise<void> {
  const { root, log, database } = options;
  const seen = new Set<string>();
  for await (const { path, names } of foldersBelow(join(root, 'objects'))) {
    seen.add(basename(path));
    await checkFolder(path, names, options, report);
  }
  // series whose whole folder is gone
  for (const { series } of await database.read(allSeries)) {
    if (!seen.has(series)) await compare(series, new Set(), options, report);
  }
  if (report.missing.length > 0) log.error({ files: report.missing }, 'objects of the index are not on the disk');
  if (report.unreadable.length > 0) log.warn({ files: report.unreadable }, 'files in the archive are no DICOM objects');
}

/** Folders that hold files, with the names of those. */
async function* foldersBelow(path: string): AsyncGenerator<{ path: string; names: string[] }> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    throw asScannerError(error, 'data.disk', { path });
  });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  if (names.length > 0) yield { path, names };
  for (const entry of entries) if (entry.isDirectory()) yield* foldersBelow(join(path, entry.name));
}

async function checkFolder(
  folder: string,
  names: readonly string[],
  options: IntegrityOptions,
  report: IntegrityReport,
): Promise<void> {
  const present = new Set<string>();
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith('.part')) {
      await unlink(path);
      report.removed.push(path);
    } else if (name.endsWith('.dcm')) {
      present.add(relative(options.root, path));
    }
  }
  const indexed = await compare(basename(folder), present, options, report);
  for (const file of present) if (!indexed.has(file)) await indexFile(file, options, report);
}

/** Marks the rows of a series by the files that are there. @returns the files that have rows */
async function compare(
  series: string,
  present: ReadonlySet<string>,
  { root, database, catalogue }: IntegrityOptions,
  report: IntegrityReport,
): Promise<Set<string>> {
  const found = await database.read(() => filesOf(series));
  const gone = new Set<string>();
  for (const { file } of found) {
    // it may stand in another folder than its series has
    if (present.has(file) || existsSync(join(root, file))) continue;
    gone.add(file);
    report.missing.push(join(root, file));
  }
  const wrong = found.filter(({ file, missing }) => gone.has(file) !== Boolean(missing));
  if (wrong.length > 0) {
    await database.transaction(function* () {
      for (const { uid, file } of wrong) yield* catalogue.setMissing(uid, gone.has(file));
    });
  }
  return new Set(found.map(({ file }) => file));
}

async function indexFile(file: string, options: IntegrityOptions, report: IntegrityReport): Promise<void> {
  const path = join(options.root, file);
  try {
    const { header, ...found } = await inspectFile(path);
    const storedAt = (await stat(path)).mtimeMs;
    const object = { header, file: { ...found, file, storedAt, origin: 'made' as const } };
    const added = await options.database.transaction(() => options.catalogue.addAll([object]));
    if (added.length > 0) report.indexed.push(path);
  } catch (error) {
    if (error instanceof ScannerError && error.code === 'data.disk') throw error;
    report.unreadable.push(path);
    options.log.warn({ path, error: String(error) }, 'file in the archive cannot be indexed');
  }
}

function* allSeries(): Work<{ series: string }[]> {
  return yield* rows('SELECT series_uid AS series FROM series');
}

function* filesOf(series: string): Work<FileRow[]> {
  return yield* rows('SELECT sop_uid AS uid, file, missing FROM instance WHERE series_uid = :series', { series });
}
