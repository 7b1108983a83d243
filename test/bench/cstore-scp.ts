/**
 * C-STORE received, beside DCMTK's storescp, run inside a private network: `cstore-scp.ts FOLDER SENDERS [burst|long]`; prints
 * { value, peer, parts } in MB/s. Every object of ours is on the disk before its answer; storescp leaves its files to the system. A
 * burst finds the files that the burst before made us prepare, a long reception none any more.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { PreparedFiles } from '../../runtime/dicom/dataset/prepared-files.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { runTool, startStorescp } from '../helpers/peers.js';

const [folder = '', senders = '1', length = 'burst'] = process.argv.slice(2);
const paths = readdirSync(folder)
  .filter((name) => name.endsWith('.dcm'))
  .map((name) => join(folder, name));
const megabytes = paths.reduce((sum, path) => sum + statSync(path).size, 0) / 1e6;
/** A folder for every feed, removed at the end: ext4 looks through lately deleted inodes when it makes files, which slows the next feed. */
const root = join(folder, `received-${process.pid}`);
let received = '';
mkdirSync(root);

let arrived = 0;
const prepared = new PreparedFiles({
  folder: join(root, 'prepared'),
  maxBytes: length === 'long' ? 0 : 512 << 20,
  clock: new ScaledClock(),
  log: silentLog,
});
const service = storageService({
  prepared,
  syntaxes: storageSyntaxes(),
  hash: false,
  pathFor: ({ sopInstanceUid }) => join(received, `${sopInstanceUid}.dcm`),
  onStored: async () => void arrived++,
});
const server = new DicomServer({ port: 0, clock: new ScaledClock(), log: silentLog, services: [service] });
const port = await server.listen();

function newFolder(): string {
  received = mkdtempSync(join(root, 'feed-'));
  return received;
}

/** Sends every file once, shared out to so many senders at a time. @returns MB/s */
async function feed(to: number, among: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 500)); // the burst before is over
  await prepared.settled();
  execFileSync('sync'); // what was written before is not measured
  const shares = Array.from({ length: among }, (_, i) => paths.filter((_path, j) => j % among === i));
  const started = performance.now();
  const runs = shares.map((share) => runTool('storescu', ['127.0.0.1', String(to), ...share]));
  for (const { code, output } of await Promise.all(runs)) if (code !== 0) throw new Error(output);
  return megabytes / ((performance.now() - started) / 1000);
}

const count = Number(senders);
// a server runs for days: what is measured is code that has been compiled as often as it will be
for (let i = 0; i < 4; i++) {
  newFolder();
  await feed(port, 1);
}
arrived = 0;
newFolder();
const value = await feed(port, count);
if (arrived !== paths.length) throw new Error(`${arrived} of ${paths.length} objects arrived`);
if (count === 1) {
  const peer = await startStorescp({ folder: newFolder(), args: ['-q', '--max-pdu', '28672'] });
  const theirs = await feed(peer.node.port, 1);
  await peer.stop();
  console.log(JSON.stringify({ value, peer: theirs }));
} else {
  newFolder();
  console.log(JSON.stringify({ value, peer: await feed(port, 1) }));
}
await server.close();
await prepared.close();
rmSync(root, { recursive: true, force: true });
process.exit();
