// The compiler takes only TypeScript along: the JSON tables that modules read beside themselves follow here.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

for (const folder of ['hal', 'sim', 'native', 'machines', 'runtime']) {
  for (const file of readdirSync(folder, { recursive: true })) {
    const path = join(folder, String(file));
    if (path.endsWith('.json')) cpSync(path, join('dist', path));
  }
}
