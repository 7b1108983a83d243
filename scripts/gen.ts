/**
 * Writes what follows from the object dictionaries (TypeScript types, the C header for firmware authors, the protocol manual) and
 * from the schemas of the configuration (its manual).
 *   npm run gen            writes them
 *   npm run gen -- --check writes nothing, fails when one differs
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dictionaryOf, WIRE_DEVICES } from '../hal/wire/dictionary.js';
import { configSchema } from '../runtime/config.js';
import { configKeys } from '../runtime/config-reference.js';
import { configurationManual } from './gen/configuration.js';
import { firmwareHeader } from './gen/header.js';
import { protocolManual } from './gen/manual.js';
import { deviceTypes } from './gen/types.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dictionaries = WIRE_DEVICES.map(dictionaryOf);
const files = new Map<string, string>([
  ...dictionaries.map((d) => [`hal/wire/generated/${d.device}.ts`, deviceTypes(d)] as const),
  ['docs/firmware/petrig_objects.h', firmwareHeader(dictionaries)],
  ['docs/wire.md', protocolManual(dictionaries)],
  ['docs/configuration.md', configurationManual(configKeys(configSchema))],
]);

const check = process.argv.includes('--check');
for (const [path, text] of files) {
  if (current(path) === text) continue;
  if (check) {
    console.error(`${path} is not what dictionaries and schemas say: run npm run gen`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, text);
    console.error(`wrote ${path}`);
  }
}

function current(path: string): string | undefined {
  try {
    return readFileSync(root + path, 'utf8');
  } catch {
    return undefined;
  }
}
