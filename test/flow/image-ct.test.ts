/** CT images as the whole chain makes them, read from the files in the archive: Hounsfield units at every tube voltage. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { numbers } from '../../runtime/dicom/dataset/dataset.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import { say } from '../helpers/imagefigures.js';
import { disc, readVolume, ring } from '../helpers/imagefiles.js';
import { ctRange, type ImageSite, startImageSite } from '../helpers/imagesite.js';

const test = suite('CT numbers of a water cylinder');
const KV = [80, 100, 120, 140] as const;

let site: ImageSite;
let report: ExamReport;

test.before(async () => {
  site = await startImageSite({ phantom: 'water-cylinder' });
  const span = { fromZ: -5, toZ: 5 };
  report = await site.examine(KV.map((kv) => ctRange(span, { kv, ma: 160, fovMm: 400, label: `${kv} kV` })));
});
test.after(() => site.close());

for (const kv of KV) {
  test(`${kv} kV: water reads 0 HU in the middle and at the edge, air -1000 HU`, async () => {
    const volume = await readVolume(site.seriesFolder(report, 'CT', `${kv} kV`));
    assert.equal(numbers(volume.slices[0]!.header.dataset, 'KVP'), [kv]);
    const centre = disc(volume, [0, 0, 0], 30, 5);
    const edge = ring(volume, [0, 0, 0], 80, 92, 5);
    const air = ring(volume, [0, 0, 0], 130, 180, 5);
    say(`${kv} kV`, { centre, edge, air });
    assert.ok(Math.abs(centre.mean) <= 4, `centre ${centre.mean} HU`);
    assert.ok(Math.abs(edge.mean - centre.mean) <= 10, `edge ${edge.mean} HU, centre ${centre.mean} HU`);
    assert.ok(Math.abs(air.mean + 1000) <= 10, `air ${air.mean} HU`);
    assert.ok(centre.deviation > 2, 'no quantum noise: these are not readings');
  });
}

test.run();
