import { Command } from 'commander';
import { ScannerError } from '../../hal/base/errors.js';
import { startSimHardware, startSimHospital } from '../main.js';
import { numberOption } from './exam.js';
import { fail, printJson, say } from './output.js';
import { untilStopped } from './serve.js';

interface HardwareOptions {
  pty?: string;
  tcp?: number;
  host: string;
  phantom: string;
  speed: number;
  seed: number;
  json?: boolean;
}

async function hardware(options: HardwareOptions): Promise<void> {
  try {
    if ((options.pty === undefined) === (options.tcp === undefined)) {
      throw new ScannerError('operator.usage', { message: 'give either --pty DIR or --tcp PORT' });
    }
    const stopped = untilStopped();
    const rig = await startSimHardware(options);
    const where = options.pty ? `serial:${options.pty}` : `tcp:${options.host}:${options.tcp}`;
    if (options.json) printJson({ ready: true, hardware: where });
    say(`simulated devices ready; drive them with: petrig serve --hardware ${where} --speed ${options.speed}`);
    await stopped;
    await rig.close();
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

interface HospitalOptions {
  worklist?: string;
  data: string;
  risPort: number;
  pacsPort: number;
  scanner: string;
  json?: boolean;
}

async function hospital(options: HospitalOptions): Promise<void> {
  try {
    const [aeTitle, host, port] = options.scanner.split(/[@:]/);
    if (!aeTitle || !host || !Number(port)) {
      throw new ScannerError('operator.usage', { message: `--scanner ${options.scanner}: expected AET@HOST:PORT` });
    }
    const stopped = untilStopped();
    const running = await startSimHospital({ ...options, scanner: { aeTitle, host, port: Number(port) } });
    if (options.json) printJson({ ready: true, ports: running.ports });
    say(
      `RIS on port ${running.ports.ris} (worklist, MPPS), PACS on port ${running.ports.pacs} (storage, commitment); objects in ${options.data}`,
    );
    await stopped;
    await running.close();
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

export function simCommand(): Command {
  const sim = new Command('sim').description('simulated surroundings: the devices, the hospital');
  sim
    .command('hardware')
    .description('the simulated devices for an outside controller, behind pseudo-terminals or TCP')
    .option('--pty <dir>', 'a pseudo-terminal a device in this folder; detector data over TCP (bulk.json)')
    .option('--tcp <port>', 'devices on ports from here on', numberOption)
    .option('--host <host>', 'address to listen on with --tcp', '127.0.0.1')
    .option('--phantom <name>', 'patient on the table', 'nema-body')
    .option('--speed <n>', 'scanner seconds a second', numberOption, 1)
    .option('--seed <n>', 'seed of the simulation', numberOption, 1)
    .option('--json', 'one line on stdout when ready')
    .addHelpText('after', '\nExample:\n  petrig sim hardware --pty /tmp/rig\n  petrig serve --hardware serial:/tmp/rig')
    .action(hardware);
  sim
    .command('hospital')
    .description('RIS (worklist, MPPS) and PACS (storage, commitment)')
    .option('--worklist <dir>', 'folder of worklist entries as JSON (default: one built-in entry, accession A1)')
    .option('--data <folder>', 'where the PACS keeps its objects', './petrig-hospital')
    .option('--ris-port <port>', 'port of the RIS', numberOption, 11113)
    .option('--pacs-port <port>', 'port of the PACS', numberOption, 11114)
    .option('--scanner <node>', 'where commitment reports go', 'PETRIG@127.0.0.1:11112')
    .option('--json', 'one line on stdout when ready')
    .action(hospital);
  return sim;
}
