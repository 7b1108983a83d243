import { Command } from 'commander';
import type { FlaggedStudy, StudyDetail } from '../service/send-methods.js';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { numberOption } from './exam.js';
import { fail, printJson, say, table } from './output.js';

interface StudiesOptions extends ConnectionOptions {
  patientId?: string;
  study?: string;
  limit?: number;
  json?: boolean;
}

function studies({ patientId, study, limit, ...options }: StudiesOptions): Promise<void> {
  return withClient(options, fail, async (client) => {
    if (study !== undefined) {
      const detail = await client.call<StudyDetail>('studies.get', { studyInstanceUid: study });
      if (options.json) return printJson(detail);
      showStudies([detail]);
      return showSeries(detail);
    }
    const found = await client.call<FlaggedStudy[]>('studies.list', { patientId, limit });
    if (options.json) printJson(found);
    else showStudies(found);
  });
}

function showStudies(found: readonly FlaggedStudy[]): void {
  const head = ['patient', 'patient ID', 'date', 'accession', 'description', 'series', 'instances', 'flags', 'study'];
  const row = (one: FlaggedStudy) => [
    ...[one.patientName, one.patientId, one.studyDate, one.accessionNumber, one.description],
    ...[one.seriesCount, one.instanceCount, one.flags, one.studyInstanceUid],
  ];
  say(table(head, found.map(row)));
}

function showSeries({ series }: StudyDetail): void {
  const head = ['number', 'modality', 'image', 'description', 'instances', 'flags', 'series'];
  const row = (one: StudyDetail['series'][number]) => [
    ...[one.seriesNumber, one.modality, one.imageType ?? '', one.description],
    ...[one.instanceCount, one.flags, one.seriesInstanceUid],
  ];
  say(`\n${table(head, series.map(row))}`);
}

export function studiesCommand(): Command {
  return withConnection(new Command('studies'))
    .description(
      'studies of the archive, newest first, with their flags: A archived, S sent; C committed, f failed, ? asked',
    )
    .option('--patient-id <id>', 'of one patient')
    .option('--study <uid>', 'one study with its series')
    .option('--limit <n>', 'how many (default 100)', numberOption)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', '\nExample:\n  petrig studies --patient-id P1')
    .action(studies);
}
