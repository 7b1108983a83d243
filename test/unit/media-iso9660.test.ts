/** ISO 9660 discs made by xorriso and genisoimage, read without a mount. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DiscReader } from '../../runtime/media/disc-reader.js';
import { readDisc } from '../../runtime/media/read-disc.js';
import { testFolder } from '../helpers/petrig.js';

const test = suite('ISO 9660 reader');
const folder = testFolder('iso9660');
const image = join(folder, 'three.iso');
const contents = new Map<string, Buffer>();

/** Adds a session with a new DICOMDIR and one image. */
function addSession(number: number): void {
  const tree = join(folder, `session${number}`);
  mkdirSync(join(tree, 'DICOM/PA000001'), { recursive: true });
  const added = {
    DICOMDIR: Buffer.from(`directory ${number}`),
    [`DICOM/PA000001/IM00000${number}`]: randomBytes(100_000 + number),
  };
  for (const [path, bytes] of Object.entries(added)) {
    writeFileSync(join(tree, path), bytes);
    contents.set(path, bytes);
  }
  const level = ['-compliance', 'iso_9660_level=1:no_j_force_dots', '-rockridge', 'off', '-joliet', 'off'];
  xorriso('-dev', `stdio:${image}`, ...level, '-volid', `VOLUME_${number}`, '-map', tree, '/', '-commit');
}

function xorriso(...args: string[]): void {
  execFileSync('xorriso', ['-abort_on', 'FAILURE', ...args], { stdio: 'ignore' });
}

async function assertHolds(disc: DiscReader, files: Map<string, Buffer>): Promise<void> {
  for (const [path, bytes] of files) {
    assert.equal(await disc.stat(path), { path, kind: 'file', size: bytes.length });
    assert.ok((await disc.bytes(path, 1e6)).equals(bytes), path);
  }
}

/** @returns the code of the error */
async function refusal(work: () => Promise<unknown>): Promise<string> {
  return work().then(
    () => 'none',
    (error: { code?: string }) => error.code ?? String(error),
  );
}

test('three sessions: the newest shows all, each older one what it had', async () => {
  for (const number of [1, 2, 3]) {
    addSession(number);
    const disc = await readDisc(image);
    assert.is(disc.format, 'iso9660');
    assert.is(disc.volumeId, `VOLUME_${number}`);
    assert.is(disc.sessions.length, number);
    await assertHolds(disc, contents);
    await disc.close();
  }
  const first = await readDisc(image, { session: 1 });
  assert.is(first.volumeId, 'VOLUME_1');
  assert.is((await first.bytes('DICOMDIR', 100)).toString(), 'directory 1');
  assert.equal(
    (await first.list('DICOM/PA000001')).map(({ path }) => path),
    ['DICOM/PA000001/IM000001'],
  );
  await first.close();
  assert.is(await refusal(() => readDisc(image, { session: 4 })), 'data.missing');
});

test('parts of a file, and what is not there', async () => {
  const disc = await readDisc(image);
  const path = 'DICOM/PA000001/IM000002';
  const part = Buffer.concat(await disc.read(path, { start: 2000, length: 5000 }).toArray());
  assert.ok(part.equals(contents.get(path)!.subarray(2000, 7000)));
  assert.is(await disc.stat('DICOM/../DICOMDIR'), undefined);
  assert.is(await refusal(() => disc.bytes('DICOM', 10)), 'data.missing');
  assert.is(await refusal(() => disc.bytes(path, 10)), 'limit.size');
  assert.is(await refusal(() => disc.read('NONE').toArray()), 'data.missing');
  await disc.close();
});

test('sessions of a write-once disc, apart by lead-out and lead-in, are found in its image', async () => {
  const dump = join(folder, 'dump.iso');
  const tree = (number: number) => join(folder, `session${number}`);
  const master = (...args: string[]) =>
    execFileSync('genisoimage', ['-quiet', '-iso-level', '1', '-input-charset', 'ascii', ...args], { maxBuffer: 1e8 });
  const first = master('-V', 'ONE', tree(1));
  writeFileSync(dump, first);
  const next = first.length / 2048 + 11_400;
  const second = master('-V', 'TWO', '-M', dump, '-C', `0,${next}`, tree(2));
  writeFileSync(dump, Buffer.concat([first, Buffer.alloc(next * 2048 - first.length), second]));
  const disc = await readDisc(dump);
  assert.equal(
    disc.sessions.map(({ startSector, volumeId }) => ({ startSector, volumeId })),
    [
      { startSector: 0, volumeId: 'ONE' },
      { startSector: next, volumeId: 'TWO' },
    ],
  );
  assert.is((await disc.list('DICOM/PA000001')).length, 2);
  await disc.close();
});

test('links are shown as such; folders are read like discs, links in them not followed', async () => {
  const tree = join(folder, 'linked');
  mkdirSync(tree);
  writeFileSync(join(tree, 'FILE'), 'inside');
  symlinkSync('/etc/passwd', join(tree, 'LINK'));
  symlinkSync('/etc', join(tree, 'FOLDER'));
  const linked = join(folder, 'linked.iso');
  xorriso('-outdev', `stdio:${linked}`, '-rockridge', 'on', '-map', tree, '/', '-commit');
  for (const path of [linked, tree]) {
    const disc = await readDisc(path);
    assert.is((await disc.stat('FILE'))?.kind, 'file');
    assert.is((await disc.stat('LINK'))?.kind, 'link');
    assert.is(await refusal(() => disc.bytes('LINK', 1e6)), 'data.missing');
    assert.is(await disc.stat('FOLDER/passwd'), undefined);
    await disc.close();
  }
});

test('cut, flipped and foreign images are refused with the place', async () => {
  const tree = join(folder, 'session1');
  const bytes = execFileSync('genisoimage', ['-quiet', '-input-charset', 'ascii', '-iso-level', '1', tree]);
  const broken = join(folder, 'broken.iso');
  const reading = async (make: (copy: Buffer) => void, length = bytes.length) => {
    const copy = Buffer.from(bytes);
    make(copy);
    writeFileSync(broken, copy.subarray(0, length));
    return refusal(async () => {
      const disc = await readDisc(broken);
      try {
        return await disc.bytes('DICOM/PA000001/IM000001', 1e6);
      } finally {
        await disc.close();
      }
    });
  };
  const root = bytes.readUInt32LE(16 * 2048 + 158) * 2048;
  assert.is(await reading(() => {}), 'none');
  assert.is(await reading((copy) => copy.fill(0)), 'data.media');
  assert.is(await reading((copy) => copy.writeUInt16LE(512, 16 * 2048 + 128)), 'data.media');
  assert.is(await reading((copy) => copy.writeUInt32LE(0xffffff, 16 * 2048 + 158)), 'data.truncated');
  assert.is(await reading((copy) => copy.writeUInt32LE(0xffffffff, 16 * 2048 + 166)), 'data.media');
  assert.is(await reading((copy) => copy.writeUInt8(5, root)), 'data.media');
  assert.is(await reading((copy) => copy.writeUInt8(0xff, root + 32)), 'data.media');
  assert.is(await reading(() => {}, 20 * 2048), 'data.truncated');
  assert.is(await reading(() => {}, 100), 'data.media');
});

test.run();
