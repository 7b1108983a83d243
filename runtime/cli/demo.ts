import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { parseConfig } from '../config.js';
import { startController, startSimHospital } from '../main.js';
import type { ServiceClient } from '../service/client.js';
import { connect } from './connection.js';
import { concludeExam, followExam, numberOption } from './exam.js';
import { fail, say } from './output.js';

interface DemoOptions {
  data: string;
  protocol: string;
  phantom: string;
  seed: number;
  speed: number;
  bedSeconds: number;
  json?: boolean;
}

/** Scheduled in the demo's hospital. */
const ACCESSION = 'A1';

async function demo(options: DemoOptions): Promise<void> {
  const closing: (() => Promise<void>)[] = [];
  try {
    const { data, phantom, seed, speed, protocol, bedSeconds } = options;
    await mkdir(data, { recursive: true });
    const scanner = { aeTitle: 'PETRIG', host: '127.0.0.1', port: 0 };
    const hospital = await startSimHospital({
      data: join(data, 'hospital'),
      risPort: 0,
      pacsPort: 0,
      scanners: [scanner],
    });
    closing.push(() => hospital.close());
    const config = parseConfig({
      data,
      phantom,
      seed,
      speed,
      logLevel: 'warn',
      dicom: { port: 0 },
      service: { port: 0 },
      nodes: [
        { aeTitle: 'RIS', host: '127.0.0.1', port: hospital.ports.ris, services: ['worklist', 'mpps'] },
        { aeTitle: 'PACS', host: '127.0.0.1', port: hospital.ports.pacs, services: ['storage', 'commitment'] },
      ],
    });
    const controller = await startController(config);
    closing.unshift(() => controller.close());
    hospital.scannerListens(controller.ports.dicom);
    const client = await connect({ data });
    await endLeftOver(client);
    await client.call('worklist.update');
    say(`worklist entry ${ACCESSION} taken from the simulated RIS; scanning phantom ${phantom} with ${protocol}`);
    const report = await followExam(
      client,
      { protocol, accession: ACCESSION, bedSeconds, operator: 'DEMO^OPERATOR' },
      'continue',
    );
    client.close();
    concludeExam(report, options.json ?? false);
    say(`\nobjects: ${join(data, 'objects')}\nhospital: ${join(data, 'hospital')}`);
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  } finally {
    for (const close of closing) await close();
  }
}

/** A demo that was cut off in this folder has left an examination: it is discontinued before the next one. */
async function endLeftOver(client: ServiceClient): Promise<void> {
  const { examRunning: examId } = await client.call<{ examRunning: string | null }>('status.get');
  if (!examId) return;
  say('an examination was left in this folder: it is discontinued first');
  await client.call('exam.abort', { examId, reason: 'demo starts again' });
  await client.call('exam.wait', { examId });
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('hospital, simulated scanner and one complete PET/CT examination')
    .option('--data <folder>', 'where everything is kept', './petrig-data')
    .option('--protocol <name>', 'protocol of the catalogue, or a JSON file', 'wholebody-fdg')
    .option('--phantom <name>', 'digital patient', 'nema-body')
    .option('--bed-seconds <s>', 'scanner seconds a PET bed', numberOption, 20)
    .option('--seed <n>', 'seed of the simulation', numberOption, 1)
    .option('--speed <n>', 'scanner seconds a second', numberOption, 50)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', '\nExample:\n  petrig demo --data /tmp/demo --seed 7 --json > report.json')
    .action(demo);
}
