import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../runtime/dicom/services/session.js';
import { freePort, type Peer, startPeer } from './peers.js';

/** DCMTK's query/retrieve SCP with an empty store, title QR; `movers` are the nodes that it may send to. */
export async function startDcmqrscp(options: {
  folder: string;
  movers?: readonly Node[];
  max?: number;
}): Promise<Peer> {
  const { folder, movers = [], max = 20_000 } = options;
  const store = join(folder, 'store');
  mkdirSync(store, { recursive: true });
  const port = await freePort();
  const hosts = movers.map((node, i) => `host${i} = (${node.aeTitle}, ${node.host}, ${node.port})`);
  const file = join(folder, 'dcmqrscp.cfg');
  const lines = [
    `NetworkTCPPort = ${port}`,
    'MaxPDUSize = 65536',
    'MaxAssociations = 16',
    'HostTable BEGIN',
    ...hosts,
    'HostTable END',
    'VendorTable BEGIN',
    'VendorTable END',
    'AETable BEGIN',
    `QR ${store} RW (${max}, 16384mb) ANY`,
    'AETable END',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return startPeer('dcmqrscp', ['-v', '-c', file], { aeTitle: 'QR', host: '127.0.0.1', port });
}
