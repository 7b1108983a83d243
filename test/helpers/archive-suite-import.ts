/** What every archive does with received objects, whatever its database. */

import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { needText } from '../../runtime/dicom/dataset/dataset.js';
import { type ArchiveSite, assertSound, header, images, part10, rejects, rowsOf } from './archive-objects.js';

const CHILD = fileURLToPath(new URL('./archive-child.ts', import.meta.url));

/** Runs a process on the archive and kills it `ms` after its first acknowledgement. @returns what it had acknowledged */
async function killed({ root, url }: ArchiveSite, mode: string, ms: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, root, url ?? '-', mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), ms);
    output += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  assert.is(child.signalCode, 'SIGKILL');
  return output.slice(0, output.lastIndexOf('\n')).split('\n').filter(Boolean);
}

export function importSuite(test: Test, site: () => Promise<ArchiveSite>): void {
  test('a received file is taken over bit for bit, once', async () => {
    const here = await site();
    const archive = await here.open();
    const incoming = join(here.root, 'incoming');
    await mkdir(incoming, { recursive: true });
    const [made] = images(1);
    const bytes = part10(made!);
    await writeFile(join(incoming, 'a'), bytes);
    await copyFile(join(incoming, 'a'), join(incoming, 'b'));
    const both = await Promise.all(['a', 'b'].map((name) => archive.importFile(join(incoming, name))));
    assert.equal(both.map(({ duplicate }) => duplicate).sort(), [false, true]);
    assert.equal(both.map(({ identical }) => identical).sort(), [false, true]);
    assert.equal(await readFile(both[0]!.instance.file), bytes);
    assert.equal(await readdir(incoming), []);
    const changed = Buffer.from(bytes);
    changed[bytes.length - 1]! ^= 1;
    await writeFile(join(incoming, 'c'), changed);
    const other = await archive.importFile(join(incoming, 'c'));
    assert.equal([other.duplicate, other.identical], [true, false]);
    assert.equal(await readFile(other.instance.file), bytes, 'the first is kept');
    await writeFile(join(incoming, 'd'), 'no dicom');
    await rejects(archive.importFile(join(incoming, 'd')), 'data.dicom');
    assert.is(await assertSound(here.root, archive), 1);
    await archive.close();
    await here.release();
  });

  test('small objects in memory: seen by every read as soon as they are acknowledged, in plain files afterwards', async () => {
    const here = await site();
    let archive = await here.open();
    const facts: string[] = [];
    archive.facts$.subscribe(({ fact }) => facts.push(fact.type));
    const sent = images(300, 500);
    const bytes = sent.map(part10);
    const outcomes = await Promise.all(bytes.map((one) => archive.importBytes(one)));
    assert.ok(outcomes.every(({ duplicate }) => !duplicate));
    const again = await archive.importBytes(bytes[7]!);
    assert.equal([again.duplicate, again.identical], [true, true]);
    const changed = Buffer.from(bytes[8]!);
    changed[changed.length - 1]! ^= 1;
    const other = await archive.importBytes(changed);
    assert.equal([other.duplicate, other.identical], [true, false]);
    const counts = { level: 'STUDY', conditions: {}, wanted: ['NumberOfStudyRelatedInstances'] } as const;
    assert.equal((await rowsOf(archive, counts))[0]?.values.NumberOfStudyRelatedInstances, ['300']);
    const records = await archive.instances();
    assert.equal(
      records.map(({ instanceNumber }) => Number(instanceNumber)),
      sent.map((_, i) => i + 1),
    );
    assert.equal(await readFile(records[8]!.file), bytes[8], 'the first is kept');
    assert.is(facts.length, 300);
    await archive.close();
    assert.equal((await readdir(join(here.root, 'log')).catch(() => [])).length, 0, 'the log is empty');
    archive = await here.open();
    assert.is(await assertSound(here.root, archive), 300);
    assert.equal(archive.integrity, { removed: [], indexed: [], missing: [], unreadable: [] });
    await archive.close();
    await here.release();
  });

  test('what is no object is refused and leaves nothing', async () => {
    const here = await site();
    const archive = await here.open();
    const good = part10(header());
    await rejects(archive.importBytes(Buffer.from('no dicom')), 'data.dicom');
    await rejects(archive.importBytes(good.subarray(0, good.length - 3)), 'data.dicom');
    await rejects(archive.importBytes(part10(header({ StudyInstanceUID: '1.2/../3' }))), 'data.invalid');
    await rejects(archive.importBytes(part10(header({ SeriesInstanceUID: undefined }))), 'data.missing');
    assert.is(await assertSound(here.root, archive), 0);
    await archive.close();
    await here.release();
  });

  test('an object that names another patient than its study does is kept in its study', async () => {
    const here = await site();
    const archive = await here.open();
    const common = { StudyInstanceUID: '2.25.1', SeriesInstanceUID: '2.25.2' };
    await archive.importBytes(part10(header({ ...common, PatientName: 'First', SOPInstanceUID: '2.25.3' })));
    await archive.importBytes(part10(header({ ...common, PatientName: 'Second', SOPInstanceUID: '2.25.4' })));
    const [study, ...more] = await archive.studies();
    assert.equal([study?.patientName, study?.instanceCount, more.length], ['First', 2, 0]);
    assert.equal((await archive.patients()).length, 1);
    await archive.close();
    await here.release();
  });

  test('an object whose file was lost is taken again', async () => {
    const here = await site();
    let archive = await here.open();
    const bytes = part10(header({ SOPInstanceUID: '2.25.3' }));
    const { instance } = await archive.importBytes(bytes);
    await archive.close();
    await rm(instance.file);
    archive = await here.open();
    assert.equal((await archive.series())[0]?.instanceCount, 0);
    assert.is((await archive.importBytes(bytes)).duplicate, false);
    assert.is(await assertSound(here.root, archive), 1);
    await archive.close();
    await here.release();
  });

  test('facts that every consumer has done are pruned', async () => {
    const here = await site();
    const archive = await here.open();
    for (const consumer of ['mpps', 'rules']) await archive.facts(consumer);
    await archive.store(images(30));
    const seqs = (await archive.facts('mpps')).map(({ seq }) => seq);
    assert.is(seqs.length, 30);
    await archive.ack('mpps', ...seqs);
    assert.is((await archive.facts('rules')).length, 30, 'kept for the other');
    await archive.ack('rules', ...seqs.slice(0, 20));
    assert.is((await archive.facts('late')).length, 10, 'the rest is there for who comes now');
    await archive.close();
    await here.release();
  });

  for (const mode of ['store', 'bytes', 'files']) {
    test(`killed while it takes ${mode} at random points: no half object, nothing acknowledged is lost`, async () => {
      const here = await site();
      for (let round = 0; round < 2; round++) {
        const acknowledged = await killed(here, mode, 5 + round * 50 + Math.random() * 120);
        const archive = await here.open();
        await assertSound(here.root, archive);
        const kept = new Set((await archive.instances()).map((instance) => instance.sopInstanceUid));
        for (const uid of acknowledged) assert.ok(kept.has(uid), `${uid} was acknowledged`);
        await archive.close();
      }
      await here.release();
    });
  }
}

/** SOP Instance UIDs of objects. */
export function uidsOf(objects: ReturnType<typeof images>): string[] {
  return objects.map(({ dataset }) => needText(dataset, 'SOPInstanceUID'));
}
