import { Command } from 'commander';
import type { ImportReport } from '../network/import.js';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { EXIT, fail, printJson, say } from './output.js';

interface ImportOptions extends ConnectionOptions {
  study: string;
  series?: string;
  instance?: string[];
  patientId?: string;
  json?: boolean;
}

function importFrom(node: string, options: ImportOptions): Promise<void> {
  return withClient(options, fail, async (client) => {
    client.onProgress((event) => {
      if (event.type !== 'import') return;
      const done = event.completed + event.failed + event.warning;
      say(`${event.node}: ${done} of ${done + event.remaining}, ${event.failed} failed`);
    });
    // the server cancels what a client asked for that has gone
    process.once('SIGINT', () => client.close());
    const report = await client.call<ImportReport>('query.import', {
      node,
      studyInstanceUid: options.study,
      seriesInstanceUid: options.series,
      sopInstanceUids: options.instance,
      patientId: options.patientId,
    });
    if (options.json) printJson(report);
    else describe(report);
    if (report.outcome !== 'success' || report.held < report.completed) {
      process.exitCode = report.status && report.outcome !== 'cancel' ? EXIT.peer : EXIT.failed;
    }
  });
}

function describe(report: ImportReport): void {
  const { node, outcome, status, comment, completed, failed, warning, held, arrived } = report;
  const said = `${node}: ${outcome}${status ? ` (${status}${comment ? `: ${comment}` : ''})` : ''}`;
  say(`${said}; ${completed} sent, ${warning} with a warning, ${failed} failed; ${arrived} new here, ${held} in all`);
  if (held < completed) say(`only ${held} of ${completed} are in the archive: others were discarded or lost`);
  for (const uid of report.failedUids) say(`failed: ${uid}`);
}

export function importCommand(): Command {
  return withConnection(new Command('import'))
    .description('let a node send a study, a series or instances to our archive (C-MOVE); needs a running server')
    .argument('<node>', 'name of a configured node with the service retrieve')
    .requiredOption('--study <uid>', 'Study Instance UID')
    .option('--series <uid>', 'Series Instance UID')
    .option('--instance <uid...>', 'SOP Instance UIDs, together with their series')
    .option('--patient-id <id>', 'for nodes that offer the patient root model alone')
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', '\nExample:\n  petrig find PACS --patient-id P1\n  petrig import PACS --study 2.25.1')
    .action(importFrom);
}
