/** The archive: queries of a million instances; beside others, queries of 10,000 and small objects taken a second. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { findOn } from '../../runtime/dicom/services/find-scu.js';
import { withChannel } from '../../runtime/dicom/services/session.js';
import type { Benchmark, Measurement } from './benchmark.js';
import { million } from './million.js';

const TIMES = 15;
const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const COUNTS = { NumberOfStudyRelatedInstances: null, ModalitiesInStudy: null };

/** C-FIND over an open association: milliseconds from the request to the final answer, median. */
async function find(keys: Parameters<typeof dataset>[0], expected: number): Promise<Measurement> {
  const { port } = await million();
  const node = { aeTitle: 'PETRIG', host: '127.0.0.1', port };
  const options = { node, callingAe: 'BENCH', clock: new ScaledClock(), log: silentLog };
  const proposals = [{ abstractSyntax: STUDY_ROOT_FIND, transferSyntaxes: UNCOMPRESSED }];
  return withChannel(options, proposals, async (channel) => {
    const times: number[] = [];
    for (let i = 0; i < TIMES; i++) {
      const started = performance.now();
      let count = 0;
      for await (const _match of findOn(channel, { sopClass: STUDY_ROOT_FIND, query: dataset(keys) })) count++;
      times.push(performance.now() - started);
      if (count !== expected) throw new Error(`${count} matches, ${expected} expected`);
    }
    return { value: times.sort((a, b) => a - b)[Math.floor(TIMES / 2)]! };
  });
}

/** One run beside Orthanc and DCMTK in a private network, where they may listen: see archive-peers.ts. */
async function besidePeers(what: 'queries' | 'small'): Promise<unknown> {
  const script = fileURLToPath(new URL('./archive-peers.ts', import.meta.url));
  const flags = process.getuid?.() === 0 ? '-n' : '-rn';
  const inside = [
    'sh',
    '-c',
    'ip link set lo up && exec "$@"',
    'sh',
    process.execPath,
    '--import',
    'tsx',
    script,
    what,
  ];
  const { stdout } = await promisify(execFile)('unshare', [flags, ...inside], {
    env: { ...process.env, TCP_NODELAY: '1' },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

let queries: Promise<unknown> | undefined;

/** All queries are made of the same three archives. */
async function query(name: string): Promise<Measurement> {
  queries ??= besidePeers('queries');
  return ((await queries) as Record<string, Measurement>)[name]!;
}

async function fill(): Promise<Measurement> {
  const { instances, seconds } = await million();
  return { value: instances / seconds };
}

const study = {
  SpecificCharacterSet: 'ISO_IR 192',
  QueryRetrieveLevel: 'STUDY',
  StudyInstanceUID: null,
  StudyDate: null,
  PatientName: null,
};
const image = { QueryRetrieveLevel: 'IMAGE', SOPInstanceUID: null, InstanceNumber: null, ContentDate: null };

export const benchmarks: Benchmark[] = [
  { name: 'archive-fill', unit: 'instances/s', runs: 1, run: fill },
  {
    name: 'archive-study-by-id',
    unit: 'ms',
    run: () => find({ ...study, ...COUNTS, PatientID: 'PID000800' }, 2),
  },
  {
    name: 'archive-study-by-name',
    unit: 'ms',
    run: () => find({ ...study, ...COUNTS, PatientName: 'mül*-00*', PatientID: null }, 34),
  },
  {
    name: 'archive-images-1000',
    unit: 'ms',
    run: () =>
      find(
        { ...image, StudyInstanceUID: '1.3.12.2.1107.5.1.4.800', SeriesInstanceUID: '1.3.12.2.1107.5.1.4.800.1' },
        1000,
      ),
  },
  { name: 'cfind-study-by-id', unit: 'ms', peer: 'Orthanc', runs: 1, run: () => query('study-by-id') },
  { name: 'cfind-study-by-name', unit: 'ms', peer: 'Orthanc', runs: 1, run: () => query('study-by-name') },
  { name: 'cfind-images', unit: 'ms', peer: 'Orthanc', runs: 1, run: () => query('images') },
  {
    name: 'cstore-small',
    unit: 'objects/s',
    peer: 'Orthanc',
    runs: 1,
    run: async () => (await besidePeers('small')) as Measurement,
  },
];
