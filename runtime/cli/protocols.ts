import { Command } from 'commander';
import { loadProtocol, protocolNames } from '../protocol/definition.js';
import { LANDMARK_MM } from '../protocol/geometry.js';
import { planScan } from '../protocol/planner.js';
import { fail, printJson, say, table } from './output.js';

export function protocolsCommand(): Command {
  return new Command('protocols')
    .description('scan protocols of the catalogue; with a name, its plan with every range')
    .argument('[name]', 'a protocol of the catalogue, or a JSON file')
    .option('--json', 'one JSON document on stdout')
    .action((name: string | undefined, options: { json?: boolean }) => {
      try {
        if (name) return printJson(planScan(loadProtocol(name), { landmarkMm: LANDMARK_MM }));
        const protocols = protocolNames().map(loadProtocol);
        if (options.json) return printJson(protocols);
        const row = (p: (typeof protocols)[number]) => [p.name, p.title, p.ranges.map((r) => r.label).join(', ')];
        say(table(['protocol', 'title', 'ranges'], protocols.map(row)));
      } catch (thrown) {
        fail(thrown, options.json ?? false);
      }
    });
}
