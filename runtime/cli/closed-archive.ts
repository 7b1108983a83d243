import { mkdir } from 'node:fs/promises';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Archive } from '../archive/archive.js';
import { openArchive } from '../archive/open.js';
import type { Config } from '../config.js';
import { RecentLog } from '../log.js';
import { connect } from './connection.js';
import { say } from './output.js';

/** Lines on the way: not more often than this share of all objects. */
const TENTHS = 10;

/** The archive of a data folder that no server has open. */
export async function withArchive<T>(config: Config, act: (archive: Archive) => Promise<T>): Promise<T> {
  await refuseRunning(config.data);
  const log = new RecentLog(config.logLevel);
  await mkdir(config.data, { recursive: true });
  const { url, folder: objects } = config.archive;
  const archive = await openArchive({ root: config.data, objects, url, clock: new ScaledClock().wall, log });
  try {
    return await act(archive);
  } finally {
    await archive.close();
  }
}

/** Two processes with one archive open would each take the other's unfinished work for what a crash left. */
async function refuseRunning(data: string): Promise<void> {
  const client = await connect({ data }).catch(() => undefined);
  client?.close();
  if (client) throw new ScannerError('operator.usage', { message: `a server has ${data} open: stop it first` });
}

/** Tells on stderr how far something is. */
export function progress(what: string): (done: number, total: number) => void {
  let told = 0;
  return (done, total) => {
    const tenth = Math.floor((done / total) * TENTHS);
    if (tenth > told && total > TENTHS) say(`${what}: ${done} of ${total} objects`);
    told = Math.max(told, tenth);
  };
}
