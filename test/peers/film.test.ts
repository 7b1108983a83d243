/** The film queue against DCMTK's print SCP: what lands in its database is what was queued. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FilmJob } from '../../runtime/film/film-job.js';
import { startPrinter } from '../helpers/dcmprscp.js';
import { scratch } from '../helpers/dicom.js';
import { cameraAt, eventually, filmSheet, startQueues, type TestQueues } from '../helpers/films.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { type Peer, runTool } from '../helpers/peers.js';

enterPrivateNetwork();

const test = suite('film queue against dcmprscp');
const folder = scratch();
let printer: Peer;
let site: TestQueues;

test.before(async () => {
  printer = await startPrinter(folder);
  const presentationLut = { illumination: 2000, reflectedAmbientLight: 10 };
  site = await startQueues(folder, [cameraAt(printer.node, { presentationLut })], { keepOpenMs: 300 });
});
test.after(async () => {
  await site.queues.close();
  await printer.stop();
});

const ended = (job: FilmJob) => site.queues.ended(job.jobId, AbortSignal.timeout(10_000));
const films = () => readdirSync(join(folder, 'db')).filter((name) => name.startsWith('HG_'));

for (const bits of [8, 12] as const) {
  test(`two copies of a film of ${bits} bits are two films with its pixels`, async () => {
    const before = new Set(films());
    const sheet = filmSheet({}, bits);
    const job = await ended(await site.queues.add({ sheet, copies: 2, examId: 'E1' }));
    assert.equal([job.state, job.printed], ['printed', 2], job.error);
    const landed = films().filter((name) => !before.has(name));
    assert.is(landed.length, 2);
    for (const name of landed) {
      const rendered = join(folder, `${name}.pgm`);
      const made = await runTool('dcm2pnm', ['+on', '-W', '+op', join(folder, 'db', name), rendered]);
      assert.is(made.code, 0, made.output);
      const bytes = readFileSync(rendered);
      const got = bytes.subarray(bytes.length - 60 * 80);
      const [{ pixels }] = sheet.boxes as [(typeof sheet.boxes)[number]];
      const values = bits === 8 ? pixels : new Uint16Array(pixels.buffer);
      let worst = 0;
      for (const [i, value] of values.entries()) {
        worst = Math.max(worst, Math.abs(got[i]! - (bits === 8 ? value : (value * 255) / 4095)));
      }
      assert.ok(worst <= 1, `${name} differs by ${worst}`);
    }
  });
}

test('the outbox knows each film once, with its medium and size', () => {
  const counted = site.facts.map((fact) =>
    fact.type === 'film.printed' ? { examId: fact.examId, ...fact.films } : fact,
  );
  const film = { examId: 'E1', count: 1, mediumType: 'CLEAR FILM', filmSizeId: '8INX10IN' };
  assert.equal(counted, [film, film, film, film]);
});

test('the association is kept for a while after the last film, then released', async () => {
  const connected = () => site.queues.cameras()[0]!.state.connected;
  await ended(await site.queues.add({ sheet: filmSheet() }));
  assert.ok(connected(), 'kept');
  await eventually('the release', () => !connected());
  assert.is(site.queues.cameras()[0]!.state.status, 'NORMAL');
  assert.is(site.queues.cameras()[0]!.queue, 'idle');
});

test('a size that the camera refuses stops the queue; the film waits, and may be deleted', async () => {
  const { name, ...settings } = site.queues.settings();
  const other = await startQueues(join(folder, 'other'), [{ ...settings, name, films: [{ size: '11INX14IN' }] }]);
  const job = await other.queues.add({ sheet: filmSheet({ filmSize: '11INX14IN' }) });
  const refused = await other.queues.ended(job.jobId, AbortSignal.timeout(10_000));
  assert.is(refused.state, 'refused');
  assert.match(refused.error ?? '', /N-CREATE.*0106/);
  const [camera] = other.queues.cameras();
  assert.equal([camera!.queue, camera!.stop?.by, camera!.waiting], ['stopped', 'film', 1]);
  await other.queues.remove(job.jobId);
  await other.queues.continue(name);
  await eventually('the queue to run', () => other.queues.cameras()[0]!.queue === 'idle');
  await other.queues.close();
});

test.run();
