/** Our DICOM ports and who may come to them, as the configuration says. */

import type { Clock } from '../hal/base/clock.js';
import type { Log } from '../hal/base/log.js';
import type { Config } from './config.js';
import { type AccessPolicy, NodeAccess } from './dicom/services/access.js';
import type { DicomServerOptions } from './dicom/services/server.js';
import { secureOptions } from './dicom/upper-layer/tls.js';

/** All that a server takes from the configuration; the services are its builder's. */
export function serverOptions(config: Config, clock: Clock, log: Log): Omit<DicomServerOptions, 'services'> {
  const { acceptUnknownPeers: _unknown, checkHosts: _hosts, queryModels: _models, ...server } = config.dicom;
  return { ...server, aeTitles: [config.aeTitle], access: accessOf(config, clock), clock, log };
}

/** Reads our TLS files and those of all nodes, so that a wrong one shows at once. @throws ScannerError config.invalid naming the file */
export async function checkTlsFiles({ dicom, nodes }: Pick<Config, 'dicom' | 'nodes'>): Promise<void> {
  if (dicom.tls) await secureOptions(dicom.tls);
  for (const { tls } of nodes) if (tls) await secureOptions(tls);
}

function accessOf({ dicom, nodes }: Config, clock: Clock): AccessPolicy {
  return new NodeAccess({
    acceptUnknown: dicom.acceptUnknownPeers,
    clock,
    nodes: nodes.map(({ name, aeTitle, host, from, services, tls }) => ({
      name,
      aeTitle,
      host,
      // what we let a node move to us comes by C-STORE
      services: services.includes('retrieve') ? [...services, 'storage' as const] : services,
      from: from.length === 0 && dicom.checkHosts ? [host] : from,
      tls: tls?.incoming === 'tls' ? { fingerprints: tls.fingerprints, peerName: tls.peerName } : undefined,
    })),
  });
}
