/** The simulated scanner on real links, for a controller in another process. */

import { createServer, type Server } from 'node:net';
import { asScannerError } from '../hal/base/errors.js';
import { BULK_DEVICES, type BulkPorts, bulkPort, controlPort } from '../hal/link/endpoints.js';
import type { Link } from '../hal/link/link.js';
import { openSerial } from '../hal/link/serial.js';
import { listenTcp } from '../hal/link/tcp.js';
import { WIRE_DEVICES } from '../hal/wire/dictionary.js';
import { openPtyPair } from '../native/pty.js';
import { serveActionLines } from './actionlines.js';
import type { SimAction } from './actions.js';
import { type Bench, type BenchOptions, type BenchStats, createBench } from './bench.js';
import { RigFolder } from './rigfolder.js';

export type HardwareAddress = { pty: string } | { tcp: number; host?: string };

export interface Hardware {
  readonly bench: Bench;
  /** As `--hardware` takes it: `serial:DIR` or `tcp:HOST:PORT`. */
  readonly endpoint: string;
  act(action: SimAction): BenchStats;
  close(): Promise<void>;
}

/** Port of the action lines, from the base port. */
export const ACTION_PORT_OFFSET = 15;

const LOCALHOST = '127.0.0.1';

/**
 * Puts the devices on pseudo-terminals (`DIR/<device>`, bulk ports in `DIR/bulk.json`, action lines on the socket
 * `DIR/control`) or on TCP ports. Hosts may go and come: the links stay.
 * @throws ScannerError link.open, config.port, config.invalid, operator.unknown
 */
export async function startHardware(address: HardwareAddress, options: BenchOptions): Promise<Hardware> {
  const closers: (() => Promise<void> | void)[] = [];
  const bench = createBench(options);
  closers.push(() => bench.close());
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const endpoint =
      'pty' in address
        ? await onPtys(address.pty, bench, closers)
        : await onTcp(address.host ?? LOCALHOST, address.tcp, bench, closers);
    return { bench, endpoint, act: (action) => bench.act(action), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Closers = (() => Promise<void> | void)[];

async function onPtys(directory: string, bench: Bench, closers: Closers): Promise<string> {
  const folder = await RigFolder.open(directory);
  closers.push(() => folder.close());
  for (const device of WIRE_DEVICES) {
    const pair = openPtyPair();
    closers.push(() => pair.close());
    const link = await openSerial({ path: pair.b, device });
    closers.push(() => link.close());
    bench.connectControl(device, link);
    await folder.link(device, pair.a);
  }
  const ports: Partial<BulkPorts> = {};
  for (const device of BULK_DEVICES) {
    const port = await serveBulk(LOCALHOST, 0, device, bench, closers);
    ports[device] = { host: LOCALHOST, port };
  }
  await serveActions({ path: folder.path('control') }, bench, closers);
  folder.own('control');
  // last: whoever finds it finds all the rest
  await folder.write('bulk.json', JSON.stringify(ports));
  return `serial:${directory}`;
}

async function onTcp(host: string, base: number, bench: Bench, closers: Closers): Promise<string> {
  for (const device of WIRE_DEVICES) {
    const server = await listenTcp({
      host,
      port: controlPort(base, device),
      onLink: newest((link) => bench.connectControl(device, link)),
    });
    closers.push(() => server.close());
  }
  for (const device of BULK_DEVICES) await serveBulk(host, bulkPort(base, device), device, bench, closers);
  await serveActions({ host, port: base + ACTION_PORT_OFFSET }, bench, closers);
  return `tcp:${host}:${base}`;
}

async function serveBulk(
  host: string,
  port: number,
  device: (typeof BULK_DEVICES)[number],
  bench: Bench,
  closers: Closers,
): Promise<number> {
  const server = await listenTcp({ host, port, onLink: (link) => bench.connectBulk(device, link) });
  closers.push(() => server.close());
  bench.setBulkPort(device, server.port);
  return server.port;
}

/** A device serves one host: the connection before is closed. */
function newest(connect: (link: Link) => void): (link: Link) => void {
  let current: Link | undefined;
  return (link) => {
    void current?.close();
    current = link;
    connect(link);
  };
}

function serveActions(
  where: { path: string } | { host: string; port: number },
  bench: Bench,
  closers: Closers,
): Promise<void> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    serveActionLines(socket, socket, (action) => bench.act(action));
    closers.push(() => void socket.destroy());
  });
  closers.push(() => void server.close());
  return new Promise((resolve, reject) => {
    const at = 'path' in where ? { host: where.path, port: 0 } : where;
    server.once('error', (error) => reject(asScannerError(error, 'config.port', { ...at, message: error.message })));
    server.listen(where, resolve);
  });
}
