/**
 * A 2 GB list-mode object through petrig both ways, run inside a private network: `cstore-big.ts FOLDER`; prints { value, parts }: the
 * peak of this process's resident memory in MB, all of it, sending to DCMTK's storescp and then to our own storage SCP.
 */
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { CSA_NON_IMAGE, EXPLICIT, localNode, makeObject, scu } from '../helpers/dicom.js';
import { startStorescp } from '../helpers/peers.js';

const BYTES = 2 ** 31;
const folder = mkdtempSync(join(process.argv[2] ?? '', 'big-'));

/** The peak of resident memory so far, MB: VmHWM, set back by writing 5 to clear_refs. */
function peak(): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line![1]) / 1000;
}

/** Its bulk is a hole in the file. */
function sparseObject(): string {
  const path = join(folder, 'big.dcm');
  const uid = '2.25.2147483648';
  const meta = encodeFileMeta({ sopClassUid: CSA_NON_IMAGE, sopInstanceUid: uid, transferSyntax: EXPLICIT });
  const element = (tag: number[], vr: string, length: number) => {
    const head = Buffer.alloc(12);
    head.set(tag);
    head.write(vr, 4, 'latin1');
    head.writeUInt32LE(length, 8);
    return head;
  };
  const short = (tag: number[], vr: string, text: string) => {
    const value = Buffer.from(text.length % 2 ? `${text}${vr === 'UI' ? '\0' : ' '}` : text, 'latin1');
    const head = Buffer.alloc(8);
    head.set(tag);
    head.write(vr, 4, 'latin1');
    head.writeUInt16LE(value.length, 6);
    return Buffer.concat([head, value]);
  };
  const start = Buffer.concat([
    meta,
    short([0x08, 0, 0x16, 0], 'UI', CSA_NON_IMAGE),
    short([0x08, 0, 0x18, 0], 'UI', uid),
    short([0xe1, 0x7f, 0x10, 0], 'LO', 'SIEMENS CSA NON-IMAGE'),
    element([0xe1, 0x7f, 0x10, 0x10], 'OB', BYTES),
  ]);
  writeFileSync(path, '');
  writeSync(openSync(path, 'r+'), start);
  truncateSync(path, start.length + BYTES);
  return path;
}

async function send(node: Parameters<typeof scu>[0], path: string): Promise<{ seconds: number; megabytes: number }> {
  writeFileSync('/proc/self/clear_refs', '5');
  const started = performance.now();
  const timeouts = { storeMs: 300_000, networkMs: 60_000 };
  const [result] = await storeFiles(scu(node, { timeouts }), [path]);
  if (result!.outcome !== 'stored') throw result!.error ?? new Error(result!.outcome);
  return { seconds: (performance.now() - started) / 1000, megabytes: peak() };
}

const small = await makeObject(folder);
const path = sparseObject();
const received = join(folder, 'received');
const service = storageService({
  syntaxes: storageSyntaxes(),
  pathFor: ({ sopInstanceUid }) => join(received, `${sopInstanceUid}.dcm`),
  onStored: async (_object, file) => {
    if (file.size > BYTES && statSync(file.path).size !== file.size) throw new Error('the file is not whole');
  },
});
const server = new DicomServer({ port: 0, clock: new ScaledClock(), log: silentLog, services: [service] });
const ours = localNode(await server.listen());
const peer = await startStorescp({ folder: join(folder, 'peer'), args: ['-q', '-pm', '+B'] });
for (const node of [ours, peer.node]) await storeFiles(scu(node), [small.path]);
const out = await send(peer.node, path);
await peer.stop();
rmSync(join(folder, 'peer'), { recursive: true });
const both = await send(ours, path);
await server.close();
rmSync(folder, { recursive: true });
const parts = { sending: out.megabytes, 'sending and receiving': both.megabytes };
console.log(
  JSON.stringify({ value: Math.max(out.megabytes, both.megabytes), parts, seconds: out.seconds + both.seconds }),
);
process.exit();
