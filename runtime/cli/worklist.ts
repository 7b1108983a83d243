import { Command } from 'commander';
import type { WorklistItem } from '../worklist/item.js';
import { type ConnectionOptions, withClient, withConnection } from './connection.js';
import { fail, printJson, say, table } from './output.js';

function show(method: 'worklist.update' | 'worklist.list') {
  return (options: ConnectionOptions & { json?: boolean }) =>
    withClient(options, fail, async (client) => {
      const items = await client.call<WorklistItem[]>(method);
      if (options.json) return printJson(items);
      const head = ['accession', 'patient', 'patient ID', 'modality', 'start', 'step'];
      const row = (i: WorklistItem) => [
        i.accessionNumber,
        i.patientName,
        i.patientId,
        i.modality,
        `${i.startDate} ${i.startTime}`,
        i.stepDescription,
      ];
      say(table(head, items.map(row)));
    });
}

export function worklistCommand(): Command {
  const worklist = new Command('worklist').description('scheduled examinations');
  withConnection(worklist.command('update'))
    .description('query the worklist node and show its entries')
    .option('--json', 'one JSON document on stdout')
    .action(show('worklist.update'));
  withConnection(worklist.command('list'))
    .description('entries at hand, without asking the node')
    .option('--json', 'one JSON document on stdout')
    .action(show('worklist.list'));
  return worklist;
}
