/** The whole controller as storage SCP and C-MOVE SCP of one site: what its configuration says of a node is what the node gets. */

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../runtime/config.js';
import { items, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta, readHeader } from '../../runtime/dicom/dataset/header.js';
import { type RunningController, startController } from '../../runtime/main.js';
import { scratch } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { eventually, type Peer, runTool, startStorescp } from '../helpers/peers.js';
import { datasetBytes, makeImage } from '../helpers/pixels.js';

enterPrivateNetwork();

const test = suite('petrig serve: storage');
const folder = scratch();
const data = join(folder, 'data');
const into = join(folder, 'pacs');
let petrig: RunningController;
let pacs: Peer;

test.before(async () => {
  mkdirSync(into);
  pacs = await startStorescp({ folder: into, aeTitle: 'PACS', args: ['+B', '+xs'] });
  const node = { host: '127.0.0.1', services: ['storage'], send: { automatic: false } };
  petrig = await startController(
    parseConfig({
      data,
      dicom: { port: 0 },
      service: { port: 0 },
      logLevel: 'silent',
      nodes: [
        { ...node, aeTitle: 'PACS', port: pacs.node.port, compressionTypes: 2 },
        { ...node, aeTitle: 'KEEPER', port: 1, import: 'preserve' },
      ],
    }),
  );
});
test.after(async () => {
  await petrig.close();
  await pacs.stop();
});

/** Sends with storescu under a title. @returns the object as the archive has it */
async function stored(callingAe: string, made: { path: string; sopInstanceUid: string }): Promise<string> {
  const to = ['-aet', callingAe, '-aec', 'PETRIG', '127.0.0.1', String(petrig.ports.dicom)];
  const run = await runTool('dcmsend', ['-v', '-dn', '-nuc', ...to, made.path]);
  assert.match(run.output, /Received C-STORE Response \(Success\)/, run.output);
  const objects = join(data, 'objects');
  return eventually(() => {
    const name = readdirSync(objects, { recursive: true }).find((path) =>
      String(path).endsWith(`${made.sopInstanceUid}.dcm`),
    );
    return name === undefined ? undefined : join(objects, String(name));
  });
}

async function imageWithPrivateItem() {
  return makeImage(
    folder,
    { bits: 16, stored: 12, rows: 300, columns: 200 },
    {
      change: (ds) => {
        const item = setElement(setElement({}, 'CodeValue', 'SH', ['C']), '00290010', 'LO', ['NOBODY']);
        setElement(ds, 'ProcedureCodeSequence', 'SQ', [item]);
      },
    },
  );
}

test('what a node sends is changed as the statement orders, unless it is configured to be preserved', async () => {
  const [one, two] = [await imageWithPrivateItem(), await imageWithPrivateItem()];
  const kept = await stored('KEEPER', one);
  assert.ok((await datasetBytes(kept)).equals(await datasetBytes(one.path)));
  const { dataset } = await readHeader(await stored('ANYBODY', two));
  assert.equal(Object.keys(items(dataset, 'ProcedureCodeSequence')[0]!), ['00080100']);
});

test('RLE is kept decoded, or as it came from a node that is preserved', async () => {
  for (const [title, syntax] of [
    ['ANYBODY', '1.2.840.10008.1.2.1'],
    ['KEEPER', '1.2.840.10008.1.2.5'],
  ] as const) {
    const made = await makeImage(folder, { frames: 2 });
    const rle = `${made.path}.rle`;
    assert.is((await runTool('dcmcrle', [made.path, rle])).code, 0);
    const path = await stored(title, { ...made, path: rle });
    assert.is((await readFileMeta(path)).transferSyntax, syntax);
  }
});

test('movescu: a destination that supports lossless compression gets it', async () => {
  const made = await makeImage(folder, { bits: 16, stored: 12, rows: 300, columns: 200 });
  await stored('ANYBODY', made);
  const keys = ['0008,0052=IMAGE', '0020,000D=2.25.1', '0020,000E=2.25.2', `0008,0018=${made.sopInstanceUid}`];
  const to = ['-aec', 'PETRIG', '-aem', 'PACS', '127.0.0.1', String(petrig.ports.dicom)];
  const run = await runTool('movescu', ['-v', '-S', ...keys.flatMap((key) => ['-k', key]), ...to]);
  assert.is(run.code, 0, run.output);
  const name = readdirSync(into).find((path) => path.includes(made.sopInstanceUid))!;
  const path = join(into, name);
  assert.is((await readFileMeta(path)).transferSyntax, '1.2.840.10008.1.2.4.70');
  assert.is((await runTool('dcmdjpeg', [path, `${path}.plain`])).code, 0);
  const { dataset } = await readHeader(`${path}.plain`);
  const { bulk } = dataset['7FE00010']!;
  const bytes = await datasetBytes(`${path}.plain`);
  assert.ok(bytes.subarray(-bulk!.length!).equals(made.pixels));
});

test.run();
