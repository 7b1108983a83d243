import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { durableFolder } from '../../runtime/archive/files.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';

const test = suite('folder of the archive');

test.before(() => {
  const here = mkdtempSync(join(tmpdir(), 'petrig-folder-'));
  process.chdir(here);
  process.on('exit', () => rmSync(here, { recursive: true, force: true }));
});

for (const root of ['./petrig-data', 'petrig-data', './a/b/../data/']) {
  test(`opens at ${root}, relative to the working folder`, async () => {
    const archive = await SqliteArchive.open({ root, clock: new ScaledClock(), log: silentLog });
    await archive.close();
    assert.ok(existsSync(join(root, 'objects')));
  });
}

test('a folder outside the root that was named is made, up to the top of the disk', async () => {
  await durableFolder('/nowhere/above', 'x/y');
  assert.ok(existsSync('x/y'));
});

test.run();
