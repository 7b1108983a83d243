import { dirname, join } from 'node:path';
import { durableFolder } from './files.js';
import { type ArchiveOptions, IndexedArchive } from './indexed-archive.js';
import { reindex } from './reindex.js';
import { SqliteDatabase } from './sqlite-database.js';

/** An archive whose index is one SQLite file, `archive.sqlite` in its folder. One process at a time may have it open. */
export class SqliteArchive extends IndexedArchive {
  /** Opens or makes the archive and mends what a crash left. @throws ScannerError data.disk, config.invalid */
  static async open(options: ArchiveOptions): Promise<SqliteArchive> {
    const { root } = options;
    await durableFolder(dirname(root), join(root, 'objects'));
    const database = new SqliteDatabase(join(root, 'archive.sqlite'));
    try {
      const archive = new SqliteArchive(database, options, false);
      await reindex({ ...options, database, catalogue: archive.catalogue });
      await archive.recover();
      await archive.check();
      return archive;
    } catch (error) {
      await database.close();
      throw error;
    }
  }
}
