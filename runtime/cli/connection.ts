/** How a client command finds the server: `--url` and a token, or what `serve` left in its data folder. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ScannerError } from '../../hal/base/errors.js';
import { SERVICE_FILE, ServiceClient } from '../service/client.js';

export interface ConnectionOptions {
  data: string;
  url?: string;
  token?: string;
}

export function withConnection(command: Command): Command {
  return command
    .option('--data <folder>', 'data folder of the server', './petrig-data')
    .option('--url <url>', 'service socket, e.g. ws://127.0.0.1:8484/rpc (default: from the data folder)')
    .option('--token <token>', 'token of the service socket (default: PETRIG_TOKEN or from the data folder)');
}

/** @throws ScannerError operator.usage when no server is known, peer.connect when it does not answer */
export async function connect(options: ConnectionOptions): Promise<ServiceClient> {
  let found: { url?: string; token?: string } = {};
  try {
    found = JSON.parse(readFileSync(join(options.data, SERVICE_FILE), 'utf8'));
  } catch {
    // no server has run there: --url and --token must say it
  }
  const url = options.url ?? found.url;
  const token = options.token ?? process.env.PETRIG_TOKEN ?? found.token;
  if (!url || !token) {
    const message = `no server known: start one with "petrig serve --data ${options.data}", or give --url and --token`;
    throw new ScannerError('operator.usage', { message });
  }
  return ServiceClient.connect(url, token);
}

/** Runs `act` against the server and reports its failure. */
export async function withClient(
  options: ConnectionOptions & { json?: boolean },
  fail: (thrown: unknown, json: boolean) => void,
  act: (client: ServiceClient) => Promise<void>,
): Promise<void> {
  try {
    const client = await connect(options);
    try {
      await act(client);
    } finally {
      client.close();
    }
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}
