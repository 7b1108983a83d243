import { suite } from 'uvu';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { freshFolder } from '../helpers/archive-objects.js';
import { querySuite } from '../helpers/archive-suite-query.js';

const test = suite('queries of an archive in SQLite');

querySuite(test, async () => {
  const { root, release } = await freshFolder();
  return { open: () => SqliteArchive.open({ root, clock: new ScaledClock(), log: silentLog }), release };
});

test.run();
