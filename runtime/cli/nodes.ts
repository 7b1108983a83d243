import { Command, Option } from 'commander';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { loadConfig } from '../config.js';
import { ConfigFile } from '../config-file.js';
import { NODE_SERVICES } from '../config-nodes.js';
import { Configuration } from '../control/configuring.js';
import type { ServiceVerification } from '../network/verify.js';
import type { RemoteNode } from '../nodes.js';
import type { NodeChange } from '../service/config-methods.js';
import { type ConnectionOptions, connect, withConnection } from './connection.js';
import { report } from './echo.js';
import { fail, printJson, say, table } from './output.js';
import { nodeAddress } from './remote.js';

interface NodeOptions extends ConnectionOptions {
  config?: string;
  json?: boolean;
  services?: string[];
  set?: string[];
}

/** The same questions to a configuration file, or to the running server. */
interface Nodes {
  list(): Promise<RemoteNode[]>;
  add(node: Record<string, unknown>): Promise<NodeChange>;
  change(name: string, changes: Record<string, unknown>): Promise<NodeChange>;
  remove(name: string): Promise<NodeChange>;
  verify(name: string): Promise<ServiceVerification[]>;
  close(): void;
}

async function nodesOf(options: NodeOptions): Promise<Nodes> {
  if (options.config === undefined) {
    const client = await connect(options);
    return {
      list: () => client.call('nodes.list'),
      add: (node) => client.call('nodes.add', { node }),
      change: (name, changes) => client.call('nodes.change', { name, changes }),
      remove: (name) => client.call('nodes.remove', { name }),
      verify: (name) => client.call('nodes.verify', { name }),
      close: () => client.close(),
    };
  }
  const [config, file] = [loadConfig(options.config), new ConfigFile(options.config)];
  const here = new Configuration({ config, file, clock: new ScaledClock(), log: silentLog });
  return {
    list: async () => here.nodes(),
    add: (node) => here.addNode(node),
    change: (name, changes) => here.changeNode(name, changes),
    remove: (name) => here.removeNode(name),
    verify: (name) => here.verify(name),
    close: () => {},
  };
}

async function using(options: NodeOptions, act: (nodes: Nodes) => Promise<void>): Promise<void> {
  try {
    const nodes = await nodesOf(options);
    try {
      await act(nodes);
    } finally {
      nodes.close();
    }
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

function showAll(nodes: readonly RemoteNode[], json: boolean): void {
  if (json) return void printJson(nodes);
  const rows = nodes.map(({ name, aeTitle, host, port, services, tls, import: policy }) => [
    name,
    aeTitle,
    `${host}:${port}`,
    services.join(', '),
    tls ? 'TLS' : '',
    policy,
  ]);
  say(rows.length === 0 ? 'no nodes' : table(['name', 'AE title', 'address', 'services', 'security', 'import'], rows));
}

function told(change: NodeChange, json: boolean, running: boolean): void {
  if (json) return void printJson(change);
  say(
    running ? `saved; at once: ${change.live.join(', ')}; after a restart: ${change.afterRestart.join(', ')}` : 'saved',
  );
}

/** `key=value` with a JSON value, or text; dots descend: `send.automatic=false`. @throws ScannerError operator.usage */
export function settingsOf(pairs: readonly string[]): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const keys = pair.slice(0, at).split('.');
    const last = keys.pop();
    if (at < 1 || !last || keys.includes('')) {
      throw new ScannerError('operator.usage', { message: `${pair}: expected KEY=VALUE, e.g. send.automatic=false` });
    }
    let inner = settings;
    for (const key of keys) inner = (inner[key] ??= {}) as Record<string, unknown>;
    inner[last] = jsonOrText(pair.slice(at + 1));
  }
  return settings;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function nodesCommand(): Command {
  const nodes = new Command('nodes').description('remote nodes: listed, added, changed, removed, verified');
  const sub = (name: string, description: string) =>
    withConnection(nodes.command(name))
      .description(description)
      .option('--config <file>', 'configuration file; without it the running server')
      .option('--json', 'one JSON document on stdout');
  sub('list', 'the configured nodes').action((options: NodeOptions) =>
    using(options, async (all) => showAll(await all.list(), options.json ?? false)),
  );
  sub('add', 'add a node and save it')
    .argument('<name>')
    .argument('<address>', 'AET@HOST:PORT')
    .addOption(new Option('--services <services...>', 'what it offers').choices(NODE_SERVICES).makeOptionMandatory())
    .option('--set <settings...>', 'more settings, e.g. import=preserve send.automatic=false')
    .addHelpText(
      'after',
      '\nExample:\n  petrig nodes add MainPACS PACS@10.0.0.5:104 --services storage commitment query retrieve',
    )
    .action((name: string, address: string, options: NodeOptions) =>
      using(options, async (all) => {
        const at = nodeAddress(address);
        if (!at) throw new ScannerError('operator.usage', { message: `${address}: expected AET@HOST:PORT` });
        const node = { name, ...at, services: options.services, ...settingsOf(options.set ?? []) };
        told(await all.add(node), options.json ?? false, options.config === undefined);
      }),
    );
  sub('change', 'change settings of a node and save them')
    .argument('<name>')
    .argument('<settings...>', 'KEY=VALUE; null takes a setting back to its default')
    .addHelpText('after', '\nExample:\n  petrig nodes change MainPACS port=11112 compressionTypes=2')
    .action((name: string, settings: string[], options: NodeOptions) =>
      using(options, async (all) =>
        told(await all.change(name, settingsOf(settings)), options.json ?? false, options.config === undefined),
      ),
    );
  sub('remove', 'remove a node')
    .argument('<name>')
    .action((name: string, options: NodeOptions) =>
      using(options, async (all) => told(await all.remove(name), options.json ?? false, options.config === undefined)),
    );
  sub('verify', 'C-ECHO to a saved node for each of its services')
    .argument('<name>')
    .action((name: string, options: NodeOptions) =>
      using(options, async (all) => report(name, await all.verify(name), options.json ?? false)),
    );
  return nodes;
}
