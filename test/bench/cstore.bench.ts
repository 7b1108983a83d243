import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeObject } from '../helpers/dicom.js';
import type { Benchmark, Measurement } from './benchmark.js';

const FILES = 500;
const PIXEL_BYTES = 512 * 512 * 2;
let folder: string | undefined;

/** 500 CT images of 0.5 MB, made once. */
async function images(): Promise<string> {
  if (folder) return folder;
  const made = mkdtempSync(join(tmpdir(), 'petrig-bench-'));
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  for (let i = 0; i < FILES; i++) await makeObject(made, { bytes: PIXEL_BYTES, fill: i & 0xff });
  execFileSync('sync'); // the writing of them is not measured
  folder = made;
  return made;
}

/** Runs a script of this folder in a private network of its own and takes the JSON line that it ends with. */
async function alone(script: string, ...args: string[]): Promise<Measurement> {
  const path = fileURLToPath(new URL(`./${script}`, import.meta.url));
  const flags = process.getuid?.() === 0 ? '-n' : '-rn';
  const inside = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, '--import', 'tsx', path];
  const { stdout } = await promisify(execFile)('unshare', [flags, ...inside, await images(), ...args], {
    env: { ...process.env, TCP_NODELAY: '1' },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measurement;
}

/** C-STORE of 500 CT images with DCMTK's programs (TCP_NODELAY=1) at the other end, and beside them; a 2 GB object in little memory. */
export const benchmarks: Benchmark[] = [
  { name: 'cstore-scu-28k', unit: 'MB/s', peer: 'storescu', run: () => alone('cstore-pair.ts', String(28 * 1024)) },
  { name: 'cstore-scu-128k', unit: 'MB/s', peer: 'storescu', run: () => alone('cstore-pair.ts', String(128 * 1024)) },
  { name: 'cstore-scp', unit: 'MB/s', peer: 'storescp, not durable', run: () => alone('cstore-scp.ts', '1') },
  {
    name: 'cstore-scp-long',
    unit: 'MB/s',
    peer: 'storescp, not durable',
    run: () => alone('cstore-scp.ts', '1', 'long'),
  },
  { name: 'cstore-scp-parallel-10', unit: 'MB/s', peer: 'one sender', run: () => alone('cstore-scp.ts', '10') },
  { name: 'cstore-2gb-memory', unit: 'MB', runs: 1, run: () => alone('cstore-big.ts') },
];
