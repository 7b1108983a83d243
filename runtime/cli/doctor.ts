/** `petrig doctor`: what is installed, built and reachable, and what to do about what isn't. */

import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { Command } from 'commander';
import { ScaledClock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { addonPath, loadAddon } from '../../native/addon.js';
import { openPtyPair } from '../../native/pty.js';
import { type Config, loadConfig } from '../config.js';
import { echo } from '../dicom/services/echo-scu.js';
import { titleFor } from '../nodes.js';
import { protocolNames } from '../protocol/definition.js';
import { fail, printJson, say, table } from './output.js';

interface Finding {
  check: string;
  ok: boolean;
  found: string;
  /** What to do when it is not ok. */
  remedy: string;
}

interface Check {
  check: string;
  remedy: string;
  /** Says what it found, or throws. */
  look(): string | Promise<string>;
}

const NODE_MINIMUM = [20, 19] as const;
const FREE_BYTES_MINIMUM = 4 * 1024 ** 3;

function installed(): Check[] {
  return [
    {
      check: 'Node.js',
      remedy: `install Node.js ${NODE_MINIMUM.join('.')} or later`,
      look: () => {
        const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
        if (major < NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor < NODE_MINIMUM[1]))
          throw new Error(process.version);
        return process.version;
      },
    },
    {
      check: 'native addon',
      remedy: 'build it: npm run build:native (needs python3, make and g++)',
      look: () => {
        loadAddon();
        return addonPath();
      },
    },
    {
      check: 'SQLite',
      remedy: 'npm rebuild better-sqlite3',
      look: async () => {
        const { default: Database } = await import('better-sqlite3');
        const db = new Database(':memory:');
        const { version } = db.prepare<[], { version: string }>('select sqlite_version() as version').get()!;
        db.close();
        return version;
      },
    },
    {
      check: 'pseudo-terminals',
      remedy: 'mount /dev/pts, or use --tcp instead of --pty',
      look: () => {
        const pair = openPtyPair();
        pair.close();
        return `${pair.a} <-> ${pair.b}`;
      },
    },
    {
      check: 'protocols',
      remedy: 'reinstall: the catalogue is missing',
      look: () => `${protocolNames().length} in the catalogue`,
    },
  ];
}

function local(config: Config): Check[] {
  const ports: [string, string, number][] = [
    ['DICOM port', config.dicom.host, config.dicom.port],
    ['service port', config.service.host, config.service.port],
  ];
  return [
    {
      check: 'data folder',
      remedy: 'give another one with --data, or free some space',
      look: async () => {
        await mkdir(config.data, { recursive: true });
        await access(config.data, constants.W_OK);
        const { bavail, bsize } = await statfs(config.data);
        const free = bavail * bsize;
        const text = `${config.data}, ${(free / 1024 ** 3).toFixed(1)} GiB free`;
        if (free < FREE_BYTES_MINIMUM)
          throw new Error(`${text}; an examination needs ${FREE_BYTES_MINIMUM / 1024 ** 3} GiB`);
        return text;
      },
    },
    ...ports.map(([check, host, port]) => ({
      check,
      remedy: 'something listens there already (perhaps petrig serve itself): stop it or choose another port',
      look: () => free(host, port),
    })),
  ];
}

function peers(config: Config): Check[] {
  return config.nodes.map((node) => ({
    check: `node ${node.name} (${node.services.join(', ')})`,
    remedy: `start it, or mend host, port or AE title in the configuration; it must know us as ${config.aeTitle}`,
    look: async () => {
      await echo({ node, callingAe: titleFor(config, node.services[0]!), clock: new ScaledClock(), log: silentLog });
      return `${node.host}:${node.port} answers C-ECHO`;
    },
  }));
}

function free(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => server.close(() => resolve(`${host}:${port} is free`)));
  });
}

async function examine({ check, remedy, look }: Check): Promise<Finding> {
  try {
    return { check, ok: true, found: await look(), remedy: '' };
  } catch (thrown) {
    return {
      check,
      ok: false,
      found: asScannerError(thrown).context.message?.toString() ?? String((thrown as Error).message),
      remedy,
    };
  }
}

async function doctor(options: { config?: string; data?: string; json?: boolean }): Promise<void> {
  try {
    const config = loadConfig(options.config, { data: options.data });
    const findings: Finding[] = [];
    for (const check of [...installed(), ...local(config), ...peers(config)]) findings.push(await examine(check));
    if (options.json) printJson({ ok: findings.every((finding) => finding.ok), findings });
    else
      say(
        table(
          ['', 'check', 'found', 'what to do'],
          findings.map((f) => [f.ok ? 'ok' : 'NO', f.check, f.found, f.remedy]),
        ),
      );
    if (findings.some((finding) => !finding.ok)) process.exitCode = 1;
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what is installed, built and reachable, and what to do about what is not')
    .option('--config <file>', 'configuration whose ports and nodes are tried')
    .option('--data <folder>', 'data folder to look at')
    .option('--json', 'one JSON document on stdout')
    .action(doctor);
}
