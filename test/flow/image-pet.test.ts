/** PET images as the whole chain makes them, read from the files in the archive: activity of a uniform cylinder. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { numbers, text } from '../../runtime/dicom/dataset/dataset.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import { loadPhantom } from '../../sim/physics/phantom.js';
import { say } from '../helpers/imagefigures.js';
import { disc, readVolume, ring } from '../helpers/imagefiles.js';
import { ctRange, type ImageSite, petRange, startImageSite } from '../helpers/imagesite.js';

const test = suite('activity of a uniform cylinder');
const KNOWN = loadPhantom('uniform-cylinder').shapes[0]!.activityBqPerMl;

let site: ImageSite;
let report: ExamReport;

test.before(async () => {
  site = await startImageSite({ phantom: 'uniform-cylinder' });
  // the CT covers the whole bed: what it leaves out would count as air
  report = await site.examine([ctRange({ fromZ: -112, toZ: 112 }, { fovMm: 300, incrementMm: 4 }), petRange(30)]);
});
test.after(() => site.close());

test('units and corrections are declared', async () => {
  const { slices } = await readVolume(site.seriesFolder(report, 'PT'));
  const { dataset } = slices[0]!.header;
  assert.is(text(dataset, 'Units'), 'BQML');
  assert.is(text(dataset, 'DecayCorrection'), 'START');
  const factor = numbers(dataset, 'DecayFactor')[0]!;
  assert.ok(factor > 1 && factor < 1.02, `decay factor ${factor}`);
});

test('the middle reads the activity of the phantom', async () => {
  const volume = await readVolume(site.seriesFolder(report, 'PT'));
  const middle = disc(volume, [0, 0, 0], 70, 70);
  say('activity, Bq/ml', { known: KNOWN, ...middle });
  assert.ok(Math.abs(middle.mean / KNOWN - 1) < 0.05, `${middle.mean} Bq/ml, known ${KNOWN}`);
});

test('the profile is flat across and along', async () => {
  const volume = await readVolume(site.seriesFolder(report, 'PT'));
  const mean = disc(volume, [0, 0, 0], 80, 70).mean;
  const rings = [0, 20, 40, 60, 80].map((inner) => ring(volume, [0, 0, 0], inner, inner + 12, 70).mean / mean);
  const along = [-80, -60, -40, -20, 0, 20, 40, 60, 80].map((z) => disc(volume, [0, 0, z], 80, 9).mean / mean);
  say('profile', { rings, along });
  for (const part of [...rings, ...along]) assert.ok(Math.abs(part - 1) < 0.05, JSON.stringify({ rings, along }));
});

test('outside of the cylinder there is nothing', async () => {
  const volume = await readVolume(site.seriesFolder(report, 'PT'));
  const outside = ring(volume, [0, 0, 0], 130, 200, 70);
  say('outside, Bq/ml', outside);
  assert.ok(Math.abs(outside.mean) < 0.02 * KNOWN, `${outside.mean} Bq/ml`);
});

test.run();
