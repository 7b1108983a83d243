import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { type Config, loadConfig } from '../config.js';
import { startController } from '../main.js';
import { limitsOf, qcPage, rounded, verdict } from '../qc/page.js';
import { PROCEDURES, type Procedure, type Scanned } from '../qc/procedures.js';
import { keeps, type QcReport } from '../qc/report.js';
import { storedVolumes } from '../recon/stored-volume.js';
import type { ServiceClient } from '../service/client.js';
import type { ExamReport } from '../service/operations.js';
import type { SeriesTruth } from '../service/recon-methods.js';
import { version } from '../version.js';
import { connect } from './connection.js';
import { followExam, numberOption } from './exam.js';
import { EXIT, fail, printJson, say, table } from './output.js';

interface QcOptions {
  data?: string;
  config?: string;
  speed: number;
  bedSeconds?: number;
  json?: boolean;
}

/** Over the socket of a server that has the data folder, else of a controller of our own for as long as it takes. */
async function withScanner<T>(config: Config, act: (client: ServiceClient) => Promise<T>): Promise<T> {
  const found = await connect({ data: config.data }).catch(() => undefined);
  const own = found ? undefined : await startController(config);
  try {
    const client = found ?? (await connect({ data: config.data }));
    try {
      return await act(client);
    } finally {
      client.close();
    }
  } finally {
    await own?.close();
  }
}

async function run(procedure: Procedure, options: QcOptions): Promise<void> {
  const json = options.json ?? false;
  try {
    const config = loadConfig(options.config, {
      ...(options.data === undefined ? {} : { data: options.data }),
      // of a controller that nobody else needs
      ...{ logLevel: 'warn', speed: options.speed, dicom: { port: 0 }, service: { port: 0 } },
    });
    await mkdir(config.data, { recursive: true });
    const { report, files } = await withScanner(config, (client) => carryOut(procedure, options, config, client));
    if (json) printJson(report);
    else show(report);
    for (const file of files) say(`report: ${file}`);
    if (!report.passed) process.exitCode = EXIT.failed;
  } catch (thrown) {
    fail(thrown, json);
  }
}

async function carryOut(procedure: Procedure, options: QcOptions, config: Config, client: ServiceClient) {
  const startedAt = new Date();
  const { protocol, phantom, title, name } = procedure;
  say(`${title}: phantom ${phantom}, protocol ${protocol}`);
  const exam = await followExam(
    client,
    {
      ...{ protocol, patientId: 'QC', patientName: 'QUALITY^CONTROL', operator: 'QC', bedSeconds: options.bedSeconds },
      // outside hardware has the phantom that a person put on its table
      ...(config.hardware === 'sim' ? { phantom } : {}),
    },
    'continue',
  );
  const measured = await procedure.measure(await scanned(procedure, exam, config, client));
  const report: QcReport = {
    ...{ procedure: name, title, startedAt: startedAt.toISOString() },
    ...{ aeTitle: config.aeTitle, stationName: config.stationName, version },
    ...{ examId: exam.examId, studyInstanceUid: exam.studyInstanceUid },
    ...measured,
    passed: exam.outcome === 'COMPLETED' && measured.checks.every(keeps),
  };
  return { report, files: await keep(report, config, startedAt) };
}

async function scanned(
  procedure: Procedure,
  report: ExamReport,
  config: Config,
  client: ServiceClient,
): Promise<Scanned> {
  const { examId, studyInstanceUid } = report;
  const volumes: [string, Awaited<ReturnType<typeof storedVolumes>>[number]][] = [];
  for (const { description, seriesInstanceUid } of report.series) {
    if (!procedure.series.includes(description)) continue;
    const folder = join(config.archive.folder ?? config.data, 'objects', studyInstanceUid, seriesInstanceUid);
    const files = (await readdir(folder)).filter((name) => name.endsWith('.dcm')).map((name) => join(folder, name));
    const [first] = await storedVolumes(files);
    if (first) volumes.push([description, first]);
  }
  return {
    report,
    volumes: new Map(volumes),
    truth: (rangeId, series) =>
      client.call<SeriesTruth[]>('recon.truth', { examId, rangeId, series: [series], phantom: procedure.phantom }),
  };
}

/** @returns the files, JSON and HTML */
async function keep(report: QcReport, config: Config, startedAt: Date): Promise<string[]> {
  const folder = join(config.data, 'qc');
  await mkdir(folder, { recursive: true });
  const stamp = startedAt.toISOString().replaceAll(/[-:]/g, '').slice(0, 15);
  const written: [string, string][] = [
    [`${report.procedure}-${stamp}.json`, `${JSON.stringify(report, undefined, 2)}\n`],
    [`${report.procedure}-${stamp}.html`, qcPage(report)],
  ];
  for (const [name, content] of written) await writeFile(join(folder, name), content);
  return written.map(([name]) => join(folder, name));
}

function show({ title, passed, checks }: QcReport): void {
  const rows = checks.map((check) => {
    const limits = limitsOf(check);
    return [check.name, rounded(check.value), check.unit, limits, limits === '' ? '' : verdict(keeps(check))];
  });
  say(`\n${table(['figure', 'value', 'unit', 'limits', ''], rows)}\n\n${title}: ${verdict(passed)}`);
}

export function qcCommand(): Command {
  const qc = new Command('qc').description('quality control: phantoms scanned, their images measured, reports kept');
  for (const procedure of PROCEDURES) {
    qc.command(procedure.name)
      .description(`${procedure.title}: phantom ${procedure.phantom}, protocol ${procedure.protocol}`)
      .option('--data <folder>', 'data folder (default: that of the configuration); reports go into its folder qc')
      .option('--config <file>', 'configuration as JSON')
      .option('--speed <n>', 'scanner seconds a second, where no server runs', numberOption, 50)
      .option('--bed-seconds <s>', 'scanner seconds a PET bed instead of the protocol', numberOption)
      .option('--json', 'one JSON document on stdout')
      .addHelpText('after', `\nExample:\n  petrig qc ${procedure.name} --json`)
      .action((options: QcOptions) => run(procedure, options));
  }
  return qc;
}
