import { Command, Option } from 'commander';
import type { PlainDataset } from '../dicom/dataset/plain.js';
import type { QueryModel } from '../network/query-model.js';
import { type Found, type SearchResult, search } from '../network/search.js';
import { type ConnectionOptions, connect, withConnection } from './connection.js';
import { fail, printJson, say, table } from './output.js';
import { nodeAddress, remoteNode } from './remote.js';

/** Option, what it stands for, and the key of the search it fills. */
const KEYS = [
  ['--patient-name <name>', 'e.g. DOE^J; a * is added at the end', 'patientName'],
  ['--patient-id <id>', 'a * is added at the end', 'patientId'],
  ['--birth-date <date>', 'YYYYMMDD', 'birthDate'],
  ['--study-date <dates>', 'YYYYMMDD, or a range: 20260101-20261231, -20261231, 20260101-', 'studyDate'],
  ['--accession <number>', 'accession number', 'accession'],
  ['--study-id <id>', 'study ID', 'studyId'],
  ['--study-description <text>', 'study description', 'studyDescription'],
  ['--study <uid>', 'Study Instance UID', 'studyInstanceUid'],
  ['--modality <modality>', 'modality of the series, e.g. PT', 'modality'],
  ['--series-description <text>', 'series description', 'seriesDescription'],
] as const;

type FindOptions = ConnectionOptions & {
  config?: string;
  level?: 'patient' | 'study' | 'series' | 'image';
  model?: QueryModel[];
  limit: number;
  json?: boolean;
} & Record<string, unknown>;

interface Request {
  keys: Record<string, string>;
  level?: 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE';
  limit: number;
}

async function find(name: string, options: FindOptions): Promise<void> {
  try {
    const keys: Record<string, string> = {};
    for (const [flags, , key] of KEYS) {
      const value = options[optionName(flags)];
      if (typeof value === 'string' && value !== '') keys[key] = value;
    }
    const level = options.level?.toUpperCase() as Request['level'];
    const request = { keys, level, limit: options.limit };
    const direct = options.config !== undefined || nodeAddress(name) !== undefined;
    const result = await (direct ? directly(name, options, request) : throughServer(name, options, request));
    report(result, options.json ?? false);
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

/** On an association of this process. */
async function directly(name: string, options: FindOptions, { keys, level, limit }: Request): Promise<SearchResult> {
  const { scu, configured } = remoteNode(name, options.config);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const models = options.model ?? configured?.query.models ?? ['study'];
  return search({ ...scu, models, inputs: keys, depth: level, limit, cancel: stop.signal });
}

async function throughServer(node: string, options: FindOptions, request: Request): Promise<SearchResult> {
  const client = await connect(options);
  try {
    return await client.call<SearchResult>('query.search', { node, ...request });
  } finally {
    client.close();
  }
}

function report(result: SearchResult, json: boolean): void {
  for (const note of result.notes) say(`note: ${note}`);
  if (result.cut) say('the search was ended before all was found: there may be more');
  if (json) {
    printJson(result);
    return;
  }
  const rows = result.found.flatMap((entry) => lines(entry, 0));
  say(rows.length === 0 ? 'nothing found' : table(['level', 'who or what', 'ID', 'date', 'instances', 'UID'], rows));
}

const COLUMNS: Record<Found['level'], readonly [string, string, string, string, string]> = {
  PATIENT: ['PatientName', 'PatientID', 'PatientBirthDate', 'NumberOfPatientRelatedInstances', ''],
  STUDY: ['StudyDescription', 'AccessionNumber', 'StudyDate', 'NumberOfStudyRelatedInstances', 'StudyInstanceUID'],
  SERIES: ['SeriesDescription', 'Modality', 'SeriesDate', 'NumberOfSeriesRelatedInstances', 'SeriesInstanceUID'],
  IMAGE: ['InstanceNumber', 'SOPClassUID', 'ContentDate', '', 'SOPInstanceUID'],
};

function lines({ level, values, children }: Found, depth: number): string[][] {
  const [what, id, ...rest] = COLUMNS[level];
  const patient =
    level === 'STUDY' && depth === 0 ? `${cell(values, 'PatientName')} (${cell(values, 'PatientID')}) ` : '';
  const row = [
    `${'  '.repeat(depth)}${level.toLowerCase()}`,
    `${patient}${cell(values, what)}`,
    cell(values, id),
    ...rest.map((keyword) => cell(values, keyword)),
  ];
  return [row, ...children.flatMap((child) => lines(child, depth + 1))];
}

function cell(values: PlainDataset, keyword: string): string {
  const value = keyword ? values[keyword] : undefined;
  return value === undefined || value === null ? '' : String(value);
}

function optionName(flags: string): string {
  const [long] = flags.slice(2).split(' ');
  return long!.replace(/-(\w)/g, (_whole, letter: string) => letter.toUpperCase());
}

export function findCommand(): Command {
  const command = withConnection(new Command('find'))
    .description('search the patients, studies and series of a node (C-FIND)')
    .argument('<node>', "a node's name, or AET@HOST:PORT")
    .option('--config <file>', 'configuration that names the node; without it the running server is asked')
    .addOption(
      new Option('--level <level>', 'lowest level to list (default: that of the lowest key, at least study)').choices([
        'patient',
        'study',
        'series',
        'image',
      ]),
    )
    .addOption(
      new Option('--model <models...>', 'information models to use (default: those of the node, else study)').choices([
        'patient',
        'study',
        'patientStudy',
      ]),
    )
    .option('--limit <n>', 'entries at most', Number, 500)
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExamples:\n  petrig find PACS --patient-name DOE --study-date 20260101-\n  petrig find PACS@127.0.0.1:11114 --patient-id P1 --level series --json',
    )
    .action(find);
  for (const [flags, text] of KEYS) command.option(flags, text);
  return command;
}
