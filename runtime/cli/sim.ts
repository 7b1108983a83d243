import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { ScannerError } from '../../hal/base/errors.js';
import { type HospitalStatistics, startSimHardware, startSimHospital } from '../main.js';
import { numberOption } from './exam.js';
import { fail, printJson, say, table } from './output.js';
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
  host: string;
  risPort: number;
  pacsPort: number;
  risTitle: string;
  pacsTitle: string;
  scanner: string[];
  script?: string;
  seed: number;
  hideStarted?: boolean;
  hideEnded?: boolean;
  tlsCertificate?: string;
  tlsKey?: string;
  tlsCa?: string[];
  control?: boolean;
  json?: boolean;
}

async function hospital(options: HospitalOptions): Promise<void> {
  const { control = false, json = false, data } = options;
  try {
    const stopped = untilStopped();
    const running = await startSimHospital({
      ...options,
      scanners: options.scanner.map(scannerOf),
      tls: tlsOf(options),
    });
    const { ris, pacs } = running.ports;
    if (json || control) printLine({ ready: true, ports: running.ports });
    say(
      `RIS on port ${ris} (worklist, MPPS), PACS on port ${pacs} (storage, commitment, query, retrieve); objects in ${data}`,
    );
    await (control ? Promise.race([stopped, controlled((line) => running.control(line))]) : stopped);
    const statistics = running.statistics();
    await running.close();
    if (json || control) printLine({ statistics });
    else say(statisticsTable(statistics));
    process.stdin.destroy(); // nothing more is read from it
  } catch (thrown) {
    fail(thrown, json);
  }
}

/** Answers each line of stdin with one on stdout, in their order; resolves at its end. */
async function controlled(answer: (line: string) => Promise<string>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') process.stdout.write(`${await answer(line)}\n`);
  }
}

function tlsOf({ tlsCertificate: certificate, tlsKey: key, tlsCa: ca }: HospitalOptions) {
  if (certificate && key && ca) return { certificate, key, ca };
  if (!certificate && !key && !ca) return undefined;
  throw new ScannerError('operator.usage', { message: 'TLS needs --tls-certificate, --tls-key and --tls-ca' });
}

function scannerOf(text: string): { aeTitle: string; host: string; port: number } {
  const [, aeTitle, host, port] = /^([^@]{1,16})@(.+):(\d{1,5})$/.exec(text) ?? [];
  if (aeTitle && host && port) return { aeTitle, host, port: Number(port) };
  throw new ScannerError('operator.usage', { message: `--scanner ${text}: expected AET@HOST:PORT` });
}

function statisticsTable({ associations, responses, misbehaved }: HospitalStatistics): string {
  const answered = Object.entries(responses).flatMap(([service, statuses]) =>
    Object.entries(statuses).map(([status, count]) => [service, status, count]),
  );
  const { requested, accepted, rejected } = associations;
  return [
    `associations: ${requested} requested, ${accepted} accepted, ${rejected} rejected`,
    ...(answered.length > 0 ? [table(['service', 'status', 'responses'], answered)] : []),
    ...(Object.keys(misbehaved).length > 0 ? [table(['rule', 'applied'], Object.entries(misbehaved))] : []),
  ].join('\n');
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
    .description('RIS (worklist, MPPS) and PACS (storage, commitment, query, retrieve), correct or as a script has it')
    .option('--worklist <dir>', 'folder of worklist entries, *.json and *.wl (default: two built-in ones, A1 and A2)')
    .option('--data <folder>', 'where objects and performed steps are kept', './petrig-hospital')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--ris-port <port>', 'port of the RIS', numberOption, 11113)
    .option('--pacs-port <port>', 'port of the PACS', numberOption, 11114)
    .option('--ris-title <title>', 'AE title of the RIS', 'RIS')
    .option('--pacs-title <title>', 'AE title of the PACS', 'PACS')
    .option('--scanner <nodes...>', 'who gets commitment results and moved objects', ['PETRIG@127.0.0.1:11112'])
    .option('--hide-started', 'steps in progress leave the worklist')
    .option('--hide-ended', 'completed and discontinued steps leave the worklist')
    .option('--script <file>', 'rules of misbehaviour as JSON: docs/hospital.md')
    .option('--seed <n>', 'seed of what is random in the rules', numberOption, 1)
    .option(
      '--control',
      'lines of JSON on stdin change rules and worklist, each answered by one on stdout; ends with stdin',
    )
    .option('--json', 'one line on stdout when ready, and one with statistics at the end')
    .addHelpText(
      'after',
      `
Examples:
  petrig sim hospital --worklist ./entries --scanner PETRIG@127.0.0.1:11112
  petrig sim hospital --script late-answers.json
  echo '{"method":"rule.add","params":{"service":"storage","when":{"nth":3},"do":{"action":"abort"}}}' |
    petrig sim hospital --control`,
    )
    .action(hospital);
  return sim;
}

function printLine(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}
