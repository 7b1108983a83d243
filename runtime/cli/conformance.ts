import { Command } from 'commander';
import { loadConfig } from '../config.js';
import { markdownOf } from '../conformance/document.js';
import { conformanceOf } from '../conformance/statement.js';
import { fail, printJson } from './output.js';

function conformance(options: { config?: string; json?: boolean }): void {
  try {
    const document = conformanceOf(loadConfig(options.config));
    if (options.json) printJson(document);
    else process.stdout.write(markdownOf(document));
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

export function conformanceCommand(): Command {
  return new Command('conformance')
    .description('the network part of the DICOM conformance statement under a configuration, as Markdown')
    .option('--config <file>', 'configuration (default: all defaults)')
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', '\nExample:\n  petrig conformance --config site.json > conformance.md')
    .action(conformance);
}
