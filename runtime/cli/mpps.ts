import { Command, InvalidArgumentError } from 'commander';
import type { SupplyInput } from '../exam/supplies.js';
import type { StepReport } from '../service/operations.js';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { fail, printJson, say, table } from './output.js';

type Options = ConnectionOptions & { json?: boolean };

interface InputOptions {
  description?: string;
  procedureChanged?: boolean;
  supply?: SupplyInput[];
  comment?: string;
  reason?: string;
}

/** CODE,SCHEME,MEANING and, where it is counted, QUANTITY,UNIT; an empty scheme is the site's catalogue. */
export function supplyOption(text: string, before: SupplyInput[] = []): SupplyInput[] {
  const [code = '', scheme = '', meaning = '', quantity, unit] = text.split(',').map((part) => part.trim());
  const amount = quantity === undefined ? undefined : Number(quantity);
  if (!code || !meaning || (amount !== undefined && !(amount > 0 && unit))) {
    throw new InvalidArgumentError('expected CODE,SCHEME,MEANING[,QUANTITY,UNIT], e.g. CM1,,Contrast 300,80,ml');
  }
  return [...before, { code, scheme: scheme || undefined, meaning, quantity: amount, unit }];
}

function show(steps: readonly StepReport[]): void {
  const head = ['examination', 'accession', 'patient', 'steps', 'phase', 'series', ''];
  const row = (step: StepReport) => [
    step.examId,
    step.accession,
    step.patientName,
    step.scheduledSteps.join(' ') || 'unscheduled',
    step.phase,
    step.series,
    step.refusal ? `${step.refusal.request} ${step.refusal.status}: ${step.refusal.meaning}` : (step.waiting ?? ''),
  ];
  say(table(head, steps.map(row)));
}

function list(options: Options): Promise<void> {
  return withClient(options, fail, async (client) => {
    const steps = await client.call<StepReport[]>('mpps.list');
    if (options.json) printJson(steps);
    else show(steps);
  });
}

function order(method: 'mpps.send' | 'mpps.complete' | 'mpps.discontinue') {
  return (examId: string, options: Options & InputOptions) =>
    withClient(options, fail, async (client) => {
      const { description, procedureChanged, supply: supplies, comment, reason } = options;
      const params = { examId, description, procedureChanged, supplies, comment, reason };
      const steps = await client.call<StepReport[]>(method, params);
      if (options.json) printJson(steps);
      else show(steps);
    });
}

function withInput(command: Command): Command {
  return withConnection(command)
    .option('--description <text>', 'what was performed, instead of what was scheduled')
    .option('--procedure-changed', 'what was done is not what was requested: no procedure code is reported')
    .option('--supply <item>', 'used and billed: CODE,SCHEME,MEANING[,QUANTITY,UNIT]; may be repeated', supplyOption)
    .option('--comment <text>', 'comment on the performed step')
    .option('--json', 'one JSON document on stdout');
}

export function mppsCommand(): Command {
  const mpps = new Command('mpps').description('performed procedure steps and how far the RIS is told of them');
  withConnection(mpps.command('list'))
    .description('all steps')
    .option('--json', 'one JSON document on stdout')
    .action(list);
  withInput(mpps.command('send <exam>'))
    .description('tell the RIS now: of an emergency patient, after a refusal, or what is entered here')
    .action(order('mpps.send'));
  withInput(mpps.command('complete <exam>'))
    .description('end the step of an ended examination as COMPLETED')
    .action(order('mpps.complete'));
  withInput(mpps.command('discontinue <exam>'))
    .description('end the step of an ended examination as DISCONTINUED')
    .option('--reason <key>', 'unspecified, equipment, refused, absent, condition, ...: CID 9300')
    .addHelpText('after', '\nExample:\n  petrig mpps discontinue EXAM --reason equipment --comment "tube arc"')
    .action(order('mpps.discontinue'));
  return mpps;
}
