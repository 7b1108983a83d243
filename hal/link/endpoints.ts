/** Where the devices are, from one word: `serial:DIR` or `tcp:HOST:PORT`. Both sides of a bench use these numbers. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { asScannerError, ScannerError } from '../base/errors.js';
import { WIRE_DEVICES, type WireDeviceName } from '../wire/dictionary.js';
import type { Link } from './link.js';
import { openSerial } from './serial.js';
import { connectTcp } from './tcp.js';

/** Opens the links of a chain; each call opens a new one. */
export interface LinkOpener {
  openControl(device: WireDeviceName): Promise<Link>;
  openBulk(device: WireDeviceName): Promise<Link>;
}

export const BULK_DEVICES = ['ctdetector', 'petrings'] as const satisfies readonly WireDeviceName[];
export type BulkDeviceName = (typeof BULK_DEVICES)[number];

/** What `DIR/bulk.json` holds: where each bulk device serves its data. */
export type BulkPorts = Record<BulkDeviceName, { host: string; port: number }>;

const BULK_PORT_OFFSET = 16;

export function controlPort(base: number, device: WireDeviceName): number {
  return base + WIRE_DEVICES.indexOf(device);
}

export function bulkPort(base: number, device: WireDeviceName): number {
  return base + BULK_PORT_OFFSET + WIRE_DEVICES.indexOf(device);
}

export type Endpoint = { kind: 'serial'; directory: string } | { kind: 'tcp'; host: string; port: number };

/** @throws ScannerError config.invalid */
export function parseEndpoint(text: string): Endpoint {
  const serial = /^serial:(.+)$/.exec(text);
  if (serial) return { kind: 'serial', directory: serial[1]! };
  const tcp = /^tcp:(?:(.+):)?(\d{1,5})$/.exec(text);
  const port = Number(tcp?.[2]);
  if (tcp && port > 0 && port + BULK_PORT_OFFSET + WIRE_DEVICES.length <= 65_536) {
    return { kind: 'tcp', host: tcp[1] ?? '127.0.0.1', port };
  }
  throw new ScannerError('config.invalid', {
    where: 'hardware',
    message: `no endpoint in ${text}`,
    expected: 'serial:DIR or tcp:HOST:PORT',
  });
}

/** @throws ScannerError config.invalid; its functions: link.open */
export function linksAt(endpoint: Endpoint, clock: Clock): LinkOpener {
  if (endpoint.kind === 'tcp') {
    const { host, port } = endpoint;
    return {
      openControl: (device) => connectTcp({ host, port: controlPort(port, device), device, clock }),
      openBulk: (device) => connectTcp({ host, port: bulkPort(port, device), device, clock }),
    };
  }
  const { directory } = endpoint;
  return {
    openControl: (device) => openSerial({ path: join(directory, device), device }),
    openBulk: async (device) => connectTcp({ ...(await bulkAddress(directory, device)), device, clock }),
  };
}

async function bulkAddress(directory: string, device: WireDeviceName): Promise<{ host: string; port: number }> {
  const path = join(directory, 'bulk.json');
  const context = { device, where: path };
  try {
    const ports = JSON.parse(await readFile(path, 'utf8')) as Partial<Record<string, { host: string; port: number }>>;
    const address = ports[device];
    if (typeof address?.host === 'string' && Number.isInteger(address.port)) return address;
  } catch (error) {
    throw asScannerError(error, 'link.open', context);
  }
  throw new ScannerError('link.open', { ...context, message: `no host and port of ${device} in it` });
}
