/** What every archive does, whatever its database: storing, mending, facts, status flags. */

import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ArchiveSite, assertSound, dcmFiles, images, rejects, STUDY } from './archive-objects.js';

export function storeSuite(test: Test, site: () => Promise<ArchiveSite>): void {
  test('stores objects whose files and rows agree, and finds them again after reopening', async () => {
    const here = await site();
    let archive = await here.open();
    const { root } = here;
    const seen: string[] = [];
    archive.facts$.subscribe(({ fact }) => seen.push(fact.type));
    const stored = await archive.store(images(7));
    assert.is(stored.length, 7);
    assert.equal(seen, Array(7).fill('instance.stored'));
    await archive.close();
    archive = await here.open();
    assert.is(await assertSound(root, archive), 7);
    const [record] = await archive.studies();
    assert.is(record?.patientName, 'Müller^Jörg');
    assert.is(record?.instanceCount, 7);
    const numbers = (await archive.instances()).map((instance) => instance.instanceNumber);
    assert.equal(numbers, ['1', '2', '3', '4', '5', '6', '7']);
    assert.equal(archive.integrity, { removed: [], indexed: [], missing: [], unreadable: [] });
    await archive.close();
    await here.release();
  });

  test('a UID that would leave the folder is refused', async () => {
    const here = await site();
    const archive = await here.open();
    const { root } = here;
    const [evil] = images(1);
    evil!.dataset['0020000E'] = { vr: 'UI', Value: ['../../..'] };
    await rejects(archive.store([evil!]), 'data.invalid');
    assert.equal(await dcmFiles(root), []);
    await archive.close();
    await here.release();
  });

  test('a call that fails keeps nothing of it', async () => {
    const here = await site();
    const archive = await here.open();
    const { root } = here;
    const good = images(6);
    const { '00080018': _gone, ...nameless } = good[4]!.dataset;
    await rejects(archive.store([...good.slice(0, 4), { dataset: nameless }, good[5]!]), 'data.missing');
    assert.is(await assertSound(root, archive), 0);
    assert.equal(await archive.facts('network'), []);
    await archive.close();
    await here.release();
  });

  test('opening mends what a crash left: temporary, unindexed, lost and foreign files', async () => {
    const here = await site();
    let archive = await here.open();
    const { root } = here;
    const [a, b] = await archive.store(images(2));
    await archive.close();
    const folder = join(root, 'objects', STUDY, a!.seriesInstanceUid);
    await writeFile(join(folder, '.2.25.9.dcm.123.part'), 'half');
    await writeFile(join(folder, 'foreign.dcm'), 'no dicom');
    const whole = await site();
    const other = await whole.open();
    const [c] = await other.store(images(1));
    await other.close();
    await copyFile(c!.file, join(folder, `${c!.sopInstanceUid}.dcm`));
    await rm(b!.file);
    archive = await here.open();
    const { removed, indexed, missing, unreadable } = archive.integrity;
    assert.equal([removed.length, indexed.length, missing, unreadable.length], [1, 1, [b!.file], 1]);
    const kept = (await archive.instances()).map((instance) => instance.sopInstanceUid);
    assert.equal(kept.sort(), [a!.sopInstanceUid, c!.sopInstanceUid].sort());
    await archive.close();
    await Promise.all([here.release(), whole.release()]);
  });

  test('facts: each consumer sees every fact until it acknowledges it, across reopening', async () => {
    const here = await site();
    let archive = await here.open();
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
    archive = await here.open();
    const pending = async (consumer: string) => (await archive.facts(consumer)).map(({ seq }) => seq);
    assert.equal(await pending('mpps'), [seqs[0], seqs[2]]);
    assert.equal(await pending('send'), seqs);
    await archive.ack('mpps', seqs[0]!, seqs[2]!, seqs[2]!);
    assert.equal(await pending('mpps'), []);
    const [next] = await archive.putFacts(fact(5));
    assert.equal(await pending('mpps'), [next!.seq]);
    await archive.close();
    await here.release();
  });

  test('status flags follow sending and commitment', async () => {
    const here = await site();
    const archive = await here.open();
    const stored = await archive.store(images(2));
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
    await here.release();
  });
}
