import { Command, InvalidArgumentError, Option } from 'commander';
import type { ServiceClient } from '../service/client.js';
import type { ExamReport, ExamRequest } from '../service/operations.js';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { supplyOption } from './mpps.js';
import { EXIT, fail, printJson, say, summary, table } from './output.js';
import { Progress } from './progress.js';

type RunOptions = ConnectionOptions &
  Omit<ExamRequest, 'steps' | 'supplies' | 'contrast'> & {
    /** True when no agent is named. */
    contrast?: string | true;
    step?: string[];
    supply?: ExamRequest['supplies'];
    json?: boolean;
    whenInterrupted: WhenInterrupted;
  };

export function numberOption(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number');
  return value;
}

export function listOption(text: string, before: string[] = []): string[] {
  return [...before, text];
}

export function spanOption(text: string): { fromZ: number; toZ: number } {
  const [fromZ, toZ] = text.split(':').map(Number);
  if (fromZ === undefined || toZ === undefined || !(toZ > fromZ)) {
    throw new InvalidArgumentError('expected FROM:TO in mm, e.g. -100:100');
  }
  return { fromZ, toZ };
}

/** What the command does when the scanner was made safe and the examination waits for the operator. */
export const WHEN_INTERRUPTED = ['wait', 'abort', 'continue'] as const;
export type WhenInterrupted = (typeof WHEN_INTERRUPTED)[number];

/** Later interruptions than this are not gone on from: something is wrong with the scanner. */
const CONTINUE_LIMIT = 3;
const CONTINUE_PAUSE_MS = 2000;

/** Starts an examination, follows it to its end and returns its report. A SIGINT aborts it cleanly. */
export async function followExam(
  client: ServiceClient,
  request: ExamRequest,
  whenInterrupted: WhenInterrupted = 'wait',
): Promise<ExamReport> {
  const progress = new Progress();
  let continued = 0;
  const abort = (examId: string, reason: string) =>
    client.call('exam.abort', { examId, reason }).catch(() => undefined);
  const decide = (examId: string) => {
    if (whenInterrupted === 'wait') return;
    const goOn = whenInterrupted === 'continue' && continued++ < CONTINUE_LIMIT;
    // a moment for a lost link to come back; what still stands in the way refuses, and the next interruption asks again
    const act = () => (goOn ? client.call('exam.continue', { examId }) : abort(examId, 'interrupted'));
    setTimeout(() => void act().catch((error: Error) => say(error.message)), goOn ? CONTINUE_PAUSE_MS : 0);
  };
  await client.onEvent((event) => {
    progress.show(event);
    if (event.type === 'exam' && event.phase === 'interrupted') decide(event.examId);
  });
  const { examId } = await client.call<{ examId: string }>('exam.start', request);
  const stop = () => void abort(examId, 'operator');
  process.once('SIGINT', stop);
  try {
    return await client.call<ExamReport>('exam.wait', { examId });
  } finally {
    process.off('SIGINT', stop);
    progress.stop();
  }
}

/** Prints a report and sets the exit code that goes with it. */
export function concludeExam(report: ExamReport, json: boolean): void {
  if (json) printJson(report);
  say(`\n${summary(report)}`);
  if (report.outcome !== 'COMPLETED') process.exitCode = EXIT.failed;
  else if (report.deliveries.some((delivery) => delivery.failed > 0 || delivery.error)) process.exitCode = EXIT.peer;
}

function run(options: RunOptions): Promise<void> {
  const {
    data: _data,
    url: _url,
    token: _token,
    json = false,
    whenInterrupted,
    step,
    supply,
    contrast,
    ...more
  } = options;
  const agent = contrast === true ? '' : contrast;
  const request: ExamRequest = { ...more, steps: step, supplies: supply, contrast: agent };
  return withClient(options, fail, async (client) => {
    concludeExam(await followExam(client, request, whenInterrupted), json);
  });
}

function list(options: ConnectionOptions & { json?: boolean }): Promise<void> {
  return withClient(options, fail, async (client) => {
    const reports = await client.call<ExamReport[]>('exam.list');
    if (options.json) return printJson(reports);
    const head = ['examination', 'patient', 'protocol', 'phase'];
    say(
      table(
        head,
        reports.map((r) => [r.examId, r.patientName, r.protocol, r.phase]),
      ),
    );
  });
}

function order(method: 'exam.abort' | 'exam.continue') {
  return (examId: string, options: ConnectionOptions) =>
    withClient(options, fail, async (client) => void (await client.call(method, { examId })));
}

export function examCommand(): Command {
  const exam = new Command('exam').description('run and watch examinations on a running server');
  withConnection(exam.command('run'))
    .description('run one examination to its end')
    .requiredOption('--protocol <name>', 'a protocol of the catalogue, or a JSON file')
    .option('--accession <number>', 'take patient and request from this worklist entry')
    .option(
      '--step <id>',
      'scheduled step among its entries; may be repeated, the first one’s study takes the images (default: all of one day)',
      listOption,
    )
    .option('--patient-id <id>', 'unscheduled patient')
    .option('--patient-name <name>', 'unscheduled patient, e.g. DOE^JANE; --accession is then the request as entered')
    .option('--patient-birth-date <day>', 'unscheduled patient, YYYYMMDD')
    .option('--patient-sex <sex>', 'unscheduled patient: M, F or O')
    .option('--requested-procedure-id <id>', 'of an unscheduled patient')
    .option('--emergency', 'emergency patient, without any data')
    .option('--operator <name>', 'who runs it')
    .option('--performing-physician <name>', 'instead of the scheduled one')
    .option('--supply <item>', 'used and billed: CODE,SCHEME,MEANING[,QUANTITY,UNIT]; may be repeated', supplyOption)
    .option('--contrast [agent]', 'contrast agent was given, and which')
    .option('--body-part <term>', 'Body Part Examined instead of the protocol, e.g. CHEST')
    .option('--image-comment <text>', 'what stands in Image Comments')
    .option('--bed-seconds <s>', 'seconds a PET bed instead of the protocol', numberOption)
    .option('--span <from:to>', 'scanned patient mm around the landmark, e.g. --span=-100:100', spanOption)
    .option('--ma <mA>', 'tube current of CT ranges instead of the protocol', numberOption)
    .option('--phantom <name>', 'simulated patient: a phantom or a JSON file')
    .addOption(
      new Option('--when-interrupted <act>', 'once the scanner is safe and the examination waits')
        .choices(WHEN_INTERRUPTED)
        .default('wait'),
    )
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', '\nExample:\n  petrig exam run --protocol wholebody-fdg --accession A1 --json')
    .action(run);
  withConnection(exam.command('list'))
    .description('all examinations')
    .option('--json', 'one JSON document on stdout')
    .action(list);
  withConnection(exam.command('abort <exam>'))
    .description('stop and discontinue an examination')
    .action(order('exam.abort'));
  withConnection(exam.command('continue <exam>'))
    .description('go on with an interrupted examination')
    .action(order('exam.continue'));
  return exam;
}
