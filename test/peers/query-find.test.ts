import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { queryService } from '../../runtime/dicom/services/query-scp.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { findIn } from '../../runtime/network/query/finding.js';
import { clock, log } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool } from '../helpers/peers.js';
import { MemoryIndex, tree } from '../helpers/query-index.js';

enterPrivateNetwork();

const test = suite('findscu');
const index = new MemoryIndex(
  tree({
    patients: [
      { id: 'P1', name: 'Yamada^Tarou=山田^太郎=やまだ^たろう', characterSet: 'ISO_IR 192' },
      { id: 'P2', name: 'Größe^Zoë', characterSet: 'ISO_IR 100' },
      { id: 'P3', name: 'SMITH^John^^Dr' },
    ],
  }),
);
let server: DicomServer;
let port = 0;

test.before(async () => {
  const service = queryService({ retrieveAeTitle: 'PETRIG', find: findIn(index), log });
  server = new DicomServer({ port: 0, clock, log, services: [service] });
  port = await server.listen();
});

test.after(() => server.close());

interface Answers {
  statuses: string[];
  /** Elements of each answer as findscu prints them, by tag. */
  matches: Record<string, string>[];
}

async function findscu(
  model: '-P' | '-S' | '-O',
  keys: readonly string[],
  args: readonly string[] = [],
): Promise<Answers> {
  const all = ['-d', '+sr', '-aec', 'PETRIG', ...args, model, ...keys.flatMap((key) => ['-k', key])];
  const { output } = await runTool('findscu', [...all, '127.0.0.1', String(port)]);
  const statuses = [...output.matchAll(/DIMSE Status +: 0x([0-9a-f]{4})/g)].map((match) => match[1]!);
  const matches: Record<string, string>[] = [];
  for (const block of output.split(/Received Find Response \d+/).slice(1)) {
    const lines = block.matchAll(/\(([0-9a-f]{4},[0-9a-f]{4})\) [A-Z]{2} (?:\[([^\]]*)\]|\(no value available\))/g);
    matches.push(Object.fromEntries([...lines].map(([, tag, value]) => [tag!, (value ?? '').trim()])));
  }
  if (process.env.PETRIG_TEST_LOG) console.error(output);
  return { statuses, matches };
}

test('a study is found by the name of its patient, whatever the case', async () => {
  const { statuses, matches } = await findscu('-S', [
    'QueryRetrieveLevel=STUDY',
    'PatientName=smith*',
    'StudyInstanceUID',
    'ModalitiesInStudy',
  ]);
  assert.equal(statuses, ['ff00', 'ff00', '0000']);
  assert.equal(
    matches.map((match) => match['0020,000d']),
    ['2.25.3.1', '2.25.3.2'],
  );
  assert.is(matches[0]!['0008,0061'], 'CT\\PT');
});

test.run();
