import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeObject } from '../helpers/dicom.js';
import type { Benchmark } from './benchmark.js';

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

/** One pair in a private network: ours, then `storescu`, to the same `storescp`. */
async function pair(maxPdu: number): Promise<{ value: number; peer: number }> {
  const script = fileURLToPath(new URL('./cstore-pair.ts', import.meta.url));
  const flags = process.getuid?.() === 0 ? '-n' : '-rn';
  const inside = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, '--import', 'tsx', script];
  const { stdout } = await promisify(execFile)('unshare', [flags, ...inside, await images(), String(maxPdu)], {
    env: { ...process.env, TCP_NODELAY: '1' },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as { value: number; peer: number };
}

/** C-STORE of 500 CT images to DCMTK's storescp with 28 KiB PDUs, beside DCMTK's storescu (TCP_NODELAY=1). */
export const benchmarks: Benchmark[] = [
  { name: 'cstore-scu-28k', unit: 'MB/s', peer: 'storescu', run: () => pair(28 * 1024) },
];
