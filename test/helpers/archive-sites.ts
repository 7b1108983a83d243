import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { openArchive } from '../../runtime/archive/open.js';
import { type ArchiveSite, freshFolder } from './archive-objects.js';
import type { Postgres } from './postgres.js';

/** An archive in a folder of its own, its index in SQLite. */
export async function sqliteSite(): Promise<ArchiveSite> {
  const { root, release } = await freshFolder();
  return {
    root,
    release,
    open: (changes) => openArchive({ root, clock: new ScaledClock(), log: silentLog, ...changes }),
  };
}

let count = 0;

/** An archive in a folder of its own, its index in a new database. */
export async function postgresSite(postgres: Postgres): Promise<ArchiveSite> {
  const { root, release } = await freshFolder();
  const url = await postgres.database(`archive${++count}`);
  const common = { url, clock: new ScaledClock(), log: silentLog };
  return { root, url, release, open: (changes) => openArchive({ root, ...common, ...changes }) };
}
