/** One measurement of C-STORE beside DCMTK's, run inside a private network: `cstore-pair.ts FOLDER MAX_PDU`; prints { value, peer } in MB/s. */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { runTool, startStorescp } from '../helpers/peers.js';

const [folder = '', maxPdu = '28672'] = process.argv.slice(2);
const paths = readdirSync(folder)
  .filter((name) => name.endsWith('.dcm'))
  .map((name) => join(folder, name));
const megabytes = paths.reduce((sum, path) => sum + statSync(path).size, 0) / 1e6;
const received = join(folder, 'received');
const peer = await startStorescp({ folder: received, args: ['-q', '--max-pdu', maxPdu] });
const options = { node: peer.node, callingAe: 'PETRIG', clock: new ScaledClock(), log: silentLog };

async function ours(files: readonly string[]): Promise<number> {
  const started = performance.now();
  const results = await storeFiles(options, files);
  const seconds = (performance.now() - started) / 1000;
  const lost = results.find(({ outcome }) => outcome !== 'stored');
  if (lost) throw lost.error ?? new Error(`${lost.path}: ${lost.outcome}`);
  return seconds;
}

async function theirs(): Promise<number> {
  const started = performance.now();
  const { code, output } = await runTool('storescu', ['+sd', '127.0.0.1', String(peer.node.port), folder]);
  if (code !== 0) throw new Error(output);
  return (performance.now() - started) / 1000;
}

await ours(paths.slice(0, 50)); // code that runs for the first time is compiled
rmSync(received, { recursive: true });
const seconds = [0, 0];
for (const [i, run] of [() => ours(paths), theirs].entries()) {
  mkdirSync(received, { recursive: true });
  seconds[i] = await run();
  rmSync(received, { recursive: true });
}
await peer.stop();
console.log(JSON.stringify({ value: megabytes / seconds[0]!, peer: megabytes / seconds[1]! }));
