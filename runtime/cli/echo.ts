import { Command } from 'commander';
import { isUsable, type ServiceVerification, verifyNode } from '../network/verify.js';
import { titleFor } from '../nodes.js';
import { type ConnectionOptions, connect, withConnection } from './connection.js';
import { EXIT, fail, printJson, say, table } from './output.js';
import { nodeAddress, remoteNode } from './remote.js';

interface EchoOptions extends ConnectionOptions {
  config?: string;
  json?: boolean;
}

async function echo(name: string, options: EchoOptions): Promise<void> {
  try {
    const direct = options.config !== undefined || nodeAddress(name) !== undefined;
    const services = await (direct ? directly(name, options) : throughServer(name, options));
    report(name, services, options.json ?? false);
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

function directly(name: string, { config: file }: EchoOptions): Promise<ServiceVerification[]> {
  const { config, configured, scu } = remoteNode(name, file);
  return verifyNode({ ...scu, services: configured?.services ?? [], titleFor: (service) => titleFor(config, service) });
}

async function throughServer(name: string, options: EchoOptions): Promise<ServiceVerification[]> {
  const client = await connect(options);
  try {
    return await client.call<ServiceVerification[]>('nodes.verify', { name });
  } finally {
    client.close();
  }
}

export function report(node: string, services: readonly ServiceVerification[], json: boolean): void {
  const ok = services.every(isUsable);
  if (json) printJson({ node, ok, services });
  else {
    const rows = services.map(({ service, echoMs, contexts, proposed, error }) => [
      service,
      error
        ? error.message
        : echoMs === undefined
          ? 'associated; C-ECHO is not offered'
          : `C-ECHO ${echoMs.toFixed(1)} ms`,
      proposed === 0 ? '' : `${contexts} of ${proposed}`,
    ]);
    say(table(['service', node, 'contexts accepted'], rows));
  }
  if (!ok) process.exitCode = EXIT.peer;
}

export function echoCommand(): Command {
  return withConnection(new Command('echo'))
    .description('C-ECHO to a node, with the AE title and presentation contexts of each of its services')
    .argument('<node>', "a node's name, or AET@HOST:PORT")
    .option('--config <file>', 'configuration that names the node; without it the running server is asked')
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExamples:\n  petrig echo PACS@127.0.0.1:11114\n  petrig echo PACS --config site.json --json\n\nExit code 4 when the node refuses one of the services.',
    )
    .action(echo);
}
