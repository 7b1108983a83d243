import type { Archive } from './archive.js';
import type { ArchiveOptions } from './indexed-archive.js';
import { PostgresArchive } from './postgres-archive.js';
import { SqliteArchive } from './sqlite-archive.js';

/** The archive that the configuration asks for: PostgreSQL when there is a URL, SQLite otherwise. @throws ScannerError data.disk, config.invalid */
export function openArchive({ url, ...options }: ArchiveOptions & { url?: string }): Promise<Archive> {
  return url === undefined ? SqliteArchive.open(options) : PostgresArchive.open({ ...options, url });
}
