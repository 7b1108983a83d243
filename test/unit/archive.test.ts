import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import type { BuiltObject } from '../../runtime/objects/instance.js';

const study = '2.25.1000';

async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, ScannerError);
  assert.is((error as ScannerError).code, code);
}

function object(series: string, number: number, pixelBytes = 2048): BuiltObject {
  return {
    dataset: dataset({
      SpecificCharacterSet: 'ISO_IR 192',
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
      SOPInstanceUID: makeUid(),
      StudyInstanceUID: study,
      SeriesInstanceUID: series,
      Modality: 'CT',
      PatientName: 'Müller^Jörg',
      PatientID: 'P1',
      SeriesNumber: '2',
      InstanceNumber: String(number),
      PixelData: Buffer.alloc(pixelBytes, number),
    }),
  };
}

const objects = (count: number, pixelBytes?: number) => {
  const series = makeUid();
  return Array.from({ length: count }, (_, i) => object(series, i + 1, pixelBytes));
};

const open = (root: string) => SqliteArchive.open({ root, clock: new ScaledClock(), log: silentLog });
const freshRoot = () => mkdtemp(join(tmpdir(), 'petrig-archive-'));

async function dcmFiles(root: string): Promise<string[]> {
  const names = await readdir(join(root, 'objects'), { recursive: true });
  return names.filter((name) => name.endsWith('.dcm')).map((name) => join(root, 'objects', name));
}

/** Files and index agree, every file is whole, no temporary file is left. */
async function assertSound(root: string, archive: SqliteArchive): Promise<number> {
  const files = await dcmFiles(root);
  const records = await archive.instances();
  assert.equal(records.map((record) => record.file).sort(), files.sort());
  const names = await readdir(join(root, 'objects'), { recursive: true });
  assert.equal(names.filter((name) => name.endsWith('.part')).length, 0, 'temporary files are gone');
  for (const record of records) {
    const bytes = await readFile(record.file);
    assert.is(bytes.length, record.bytes);
    assert.is(createHash('sha256').update(bytes).digest('hex'), record.checksum);
    const { dataset: ds } = await readHeader(record.file);
    assert.is(ds['00080018']?.Value[0], record.sopInstanceUid);
  }
  return files.length;
}

if (process.argv[2] === 'store') {
  // the child of the crash test: stores for ever, says when each call resolved
  const archive = await open(process.argv[3]!);
  for (;;) {
    const stored = await archive.store(objects(5, 100_000));
    process.stdout.write(`${stored.map((instance) => instance.sopInstanceUid).join('\n')}\n`);
  }
}

if (process.argv[2] === 'full') {
  // the child of the file size test: one small object fits below the limit, the big one does not
  const archive = await open(process.argv[3]!);
  await archive.store(objects(1));
  try {
    await archive.store([...objects(2), ...objects(1, 8_000_000), ...objects(2)]);
    process.stdout.write('stored');
  } catch (error) {
    process.stdout.write(error instanceof ScannerError ? error.code : String(error));
  }
  process.exit(0);
}

if (process.argv[2] === 'tmpfs') {
  // the child of the full disk test, on a file system of 3 MB: stores small objects until one call fails
  const root = process.argv[3]!;
  const archive = await open(root);
  let stored = 0;
  let code = '';
  while (!code) {
    await archive.store(objects(8, 4000)).then(
      (instances) => {
        stored += instances.length;
      },
      (error: ScannerError) => {
        code = error.code;
      },
    );
  }
  await archive.close();
  const again = await open(root);
  process.stdout.write(JSON.stringify({ code, stored, sound: await assertSound(root, again) }));
  process.exit(0);
}

test('stores objects whose files and rows agree, and finds them again after reopening', async () => {
  const root = await freshRoot();
  let archive = await open(root);
  const seen: string[] = [];
  archive.facts$.subscribe(({ fact }) => seen.push(fact.type));
  const stored = await archive.store(objects(7));
  assert.is(stored.length, 7);
  assert.equal(seen, Array(7).fill('instance.stored'));
  await archive.close();
  archive = await open(root);
  assert.is(await assertSound(root, archive), 7);
  const [record] = await archive.studies();
  assert.is(record?.patientName, 'Müller^Jörg');
  assert.is(record?.instanceCount, 7);
  const numbers = (await archive.instances()).map((instance) => instance.instanceNumber);
  assert.equal(numbers, ['1', '2', '3', '4', '5', '6', '7']);
  assert.equal(archive.integrity, { removed: [], indexed: [], missing: [], unreadable: [] });
  await archive.close();
  await rm(root, { recursive: true });
});

test('more than 100 CT slices a second become durable', async () => {
  const root = await freshRoot();
  const archive = await open(root);
  const slices = objects(120, 512 * 512 * 2);
  const start = performance.now();
  await archive.store(slices);
  const perSecond = slices.length / ((performance.now() - start) / 1000);
  console.log(`${perSecond.toFixed(0)} CT slices/s`);
  // three times slower than asked still passes: other work may share the machine
  assert.ok(perSecond > 33, `${perSecond.toFixed(0)} slices/s`);
  await archive.close();
  await rm(root, { recursive: true });
});

test('imports a received file bit for bit, once', async () => {
  const root = await freshRoot();
  const archive = await open(root);
  const [made] = await archive.store(objects(1));
  await archive.close();
  const other = await freshRoot();
  const target = await open(other);
  const incoming = join(other, 'incoming');
  await mkdir(incoming);
  const bytes = await readFile(made!.file);
  await copyFile(made!.file, join(incoming, 'a'));
  await copyFile(made!.file, join(incoming, 'b'));
  const [first, second] = await Promise.all([
    target.importFile(join(incoming, 'a')),
    target.importFile(join(incoming, 'b')),
  ]);
  assert.is(first.instance.file, second.instance.file);
  assert.equal([first.duplicate, second.duplicate].sort(), [false, true], 'one of them was first');
  assert.ok(first.identical !== second.identical);
  assert.equal(await readFile(first.instance.file), bytes);
  assert.equal(await readdir(incoming), []);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(join(incoming, 'c'), bytes);
  const changed = await target.importFile(join(incoming, 'c'));
  assert.equal([changed.duplicate, changed.identical], [true, false]);
  assert.equal(await readFile(first.instance.file), await readFile(made!.file), 'the first is kept');
  await writeFile(join(incoming, 'd'), 'no dicom');
  await rejects(target.importFile(join(incoming, 'd')), 'data.dicom');
  assert.is(await assertSound(other, target), 1);
  await target.close();
  await Promise.all([rm(root, { recursive: true }), rm(other, { recursive: true })]);
});

test('a UID that would leave the folder is refused', async () => {
  const root = await freshRoot();
  const archive = await open(root);
  const [evil] = objects(1);
  evil!.dataset['0020000E'] = { vr: 'UI', Value: ['../../..'] };
  await rejects(archive.store([evil!]), 'data.invalid');
  assert.equal(await dcmFiles(root), []);
  await archive.close();
  await rm(root, { recursive: true });
});

test('a call that fails keeps nothing of it', async () => {
  const root = await freshRoot();
  const archive = await open(root);
  const good = objects(6);
  const { '00080018': _gone, ...nameless } = good[4]!.dataset;
  await rejects(archive.store([...good.slice(0, 4), { dataset: nameless }, good[5]!]), 'data.missing');
  assert.is(await assertSound(root, archive), 0);
  assert.equal(await archive.facts('network'), []);
  await archive.close();
  await rm(root, { recursive: true });
});

test('an index on a full disk: the call fails as data.disk, and what was there stays whole', async () => {
  const root = await freshRoot();
  const self = fileURLToPath(import.meta.url);
  const flags = process.getuid?.() === 0 ? '-m' : '-rm';
  const script = 'mount -t tmpfs -o size=3m tmpfs "$1" && shift && exec "$@"';
  const { stdout } = await promisify(execFile)('unshare', [
    ...[flags, 'sh', '-c', script, 'sh', root],
    ...[process.execPath, '--import', 'tsx', self, 'tmpfs', root],
  ]);
  const said = JSON.parse(stdout) as { code: string; stored: number; sound: number };
  assert.is(said.code, 'data.disk');
  assert.ok(said.stored > 0 && said.sound === said.stored, stdout);
  await rm(root, { recursive: true });
});

test('opening mends what a crash left: temporary, unindexed, lost and foreign files', async () => {
  const root = await freshRoot();
  let archive = await open(root);
  const [a, b] = await archive.store(objects(2));
  await archive.close();
  const folder = join(root, 'objects', study, a!.seriesInstanceUid);
  await writeFile(join(folder, '.2.25.9.dcm.123.part'), 'half');
  await writeFile(join(folder, 'foreign.dcm'), 'no dicom');
  const whole = await freshRoot();
  const other = await open(whole);
  const [c] = await other.store(objects(1));
  await other.close();
  await copyFile(c!.file, join(folder, `${c!.sopInstanceUid}.dcm`));
  await rm(b!.file);
  archive = await open(root);
  const { removed, indexed, missing, unreadable } = archive.integrity;
  assert.equal([removed.length, indexed.length, missing, unreadable.length], [1, 1, [b!.file], 1]);
  const kept = (await archive.instances()).map((instance) => instance.sopInstanceUid);
  assert.equal(kept.sort(), [a!.sopInstanceUid, c!.sopInstanceUid].sort());
  await archive.close();
  await Promise.all([rm(root, { recursive: true }), rm(whole, { recursive: true })]);
});

test('facts: each consumer sees every fact until it acknowledges it, across reopening', async () => {
  const root = await freshRoot();
  let archive = await open(root);
  const fact = (n: number) =>
    ({
      type: 'instance.stored',
      sopInstanceUid: `2.25.${n}`,
      seriesInstanceUid: '2.25.2',
      studyInstanceUid: '2.25.3',
    }) as const;
  const put = await archive.putFacts(fact(1), fact(2), fact(3), fact(4));
  const seqs = put.map(({ seq }) => seq);
  await archive.ack('mpps', seqs[1]!, seqs[3]!);
  await archive.close();
  archive = await open(root);
  const pending = async (consumer: string) => (await archive.facts(consumer)).map(({ seq }) => seq);
  assert.equal(await pending('mpps'), [seqs[0], seqs[2]]);
  assert.equal(await pending('send'), seqs);
  await archive.ack('mpps', seqs[0]!, seqs[2]!, seqs[2]!);
  assert.equal(await pending('mpps'), []);
  const [next] = await archive.putFacts(fact(5));
  assert.equal(await pending('mpps'), [next!.seq]);
  await archive.close();
  await rm(root, { recursive: true });
});

test('status flags follow sending and commitment', async () => {
  const root = await freshRoot();
  const archive = await open(root);
  const stored = await archive.store(objects(2));
  const uids = stored.map((instance) => instance.sopInstanceUid);
  const result = (sent: 'sent' | 'failed', i: number) => ({
    sopInstanceUid: uids[i]!,
    sent,
    status: sent === 'sent' ? 0 : 0xa700,
  });
  await archive.recordDeliveries('PACS', [result('sent', 0), result('failed', 1)]);
  await archive.recordDeliveries('PACS', [result('sent', 1)]);
  const commitment = { commitment: 'pending', transactionUid: '2.25.7', reason: 0 } as const;
  await archive.recordCommitment(
    'PACS',
    uids.map((sopInstanceUid) => ({ sopInstanceUid, ...commitment })),
  );
  await archive.recordCommitment('PACS', [{ ...commitment, sopInstanceUid: uids[0]!, commitment: 'committed' }]);
  const flags = await archive.deliveries({ transactionUid: '2.25.7' });
  const byUid = new Map(flags.map((flag) => [flag.sopInstanceUid, `${flag.sent} ${flag.commitment}`]));
  assert.is(byUid.get(uids[0]!), 'sent committed');
  assert.is(byUid.get(uids[1]!), 'sent pending');
  assert.equal(await archive.deliveries({ node: 'OTHER' }), []);
  await archive.close();
  await rm(root, { recursive: true });
});

test('killed in mid-store at random points: no half object, index and files agree, nothing acknowledged is lost', async () => {
  const self = fileURLToPath(import.meta.url);
  for (let round = 0; round < 4; round++) {
    const root = await freshRoot();
    const child = spawn(process.execPath, ['--import', 'tsx', self, 'store', root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk) => {
        if (output === '') setTimeout(() => child.kill('SIGKILL'), 5 + round * 37 + Math.random() * 60);
        output += chunk;
      });
      child.on('close', () => resolve());
    });
    assert.is(child.signalCode, 'SIGKILL');
    const acknowledged = output.slice(0, output.lastIndexOf('\n')).split('\n');
    const archive = await open(root);
    const count = await assertSound(root, archive);
    assert.ok(count >= acknowledged.length);
    const kept = new Set((await archive.instances()).map((instance) => instance.sopInstanceUid));
    for (const uid of acknowledged) assert.ok(kept.has(uid), `${uid} was acknowledged`);
    await archive.close();
    await rm(root, { recursive: true });
  }
});

test('a disk that takes no more bytes ends as data.disk with no half object', async () => {
  const root = await freshRoot();
  const self = fileURLToPath(import.meta.url);
  // RLIMIT_FSIZE in KiB; SIGXFSZ ignored, so that write() answers EFBIG as a full disk answers ENOSPC
  const script = `trap '' XFSZ; ulimit -f 4000; exec "$@"`;
  const child = spawn('bash', ['-c', script, 'bash', process.execPath, '--import', 'tsx', self, 'full', root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await new Promise((resolve) => child.on('close', resolve));
  assert.is(output, 'data.disk');
  const archive = await open(root);
  assert.equal(archive.integrity, { removed: [], indexed: [], missing: [], unreadable: [] });
  assert.is(await assertSound(root, archive), 1);
  await archive.close();
  await rm(root, { recursive: true });
});

test.run();
