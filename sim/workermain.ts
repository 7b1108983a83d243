/** Entry of the simulator's thread: a bench whose links are message ports. */

import { parentPort, workerData } from 'node:worker_threads';
import { asScannerError } from '../hal/base/errors.js';
import type { Log } from '../hal/base/log.js';
import type { BulkDeviceName } from '../hal/link/endpoints.js';
import { PortLink } from '../hal/link/memory.js';
import { parseAction } from './actions.js';
import { type Bench, createBench } from './bench.js';
import { mirrorClock } from './mirrorclock.js';
import type { FromWorker, LogLevel, SimWorkerData, ToWorker } from './worker.js';

const port = parentPort;
if (!port) throw new Error('the entry of a worker thread');

const post = (message: FromWorker) => port.postMessage(message);

function portLog(base: object): Log {
  const write = (level: LogLevel) => (fields: object, message: string) =>
    // what cannot be cloned must not stop the scanner
    post({ kind: 'log', level, fields: JSON.parse(JSON.stringify({ ...base, ...fields })), message });
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => portLog({ ...base, ...fields }),
  };
}

function fail(id: number | undefined, thrown: unknown): void {
  const { code, context } = asScannerError(thrown).toJSON();
  post({ kind: 'failed', id, code, context: JSON.parse(JSON.stringify(context)) });
}

function serve(bench: Bench, links: Set<PortLink>): void {
  port!.on('message', (message: ToWorker) => {
    if (message.kind === 'act') {
      try {
        post({ kind: 'done', id: message.id, stats: bench.act(parseAction(message.action)) });
      } catch (error) {
        fail(message.id, error);
      }
    } else if (message.kind === 'connect') {
      const link = new PortLink(message.port, `host:${message.device}`);
      links.add(link);
      link.onClose(() => links.delete(link));
      if (message.channel === 'control') bench.connectControl(message.device, link);
      else bench.connectBulk(message.device as BulkDeviceName, link);
    } else {
      bench.close();
      for (const link of links) void link.close();
      port!.close();
    }
  });
  post({ kind: 'ready' });
}

try {
  const { clock, seed, phantom } = workerData as SimWorkerData;
  serve(createBench({ clock: mirrorClock(clock), log: portLog({}), seed, phantom }), new Set());
} catch (error) {
  fail(undefined, error);
}
