/**
 * Our archive beside Orthanc's and DCMTK's, run inside a private network: `archive-peers.ts queries|small`.
 * Prints { value, peer, parts } with Orthanc as the peer and all three as parts, for queries one such of each.
 * Queries: milliseconds of `findscu` less those of `echoscu`, median, with 10,000 instances in ours and Orthanc's, those of the first half of the studies in DCMTK's.
 * small: objects a second by `dcmsend`, on one association; DCMTK's server, which is slow, is sent fewer.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { openArchive } from '../../runtime/archive/open.js';
import { CodecPool } from '../../runtime/dicom/codecs/pool.js';
import { queryService } from '../../runtime/dicom/services/query-scp.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { findIn } from '../../runtime/network/query/finding.js';
import { receivingService } from '../../runtime/network/receiving/receiving.js';
import { header, part10 } from '../helpers/archive-objects.js';
import { startDcmqrscp } from '../helpers/dcmqrscp.js';
import { runTool, startOrthanc } from '../helpers/peers.js';
import type { Measurement } from './benchmark.js';

const OBJECTS = 10_000;
const SLOW_OBJECTS = 300;
/** What `dcmqridx` takes in a minute; it is slower with each, and past 32 MiB of index it says so for every read. */
const INDEXED_OBJECTS = 5000;
/** Studies of the site; 100 of them match the name, and one series has the 50 images. */
const STUDIES = 200;
const REPEATS = 9;

const what = process.argv[2] ?? '';
const folder = mkdtempSync(join(tmpdir(), 'petrig-archive-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Header-only objects of 200 studies with one series of 50 images each; the first half of the patients is called Meier. */
function write(path: string, count: number): string {
  mkdirSync(path);
  for (let i = 0; i < count; i++) {
    const study = i % STUDIES;
    const object = header({
      ...{ PatientID: `P${study}`, PatientName: `${study < STUDIES / 2 ? 'Meier' : 'Huber'}^No${study}` },
      ...{
        StudyInstanceUID: `2.25.7.${study}`,
        StudyDate: '20260101',
        StudyTime: '101500',
        AccessionNumber: `A${study}`,
      },
      ...{ StudyID: '1', ReferringPhysicianName: 'Arzt', PatientBirthDate: '19700101', PatientSex: 'O' },
      ...{ SeriesInstanceUID: `2.25.7.${study}.1`, SeriesNumber: '1', SeriesDescription: 'CT 5.0' },
      ...{ SOPInstanceUID: `2.25.7.${study}.1.${i + 1}`, InstanceNumber: String(Math.floor(i / STUDIES) + 1) },
    });
    writeFileSync(join(path, `${study}-${i}.dcm`), part10(object));
  }
  return path;
}

/** It looks through its whole index for each file, which takes minutes, and says so much that it is not listened to. */
async function indexForDcmtk(store: string): Promise<void> {
  mkdirSync(store, { recursive: true });
  const { code } = await runTool('sh', [
    '-c',
    `find ${all} -name '*.dcm' | sort -V | head -n ${INDEXED_OBJECTS} | xargs dcmqridx ${store} > ${folder}/index.log 2>&1`,
  ]);
  if (code !== 0) throw new Error(readFileSync(join(folder, 'index.log'), 'latin1').slice(-2000));
}

async function startOurs(): Promise<Node> {
  const root = join(folder, 'ours');
  const incoming = join(root, 'incoming');
  mkdirSync(incoming, { recursive: true });
  const common = { clock: new ScaledClock(), log: silentLog };
  const archive = await openArchive({ root, ...common });
  const receiving = receivingService({
    ...{ archive, folder: incoming, codecs: new CodecPool(common), importFrom: () => 'statement', reserveBytes: 0 },
    ...common,
  });
  const queries = queryService({ retrieveAeTitle: 'PETRIG', find: findIn(archive), log: silentLog });
  const server = new DicomServer({ port: 0, ...common, services: [verificationService(), receiving, queries] });
  return { aeTitle: 'PETRIG', host: '127.0.0.1', port: await server.listen() };
}

const all = write(join(folder, 'all'), OBJECTS);
// by C-STORE DCMTK's server would take some 30 a second: it finds an index of files that are there already
if (what === 'queries') await indexForDcmtk(join(folder, 'qr', 'store'));
const [ours, orthanc, dcmqrscp] = [
  await startOurs(),
  (await startOrthanc({ folder: join(folder, 'orthanc') })).node,
  (await startDcmqrscp({ folder: join(folder, 'qr') })).node,
];
const nodes = { petrig: ours, orthanc, dcmqrscp };

async function run(tool: string, node: Node, ...args: string[]): Promise<number> {
  const started = performance.now();
  const { code, output } = await runTool(tool, ['-aec', node.aeTitle, ...args]);
  const ms = performance.now() - started;
  if (code !== 0) throw new Error(`${tool} to ${node.aeTitle}: ${output}`);
  return ms;
}

const send = async (node: Node, path: string, count: number) =>
  count / ((await run('dcmsend', node, node.host, String(node.port), '+sd', path)) / 1000);

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const QUERIES: Record<string, string[]> = {
  'study-by-id': ['QueryRetrieveLevel=STUDY', 'PatientID=P7', 'PatientName', 'StudyInstanceUID', 'StudyDate'],
  'study-by-name': ['QueryRetrieveLevel=STUDY', 'PatientName=Mei*', 'PatientID', 'StudyInstanceUID', 'StudyDate'],
  images: [
    ...['QueryRetrieveLevel=IMAGE', 'StudyInstanceUID=2.25.7.7', 'SeriesInstanceUID=2.25.7.7.1'],
    ...['SOPInstanceUID', 'InstanceNumber'],
  ],
};

/** Milliseconds of a query over an echo, one server after the other in each round. */
async function query(keys: readonly string[]): Promise<Measurement> {
  const times = Object.entries(nodes).map(([name, node]) => ({
    name,
    node,
    find: [] as number[],
    echo: [] as number[],
  }));
  const words = keys.flatMap((key) => ['-k', key]);
  for (let i = 0; i < REPEATS; i++) {
    for (const { node, find, echo } of times) {
      echo.push(await run('echoscu', node, node.host, String(node.port)));
      find.push(await run('findscu', node, '-S', ...words, node.host, String(node.port)));
    }
  }
  return measurement(Object.fromEntries(times.map(({ name, find, echo }) => [name, median(find) - median(echo)])));
}

async function queries(): Promise<Record<string, Measurement>> {
  for (const node of [ours, orthanc]) await send(node, all, OBJECTS);
  const found: Record<string, Measurement> = {};
  for (const [name, keys] of Object.entries(QUERIES)) found[name] = await query(keys);
  return found;
}

function measurement(parts: Record<string, number>): Measurement {
  return { value: parts.petrig!, peer: parts.orthanc, parts };
}

async function small(): Promise<Measurement> {
  const few = write(join(folder, 'few'), SLOW_OBJECTS);
  execFileSync('sync'); // the writing of them is not measured
  return measurement({
    petrig: await send(ours, all, OBJECTS),
    orthanc: await send(orthanc, all, OBJECTS),
    dcmqrscp: await send(dcmqrscp, few, SLOW_OBJECTS),
  });
}

console.log(JSON.stringify(what === 'small' ? await small() : await queries()));
process.exit();
