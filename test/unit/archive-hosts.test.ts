/** Several hosts on one archive in PostgreSQL, and a database that goes away. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Archive, SequencedFact } from '../../runtime/archive/archive.js';
import { assertSound, freshFolder, header, images, part10, rejects } from '../helpers/archive-objects.js';
import { postgresSite } from '../helpers/archive-sites.js';
import { eventually } from '../helpers/peers.js';
import { startPostgres } from '../helpers/postgres.js';

const test = suite('hosts of one archive');
const postgres = await startPostgres();

test.after(() => postgres.stop());

/** Two hosts with folders of their own and one for the objects. */
async function twoHosts() {
  const here = await postgresSite(postgres);
  const objects = join(here.root, 'shared');
  const roots = [join(here.root, 'a'), join(here.root, 'b')] as const;
  for (const root of roots) await mkdir(root);
  const [a, b] = [await here.open({ root: roots[0], objects }), await here.open({ root: roots[1], objects })];
  const heard = [a, b].map((archive) => {
    const facts: SequencedFact[] = [];
    archive.facts$.subscribe((fact) => facts.push(fact));
    return facts;
  });
  const release = async (...open: Archive[]) => {
    for (const archive of open) await archive.close();
    await here.release();
  };
  return { a, b, heard, objects, release };
}

test('two hosts take the same and different objects at once: each is kept once, whoever was first', async () => {
  const { a, b, heard, objects, release } = await twoHosts();
  const same = images(120, 200).map(part10);
  const [onlyA, onlyB] = [images(60, 200).map(part10), images(60, 200).map(part10)];
  const uid = '2.25.999';
  const [one, other] = ['One', 'Other'].map((PatientComments) =>
    part10(header({ SOPInstanceUID: uid, PatientComments })),
  );
  const take = (archive: Archive, all: Buffer[]) => Promise.all(all.map((bytes) => archive.importBytes(bytes)));
  await Promise.all([take(a, [...onlyA, ...same, one!]), take(b, [...[...same].reverse(), ...onlyB, other!])]);
  // a read waits for the rows of its own host only
  await Promise.all([a.patients(), b.patients()]);
  const [ofA, ofB] = [await a.instances(), await b.instances()];
  assert.is(ofA.length, 241);
  assert.equal(ofA, ofB, 'both see the same');
  assert.is(await assertSound(objects, a), 241);
  await eventually(() => heard.every((facts) => facts.length >= 241) || undefined);
  const seqs = heard.map((facts) => facts.map(({ seq }) => seq).sort((x, y) => x - y));
  assert.equal(seqs[0], seqs[1], 'both heard of every object once');
  assert.is(new Set(seqs[0]).size, 241);
  await release(a, b);
});

test('files and built objects of one host are there for the other', async () => {
  const { a, b, objects, release } = await twoHosts();
  const [stored] = await a.store(images(1));
  assert.is((await b.instances())[0]?.file, stored!.file);
  const again = await b.importBytes(part10(header({ SOPInstanceUID: stored!.sopInstanceUid })));
  assert.equal([again.duplicate, again.identical], [true, false]);
  await b.saveState('sends', 'x', { y: 1 });
  assert.equal(await a.loadState('sends', 'x'), { y: 1 });
  assert.is(await assertSound(objects, b), 1);
  await release(a, b);
});

test('one host drains a consumer; when it is gone the other takes over what is left', async () => {
  const { a, b, heard, release } = await twoHosts();
  await a.putFacts({ type: 'instance.stored', sopInstanceUid: '1', seriesInstanceUid: '2', studyInstanceUid: '3' });
  const [fact] = await a.facts('mpps');
  assert.ok(fact);
  assert.equal(await b.facts('mpps'), [], 'a has it');
  assert.is((await b.facts('rules')).length, 1, 'another consumer is free');
  heard[1]!.length = 0;
  await a.close();
  await eventually(() => heard[1]!.some(({ seq }) => seq === fact!.seq) || undefined);
  assert.is((await b.facts('mpps')).length, 1);
  await b.ack('mpps', fact!.seq);
  assert.equal(await b.facts('mpps'), []);
  await release(b);
});

test('while the database is away everything fails as data.disk and can be done again later', async () => {
  const { root, release } = await freshFolder();
  const here = await postgresSite(postgres);
  const archive = await here.open({ root });
  await archive.importBytes(part10(header({ SOPInstanceUID: '2.25.1' })));
  await archive.instances();
  await postgres.kill();
  await rejects(archive.instances(), 'data.disk');
  await rejects(archive.importBytes(part10(header({ SOPInstanceUID: '2.25.2' }))), 'data.disk');
  await rejects(archive.saveState('a', 'b', 1), 'data.disk');
  await postgres.start();
  const retried = await eventually(() =>
    archive.importBytes(part10(header({ SOPInstanceUID: '2.25.2' }))).catch(() => undefined),
  );
  assert.is(retried.duplicate, false);
  assert.is(await assertSound(root, archive), 2);
  const facts: number[] = [];
  archive.facts$.subscribe(({ seq }) => facts.push(seq));
  await archive.putFacts({
    type: 'instance.stored',
    sopInstanceUid: '1',
    seriesInstanceUid: '2',
    studyInstanceUid: '3',
  });
  assert.is(facts.length, 1);
  await eventually(async () => ((await archive.facts('mpps')).length > 0 ? true : undefined));
  await archive.close();
  await Promise.all([here.release(), release()]);
});

test.run();
