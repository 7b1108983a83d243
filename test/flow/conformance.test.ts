import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConformanceDocument } from '../../runtime/conformance/document.js';
import { TRANSFER_SYNTAXES } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { type Proposal, requestAssociation } from '../../runtime/dicom/upper-layer/request.js';
import { localNode, scu } from '../helpers/dicom.js';
import { killLeftOvers, runPetrig, startServe, testFolder } from '../helpers/petrig.js';

const test = suite('petrig conformance');
test.after(killLeftOvers);

const UID = /\(([0-9.]+)\)/g;
const MAX_CONTEXTS = 128;

/** Abstract syntax -> transfer syntaxes in the order printed, of every table that says what we accept. */
function accepted(document: ConformanceDocument): Map<string, string[]> {
  const tables = document.sections.flatMap(({ tables }) => tables);
  const served = tables.filter(
    ({ title, head }) => head[0] === 'Abstract syntax' && /as SCP, in order|as SCP$|, accepted$/.test(title),
  );
  assert.ok(served.length >= 6, served.map(({ title }) => title).join());
  return new Map(
    served.flatMap(({ rows }) =>
      rows.map(([, uid, syntaxes]): [string, string[]] => [
        uid!,
        [...syntaxes!.matchAll(UID)].map(([, found]) => found!),
      ]),
    ),
  );
}

/** The transfer syntax that the server chose for each proposal, or undefined where it refused. */
async function negotiate(port: number, proposals: readonly Proposal[]): Promise<(string | undefined)[]> {
  const chosen: (string | undefined)[] = [];
  for (let start = 0; start < proposals.length; start += MAX_CONTEXTS) {
    const part = proposals.slice(start, start + MAX_CONTEXTS);
    const association = await requestAssociation(scu(localNode(port, 'PETRIG'), {}), part);
    for (let i = 0; i < part.length; i++) chosen.push(association.contexts.get(2 * i + 1)?.transferSyntax);
    await association.release();
  }
  return chosen;
}

test('what is printed as accepted is accepted over the wire, in the order printed, and nothing else is', async () => {
  const folder = testFolder('conformance');
  const serve = await startServe(folder, {});
  const run = await runPetrig(['conformance', '--config', join(folder, 'site.json'), '--json']);
  assert.is(run.code, 0, run.stderr);
  const said = accepted(JSON.parse(run.stdout) as ConformanceDocument);
  const { port } = { port: (serve.ready as { ports: { dicom: number } }).ports.dicom };

  const pairs = [...said].flatMap(([abstractSyntax, syntaxes]) =>
    Object.keys(TRANSFER_SYNTAXES).map((syntax) => ({ abstractSyntax, syntax, expected: syntaxes.includes(syntax) })),
  );
  assert.ok(pairs.length > 500);
  const single = await negotiate(
    port,
    pairs.map(({ abstractSyntax, syntax }) => ({ abstractSyntax, transferSyntaxes: [syntax] })),
  );
  const wrong = pairs.filter(({ expected }, i) => (single[i] !== undefined) !== expected);
  assert.equal(wrong, [], 'one transfer syntax at a time');

  const all = [...said].map(([abstractSyntax, syntaxes]) => ({
    abstractSyntax,
    transferSyntaxes: syntaxes.toReversed(),
  }));
  const best = await negotiate(port, all);
  assert.equal(
    best,
    [...said.values()].map(([first]) => first),
    'the first printed wins whatever the order proposed',
  );

  const others = [
    '1.2.840.10008.5.1.4.31',
    '1.2.840.10008.3.1.2.3.3',
    '1.2.840.10008.5.1.1.9',
    '1.2.840.10008.5.1.4.1.1.77.1.6',
  ];
  const refused = await negotiate(
    port,
    others.map((abstractSyntax) => ({ abstractSyntax, transferSyntaxes: ['1.2.840.10008.1.2'] })),
  );
  assert.equal(
    refused,
    [undefined, undefined, undefined, undefined],
    'what we are only SCU of, and what nobody asked for',
  );
  await serve.stop();
});

test('the Markdown says what the configuration says', async () => {
  const folder = testFolder('conformance-text');
  const config = join(folder, 'site.json');
  writeFileSync(
    config,
    JSON.stringify({
      aeTitle: 'MCT1',
      qualityFactor: 100,
      dicom: { port: 104, maxAssociations: 7, strictApplicationContext: true, timeouts: { storeMs: 30_000 } },
      nodes: [
        { name: 'Main|PACS', aeTitle: 'PACS', host: 'pacs', port: 104, services: ['storage'], compressionTypes: 2 },
      ].map((node) => ({ ...node, name: 'Main PACS' })),
    }),
  );
  const { code, stdout, stderr } = await runPetrig(['conformance', '--config', config]);
  assert.is(code, 0, stderr);
  for (const line of [
    /\| Implementation Class UID \| 1\.3\.12\.2\.1107\.5\.1\.4 \|/,
    /\| AE title of storage, commitment, query and retrieve \| MCT1 \|/,
    /\| Port \| 127\.0\.0\.1:104 \|/,
    /\| Associations at a time \| 7 \|/,
    /\| Application context names other than .* \| rejected \|/,
    /\| store \| 30 \|/,
    /\| Main PACS \| 2 \| .*1\.2\.840\.10008\.1\.2\.4\.70.* \| statement \|/,
    /\| Computed Tomography Image Storage \| 1\.2\.840\.10008\.5\.1\.4\.1\.1\.2 \| .*1\.2\.840\.10008\.1\.2\.4\.70/,
    /\| CSA Non-Image Storage \| 1\.3\.12\.2\.1107\.5\.9\.1 \|/,
    /\| PatientID \| \(0010,0020\) \| U\/?R? \|/,
    /\| ISO_IR 87, ISO 2022 IR 87 \| .*JIS X 0208/,
    /\| C603 \| /,
    /\| Spiral Image \| CT \| ORIGINAL\\PRIMARY or SECONDARY\\AXIAL\\CT_SOM5 SPI \| SPI \| yes \|/,
    /\| \(0018,1152\) \| Exposure \| {2}\| IS \| 3 \| effective mAs/,
    /\| \(0019,xxB0\) \| FeedPerRotation \| SIEMENS CT VA0 COAD \| DS \| 3 \|/,
    /\| >>\(0008,0100\) \| CodeValue \|/,
    /\| Thorax \| CHEST \|/,
    /\| > \| CONTAINS \| CONTAINER \| CT Acquisition \(113819, DCM\) \| 10013 \|/,
  ]) {
    assert.match(stdout, line);
  }
  const rows = stdout.split('\n').filter((line) => line.startsWith('|'));
  const ragged = rows.filter(
    (line, i) => i > 0 && rows[i - 1]!.startsWith('| --- ') && cells(line) !== cells(rows[i - 1]!),
  );
  assert.equal(ragged, [], 'every table has as many cells as its head');
});

function cells(line: string): number {
  return line.replaceAll('\\|', '').split('|').length;
}

test.run();
