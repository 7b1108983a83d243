import { readdir, stat, unlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Log } from '../../hal/base/log.js';
import type { IntegrityReport } from './archive.js';
import type { Catalogue } from './catalogue.js';
import { inspectFile } from './files.js';

/**
 * Brings files and index together after whatever happened: removes half-written files, indexes whole ones that the index
 * lacks, marks rows whose file is gone.
 * @param root the archive's folder; objects stand in `root`/objects
 */
export async function checkIntegrity(options: {
  root: string;
  catalogue: Catalogue;
  transaction: (act: () => void) => void;
  log: Log;
}): Promise<IntegrityReport> {
  const { root, catalogue, log } = options;
  const report: IntegrityReport = { removed: [], indexed: [], missing: [], unreadable: [] };
  const objects = join(root, 'objects');
  const names = (await readdir(objects, { recursive: true }).catch(() => [])).map((name) => join(objects, name));
  const indexed = new Map(catalogue.files().map((row) => [join(root, row.file), row]));
  for (const path of names) {
    if (path.endsWith('.part')) {
      await unlink(path);
      report.removed.push(path);
    } else if (path.endsWith('.dcm') && !indexed.has(path)) {
      await indexFile(path, options, report);
    }
  }
  const present = new Set(names);
  options.transaction(() => {
    for (const [path, row] of indexed) {
      const missing = !present.has(path);
      if (missing) report.missing.push(path);
      if (missing !== Boolean(row.missing)) catalogue.setMissing(row.sopInstanceUid, missing);
    }
  });
  if (report.missing.length > 0) log.error({ files: report.missing }, 'objects of the index are not on the disk');
  if (report.unreadable.length > 0) log.warn({ files: report.unreadable }, 'files in the archive are no DICOM objects');
  return report;
}

async function indexFile(
  path: string,
  options: Parameters<typeof checkIntegrity>[0],
  report: IntegrityReport,
): Promise<void> {
  try {
    const { header, ...found } = await inspectFile(path);
    const file = relative(options.root, path);
    const storedAt = (await stat(path)).mtimeMs;
    options.transaction(() => options.catalogue.add(header, { ...found, file, storedAt, origin: 'made' }));
    report.indexed.push(path);
  } catch (error) {
    report.unreadable.push(path);
    options.log.warn({ path, error: String(error) }, 'file in the archive cannot be indexed');
  }
}
