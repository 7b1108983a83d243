import { Command, InvalidArgumentError } from 'commander';
import type { ScheduledStep } from '../worklist/store.js';
import type { UpdateResult } from '../worklist/updates.js';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { fail, printJson, say, table } from './output.js';

type Options = ConnectionOptions & { json?: boolean };
type RangeOptions = { from?: string; to?: string; fromTime?: string; toTime?: string };

/** A day as people write it: 2026-11-23 or 20261123. */
function dayOption(text: string): string {
  const day = text.replaceAll('-', '');
  if (!/^\d{8}$/.test(day)) throw new InvalidArgumentError('expected a day, e.g. 2026-11-23');
  return day;
}

function timeOption(text: string): string {
  const time = text.replaceAll(':', '');
  if (!/^\d{2}(\d{2}){0,2}$/.test(time)) throw new InvalidArgumentError('expected a time, e.g. 08:30');
  return time;
}

function showEntries(entries: readonly ScheduledStep[]): void {
  const head = ['accession', 'patient', 'patient ID', 'modality', 'station', 'start', 'step', 'ID', 'progress'];
  const row = (entry: ScheduledStep) => [
    entry.accessionNumber,
    entry.patientName,
    entry.patientId,
    entry.modality,
    entry.stationAeTitle,
    `${entry.startDate} ${entry.startTime}`.trim(),
    entry.stepDescription,
    entry.stepId,
    entry.progress,
  ];
  say(table(head, entries.map(row)));
}

function ask(method: 'worklist.update' | 'worklist.query', params: object, options: Options): Promise<void> {
  return withClient(options, fail, async (client) => {
    const result = await client.call<UpdateResult>(method, params);
    if (options.json) printJson(result);
    else showEntries(result.entries);
    const { entries, added, changed, removed, notes, unsupportedKeys } = result;
    say(`${entries.length} entries: ${added} new, ${changed} changed; ${removed} removed`);
    for (const note of notes) say(`note: ${note}`);
    if (unsupportedKeys) say('the node does not support some of the optional keys');
  });
}

function update({ from, to, fromTime, toTime, ...options }: Options & RangeOptions): Promise<void> {
  return ask('worklist.update', { fromDate: from, toDate: to, fromTime, toTime }, options);
}

interface KeyOptions {
  patientName?: string;
  patientId?: string;
  accession?: string;
  requestedProcedure?: string;
  referring?: string;
  performing?: string;
  location?: string;
}

function query(options: Options & KeyOptions & RangeOptions): Promise<void> {
  const { patientName, patientId, accession, requestedProcedure, referring, performing, location, from, to } = options;
  const keys = {
    patientName,
    patientId,
    accessionNumber: accession,
    requestedProcedureId: requestedProcedure,
    referringPhysician: referring,
    performingPhysician: performing,
    currentLocation: location,
    range: from || to ? { fromDate: from, toDate: to } : undefined,
  };
  return ask('worklist.query', keys, options);
}

function list(options: Options): Promise<void> {
  return withClient(options, fail, async (client) => {
    const entries = await client.call<ScheduledStep[]>('worklist.list');
    if (options.json) printJson(entries);
    else showEntries(entries);
  });
}

export function worklistCommand(): Command {
  const worklist = new Command('worklist').description('scheduled examinations');
  withConnection(worklist.command('update'))
    .description('broad query: everything scheduled for this scanner, today or in the given range')
    .option('--from <day>', 'first day, e.g. 2026-11-23', dayOption)
    .option('--to <day>', 'last day', dayOption)
    .option('--from-time <time>', 'earliest start of each day, e.g. 08:00', timeOption)
    .option('--to-time <time>', 'latest start of each day', timeOption)
    .option('--json', 'one JSON document on stdout')
    .action(update);
  withConnection(worklist.command('query'))
    .description('patient based query; * and ? stand for any characters and any one')
    .option('--patient-name <name>', 'e.g. DOE^J*')
    .option('--patient-id <id>', 'patient ID')
    .option('--accession <number>', 'accession number')
    .option('--requested-procedure <id>', 'requested procedure ID')
    .option('--referring <name>', 'referring physician')
    .option('--performing <name>', 'scheduled performing physician')
    .option('--location <place>', 'current patient location')
    .option('--from <day>', 'first scheduled day, e.g. 2026-11-23', dayOption)
    .option('--to <day>', 'last scheduled day', dayOption)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', "\nExample:\n  petrig worklist query --patient-name 'DOE^J*' --from 2026-11-23")
    .action(query);
  withConnection(worklist.command('list'))
    .description('entries at hand, without asking the node')
    .option('--json', 'one JSON document on stdout')
    .action(list);
  return worklist;
}
