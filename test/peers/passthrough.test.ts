/** What came to `petrig serve` by C-STORE leaves it by C-STORE, C-MOVE and C-GET with the same bytes; what the statement changes, and nothing else. */

import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import type { DimseChannel } from '../../runtime/dicom/dimse/channel.js';
import { COMMAND_FIELD } from '../../runtime/dicom/dimse/command.js';
import type { RequestHandler } from '../../runtime/dicom/dimse/performer.js';
import { needContext, withChannel } from '../../runtime/dicom/services/session.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { localNode, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { FRAGMENTS, type OddEncoding, oddDataset, oddFile } from '../helpers/odd-dataset.js';
import { eventually, freePort, type Peer, runTool, startPeer } from '../helpers/peers.js';
import { killLeftOvers, type PetrigProcess, runPetrig, startServe, testFolder } from '../helpers/petrig.js';
import { datasetBytes, makeImage, SECONDARY_CAPTURE } from '../helpers/pixels.js';

enterPrivateNetwork();

const test = suite('pass-through');
const folder = testFolder('passthrough');
const STUDY = '2.25.90';
const EXPLICIT = '1.2.840.10008.1.2.1';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const STUDY_GET = '1.2.840.10008.5.1.4.1.2.2.3';

interface Kind {
  name: string;
  syntax: string;
  /** By which option getscu names its syntax first; +xi proposes explicit VR in DCMTK 3.6.7, and none is for .57. */
  get?: string;
  /** Made of our own image by a program of DCMTK's. */
  made?: readonly string[];
  bits?: 8 | 16;
  /** Written byte by byte. */
  odd?: OddEncoding & { fragments?: readonly Buffer[] };
}

const J2K = '1.2.840.10008.1.2.4.9';
const KINDS: readonly Kind[] = [
  { name: 'explicit', syntax: EXPLICIT, get: '+xe', made: ['dcmconv', '+te'] },
  { name: 'implicit', syntax: '1.2.840.10008.1.2', made: ['dcmconv', '+ti'] },
  { name: 'big endian', syntax: '1.2.840.10008.1.2.2', get: '+xb', made: ['dcmconv', '+tb'], bits: 16 },
  { name: '.70', syntax: '1.2.840.10008.1.2.4.70', get: '+xs', made: ['dcmcjpeg', '+e1'], bits: 16 },
  { name: '.57', syntax: '1.2.840.10008.1.2.4.57', made: ['dcmcjpeg', '+el', '+sv', '6'] },
  { name: '.50', syntax: '1.2.840.10008.1.2.4.50', get: '+xy', made: ['dcmcjpeg', '+eb', '+un'] },
  { name: '.51', syntax: '1.2.840.10008.1.2.4.51', get: '+xx', made: ['dcmcjpeg', '+ee', '+un'], bits: 16 },
  { name: 'RLE', syntax: '1.2.840.10008.1.2.5', get: '+xr', made: ['dcmcrle'] },
  { name: 'odd explicit', syntax: EXPLICIT, get: '+xe', odd: {} },
  { name: 'odd implicit', syntax: '1.2.840.10008.1.2', odd: { implicit: true } },
  { name: 'odd big endian', syntax: '1.2.840.10008.1.2.2', get: '+xb', odd: { bigEndian: true } },
  { name: '.70 of no frame', syntax: '1.2.840.10008.1.2.4.70', get: '+xs', odd: { fragments: FRAGMENTS } },
  { name: '.90', syntax: `${J2K}0`, get: '+xv', odd: { fragments: FRAGMENTS } },
  { name: '.91', syntax: `${J2K}1`, get: '+xw', odd: { fragments: FRAGMENTS } },
];

interface Item {
  kind: Kind;
  path: string;
  sopInstanceUid: string;
  /** The dataset as it came to us. */
  bytes: Buffer;
}

const items: Item[] = [];
let pacs: Peer;
let petrig: PetrigProcess;
let port: number;
const into = join(folder, 'pacs');

test.before(async () => {
  mkdirSync(into);
  const node = localNode(await freePort(), 'PACS');
  const args = ['-v', '-aet', node.aeTitle, '+B', '-xf', profiles(), 'Scp', '-od', into, String(node.port)];
  pacs = await startPeer('storescp', args, node);
  const keeper = { aeTitle: 'KEEPER', port: 1, services: ['storage' as const, 'retrieve' as const] };
  const manual = { services: ['storage' as const], send: { automatic: false } };
  petrig = await startServe(folder, {
    sendAttempts: 1,
    nodes: [
      { ...pacs.node, ...manual },
      { ...keeper, name: 'elsewhere', host: '127.0.0.9' },
      { ...keeper, name: 'here', host: '127.0.0.1', import: 'preserve', compressionTypes: 3 },
    ],
  });
  port = (petrig.ready.ports as { dicom: number }).dicom;
  for (const [i, kind] of KINDS.entries()) items.push(await itemOf(kind, i));
});
test.after(async () => {
  await killLeftOvers();
  await pacs.stop();
});

async function itemOf(kind: Kind, index: number): Promise<Item> {
  const { bits = 8, made, odd, syntax } = kind;
  const seriesInstanceUid = `${STUDY}.${index}`;
  if (odd) {
    const uids = { sopInstanceUid: `${seriesInstanceUid}.1`, seriesInstanceUid, studyInstanceUid: STUDY };
    const bytes = oddDataset(odd, uids, odd.fragments);
    return { kind, path: oddFile(folder, syntax, uids, bytes), sopInstanceUid: uids.sopInstanceUid, bytes };
  }
  const [tool, ...args] = made!;
  const shape = bits === 8 ? {} : ({ bits, stored: 12 } as const);
  const { path: plain, sopInstanceUid } = await makeImage(folder, shape, {
    change: (ds) => {
      ds['0020000D']!.Value = [STUDY];
      ds['0020000E']!.Value = [seriesInstanceUid];
    },
  });
  const path = `${plain}.made`;
  const run = await runTool(tool!, [...args, plain, path]);
  assert.is(run.code, 0, run.output);
  assert.is((await readFileMeta(path)).transferSyntax, syntax);
  return { kind, path, sopInstanceUid, bytes: await datasetBytes(path) };
}

/** What a program of DCMTK's has written into a folder, by SOP Instance UID; the folder is empty afterwards. */
async function taken(from: string): Promise<Map<string, { syntax: string; bytes: Buffer }>> {
  const found = new Map<string, { syntax: string; bytes: Buffer }>();
  mkdirSync(`${from}.done`, { recursive: true });
  for (const name of readdirSync(from)) {
    const path = join(`${from}.done`, name);
    renameSync(join(from, name), path);
    const { sopInstanceUid, transferSyntax } = await readFileMeta(path);
    found.set(sopInstanceUid, { syntax: transferSyntax, bytes: await datasetBytes(path) });
  }
  return found;
}

function assertSame(way: string, got: Awaited<ReturnType<typeof taken>>, wanted: readonly Item[]): void {
  const wrong = wanted.filter(({ kind, sopInstanceUid, bytes }) => {
    const one = got.get(sopInstanceUid);
    return one?.syntax !== kind.syntax || !one.bytes.equals(bytes);
  });
  const told = wrong.map(({ kind, sopInstanceUid }) => `${kind.name}: ${got.get(sopInstanceUid)?.syntax ?? 'nothing'}`);
  assert.equal(told, [], way);
}

/** Profiles of DCMTK's: a context for each syntax, as storescu proposes it, and one with all, as storescp takes it. */
function profiles(): string {
  const path = join(folder, 'profiles.cfg');
  const syntaxes = [...new Set(KINDS.map(({ syntax }) => syntax)), DEFLATED];
  const each = syntaxes.flatMap((syntax, i) => [`[S${i}]`, `TransferSyntax1 = ${syntax}`]);
  const all = ['[All]', ...syntaxes.map((syntax, i) => `TransferSyntax${i + 1} = ${syntax}`)];
  const contexts = syntaxes.map((_, i) => `PresentationContext${i + 1} = SecondaryCaptureImageStorage\\S${i}`);
  const any = ['[Any]', 'PresentationContext1 = SecondaryCaptureImageStorage\\All'];
  const ends = ['[[Profiles]]', '[Scu]', 'PresentationContexts = Each', '[Scp]', 'PresentationContexts = Any'];
  const text = [
    '[[TransferSyntaxes]]',
    ...each,
    ...all,
    '[[PresentationContexts]]',
    '[Each]',
    ...contexts,
    ...any,
    ...ends,
  ];
  writeFileSync(path, text.join('\n'));
  return path;
}

test('storescu brings some kinds, our own SCU those that it would rewrite', async () => {
  const made = items.filter(({ kind }) => kind.made);
  const args = ['-v', '-xf', profiles(), 'Scu', '-aet', 'KEEPER'];
  for (const to of [pacs.node, localNode(port, 'PETRIG')]) {
    const node = ['-aec', to.aeTitle, to.host, String(to.port)];
    const run = await runTool('storescu', [...args, ...node, ...made.map(({ path }) => path)]);
    assert.is(run.code, 0, run.output);
  }
  const sent = await taken(into);
  for (const item of made) item.bytes = sent.get(item.sopInstanceUid)!.bytes; // as storescu writes it
  const odd = items.filter(({ kind }) => kind.odd);
  const paths = odd.map(({ path }) => path);
  const results = await storeFiles(scu(localNode(port, 'PETRIG'), { callingAe: 'KEEPER' }), paths);
  assert.equal(
    results.map(({ outcome, error }) => error?.message ?? outcome),
    odd.map(() => 'stored'),
  );
});

test('petrig send: a job of the archive', async () => {
  const run = await runPetrig(['send', 'PACS', '--study', STUDY, '--json', '--data', join(folder, 'data')]);
  assert.is(run.code, 0, run.stdout + run.stderr);
  assertSame('send', await taken(into), items);
});

test('movescu', async () => {
  const keys = ['-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${STUDY}`];
  const to = ['-aet', 'KEEPER', '-aec', 'PETRIG', '-aem', 'PACS', '127.0.0.1', String(port)];
  const run = await runTool('movescu', ['-v', '-S', ...keys, ...to]);
  assert.is(run.code, 0, run.output);
  assertSame('move', await taken(into), items);
});

test('getscu: each syntax, when it is the first that is named', async () => {
  const out = join(folder, 'got');
  mkdirSync(out);
  for (const option of new Set(items.flatMap(({ kind }) => kind.get ?? []))) {
    const wanted = items.filter(({ kind }) => kind.get === option);
    const series = wanted.map(({ kind }) => `${STUDY}.${KINDS.indexOf(kind)}`).join('\\');
    const keys = ['QueryRetrieveLevel=SERIES', `StudyInstanceUID=${STUDY}`, `SeriesInstanceUID=${series}`];
    const to = ['-aet', 'KEEPER', '-aec', 'PETRIG', '127.0.0.1', String(port)];
    const args = ['-S', option, '+B', '-od', out, ...keys.flatMap((key) => ['-k', key]), ...to];
    const run = await runTool('getscu', args);
    assert.is(run.code, 0, run.output);
    assertSame(`getscu ${option}`, await taken(out), wanted);
  }
});

test('C-GET with a context for each syntax brings all of them at once', async () => {
  const got = new Map<string, { syntax: string; bytes: Buffer }>();
  const keep: RequestHandler = async ({ command, context, data }) => {
    got.set(command.AffectedSOPInstanceUID!, { syntax: context.transferSyntax, bytes: await data!.collect() });
    return { status: 0 };
  };
  const role = { scu: false, scp: true };
  const syntaxes = [...new Set(KINDS.map(({ syntax }) => syntax))];
  const proposals = [
    { abstractSyntax: STUDY_GET, transferSyntaxes: [EXPLICIT] },
    ...syntaxes.map((syntax) => ({ abstractSyntax: SECONDARY_CAPTURE, transferSyntaxes: [syntax], role })),
  ];
  const get = async (channel: DimseChannel) => {
    const command = { CommandField: COMMAND_FIELD['C-GET'], AffectedSOPClassUID: STUDY_GET, Priority: 0 };
    const keys = dataset({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: STUDY });
    let status = -1;
    for await (const response of channel.exchange(needContext(channel, STUDY_GET), command, keys, 20_000)) {
      ({ status } = response);
    }
    assert.is(status, 0);
  };
  await withChannel(scu(localNode(port, 'PETRIG'), { callingAe: 'ANYBODY' }), proposals, get, keep);
  assertSame('C-GET', got, items);
});

test('deflated is not taken, as Table 6 has it; a deflated file is sent as it is, its stream padded', async () => {
  const { path } = items[0]!;
  const deflated = `${path}.deflated`;
  assert.is((await runTool('dcmconv', ['+td', path, deflated])).code, 0);
  const [refused] = await storeFiles(scu(localNode(port, 'PETRIG'), { callingAe: 'KEEPER' }), [deflated]);
  assert.is(refused!.outcome, 'no-context');
  const { aeTitle, host, port: to } = pacs.node;
  const run = await runPetrig(['send', `${aeTitle}@${host}:${to}`, deflated]);
  assert.is(run.code, 0, run.stderr);
  const stream = await datasetBytes(deflated);
  const bytes = stream.length % 2 === 0 ? stream : Buffer.concat([stream, Buffer.alloc(1)]); // PS3.5 A.5
  assertSame('file', await taken(into), [{ ...items[0]!, kind: { name: 'deflated', syntax: DEFLATED }, bytes }]);
});

test('import statement: private elements go where the statement says, and nothing else does', async () => {
  for (const [i, kind] of KINDS.entries()) {
    if (!kind.odd || kind.odd.fragments) continue;
    const seriesInstanceUid = `2.25.91.${i}`;
    const uids = { sopInstanceUid: `${seriesInstanceUid}.1`, seriesInstanceUid, studyInstanceUid: '2.25.91' };
    const sent = oddFile(folder, kind.syntax, uids, oddDataset(kind.odd, uids));
    const [result] = await storeFiles(scu(localNode(port, 'PETRIG'), { callingAe: 'ANYBODY' }), [sent]);
    assert.is(result!.outcome, 'stored', result!.error?.message);
    const objects = join(folder, 'data', 'objects');
    const kept = await eventually(() =>
      readdirSync(objects, { recursive: true })
        .map(String)
        .find((name) => name.endsWith(`${uids.sopInstanceUid}.dcm`)),
    );
    // group lengths would no longer be true
    const without = { nestedPrivate: true, topPrivate: kind.odd.implicit, groupLengths: true };
    const expected = oddDataset(kind.odd, uids, undefined, without);
    assert.ok((await datasetBytes(join(objects, kept))).equals(expected), kind.name);
  }
});

test.run();
