import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from './peers.js';

/** A PostgreSQL of the machine's, started for a test on a socket in a folder of its own; it listens on no network. */
export interface Postgres {
  /** A new, empty database. */
  database(name: string): Promise<string>;
  pid: number;
  /** Ends it as a failing machine does: connections break. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const ROOT = '/usr/lib/postgresql';

/** Every program of it runs as `postgres` when we are root, which it refuses to be run by. */
function asPostgres(program: string, args: readonly string[]): [string, string[]] {
  const newest = existsSync(ROOT) ? readdirSync(ROOT).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  if (!newest) throw new Error('postgres is needed by this test: apt-get install postgresql');
  const path = join(ROOT, newest, 'bin', program);
  return process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, [...args]];
}

export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'petrig-postgres-'));
  if (process.getuid?.() === 0) spawnSync('chown', ['postgres', folder]);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  const [initdb, args] = asPostgres('initdb', [
    '-D',
    data,
    '-U',
    'petrig',
    '--auth=trust',
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  ]);
  const made = spawnSync(initdb, args, { cwd: folder });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const url = (name: string) => `postgres://petrig@localhost/${name}?host=${encodeURIComponent(folder)}`;
  let child: ChildProcess | undefined;
  let gone: Promise<unknown> = Promise.resolve();
  const start = async () => {
    const options = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${folder}`, '-c', 'shared_buffers=64MB'];
    const [program, words] = asPostgres('postgres', ['-D', data, ...options]);
    const server = (child = spawn(program, words, { cwd: folder, stdio: 'ignore' }));
    gone = new Promise((resolve) => server.once('exit', resolve));
    await eventually(() => answers(url('postgres')));
  };
  const kill = async (signal: NodeJS.Signals) => {
    process.kill(postmaster(data), signal);
    await gone;
  };
  await start();
  const emergency = () => {
    if (child?.exitCode === null) spawnSync('kill', ['-9', String(postmaster(data))]);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', emergency);
  return {
    pid: child!.pid!,
    database: async (name) => {
      const client = new pg.Client({ connectionString: url('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return url(name);
    },
    kill: () => kill('SIGQUIT'),
    start,
    stop: async () => {
      await kill('SIGINT');
      process.removeListener('exit', emergency);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<true | undefined> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return true;
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The server's own process: `runuser` stands between it and us. */
function postmaster(data: string): number {
  const { stdout } = spawnSync('head', ['-n', '1', join(data, 'postmaster.pid')]);
  return Number(stdout.toString());
}
