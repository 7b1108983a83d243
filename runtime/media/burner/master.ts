/**
 * Makes the sectors of a session: xorriso for ISO 9660 level 1 (PS3.12 Annex F), genisoimage for a DVD with UDF beside it.
 * The command lines are the same whatever the drive is.
 */

import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BurnSession } from '../../../hal/contract/burner.js';
import { SECTOR } from '../disc/sectors.js';
import { startProgram } from './program.js';

export interface MasterOrder {
  session: BurnSession;
  /** Where the disc is, as xorriso names it, and its newest session, whose tree the new one goes on with. */
  base?: { address: string; startSector: number };
  startSector: number;
  /** Where the list of files goes while it is needed. */
  folder: string;
  signal?: AbortSignal;
}

/**
 * UDF only where the disc is finalised with its first session: genisoimage cannot go on with a UDF session, and one whose UDF
 * tree shows less than its ISO 9660 tree would hide images.
 */
export function formatOf(session: BurnSession, startSector: number): 'iso9660' | 'udf' {
  return session.medium === 'dvd' && session.close && startSector === 0 ? 'udf' : 'iso9660';
}

/** @throws ScannerError device.fault when the program fails; then the session must not be closed */
export async function* masterSession(order: MasterOrder): AsyncGenerator<Uint8Array> {
  const { session, startSector, folder, signal } = order;
  const list = join(folder, 'path-list');
  await writeFile(list, session.files.map(({ discPath, path }) => `${discPath}=${quoted(path)}\n`).join(''));
  const udf = formatOf(session, startSector) === 'udf';
  const [program, args] = udf ? genisoimage() : xorriso(order);
  const running = startProgram(
    program,
    [...args, '-V', session.volumeId, '-graft-points', '-path-list', list],
    'caller',
    signal,
  );
  try {
    const { stdout } = running.child;
    if (stdout) yield* stdout;
    await running.ended;
  } finally {
    if (running.child.exitCode === null && running.child.signalCode === null) {
      running.child.kill('SIGKILL');
      await once(running.child, 'close');
    }
    await rm(list, { force: true });
  }
}

function xorriso({ base, startSector }: MasterOrder): [string, string[]] {
  const onto = base ? ['-M', base.address, '-C', `${base.startSector},${startSector}`] : [];
  const from = !base && startSector > 0 ? ['-C', `0,${startSector}`] : [];
  return ['xorriso', ['-as', 'mkisofs', '-quiet', '-iso-level', '1', '--norock', ...onto, ...from]];
}

function genisoimage(): [string, string[]] {
  return ['genisoimage', ['-quiet', '-input-charset', 'ascii', '-iso-level', '1', '-udf']];
}

/** Both programs take `\` before what means something in a path list. */
function quoted(path: string): string {
  return path.replace(/[\\=]/g, '\\$&');
}

/** What a folder's records, descriptors, path tables and padding take at most. */
const FIXED_SECTORS = 16 + 16 + 150 + 64;
const RECORD_BYTES = 64;

/** Sectors that the session will have, rather too many. */
export function sectorsOf({ files }: Pick<BurnSession, 'files'>): number {
  const folders = new Map<string, number>();
  for (const { discPath } of files) {
    const names = discPath.split('/');
    for (let depth = names.length; depth > 0; depth--) {
      const folder = names.slice(0, depth - 1).join('/');
      folders.set(folder, (folders.get(folder) ?? 0) + 1);
    }
  }
  const data = files.reduce((sum, { size }) => sum + Math.ceil(size / SECTOR), 0);
  const records = [...folders.values()].reduce((sum, count) => sum + 2 + Math.ceil((count * RECORD_BYTES) / SECTOR), 0);
  return data + records + FIXED_SECTORS;
}
