import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bulkOf } from '../../runtime/dicom/dataset/bulk.js';
import { dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { startHospital } from '../../sim/hospital/hospital.js';
import { CSA_NON_IMAGE, clock, EXPLICIT, log, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';

enterPrivateNetwork();
const test = suite('a big raw-data object');
const folder = scratch();
const MEGABYTES = 150;

test('is written, sent and received with little memory, byte for byte', async () => {
  const before = process.memoryUsage().rss;
  let peak = 0;
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
  const ds = dataset({ SOPClassUID: CSA_NON_IMAGE, SOPInstanceUID: '2.25.600' });
  setElement(ds, '7FE10010', 'LO', ['SIEMENS CSA NON-IMAGE']);
  setElement(ds, '7FE11010', 'OB', []);
  const block = Buffer.alloc(1 << 20, 5);
  const path = join(folder, 'big.dcm');
  const value = bulkOf(...Array.from({ length: MEGABYTES }, () => block));
  const written = await writePart10File(path, ds, EXPLICIT, { bulk: { '7FE11010': value } });
  assert.is(written.sha256, execFileSync('sha256sum', [path], { encoding: 'utf8' }).slice(0, 64));
  const hospital = await startHospital({ worklist: [], dataDir: folder, risPort: 0, pacsPort: 0, clock, log });
  const [result] = await storeFiles(scu(hospital.pacs), [path]);
  assert.is(result!.outcome, 'stored');
  const stored = hospital.instances.get('2.25.600')!;
  await hospital.close();
  clearInterval(sampler);
  const tail = async (file: string) => {
    const { datasetOffset } = await readFileMeta(file);
    return execFileSync('sh', ['-c', `tail -c +${datasetOffset + 1} "$1" | sha256sum`, 'sh', file], {
      encoding: 'utf8',
    });
  };
  assert.is(await tail(path), await tail(stored.path));
  const grown = (peak - before) / 1e6;
  assert.ok(grown < 150, `memory grew by ${grown} MB`);
});

test('of 2 GB goes to storescp and to ourselves in less than 150 MB of memory, all told', async () => {
  const script = fileURLToPath(new URL('../bench/cstore-big.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, scratch()]);
  const { value } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { value: number };
  assert.ok(value > 30 && value < 150, `${value} MB`);
});

test.run();
