/** Looking up configured nodes. */

import { ScannerError } from '../hal/base/errors.js';
import type { Config } from './config.js';
import type { NodeService } from './config-nodes.js';
import type { Destination } from './network/sending.js';

export type RemoteNode = Config['nodes'][number];

/** Nodes that offer a service, in the order of the configuration. */
export function nodesFor(config: Pick<Config, 'nodes'>, service: NodeService): RemoteNode[] {
  return config.nodes.filter(({ services }) => services.includes(service));
}

/** The first node that offers a service. */
export function nodeFor(config: Pick<Config, 'nodes'>, service: NodeService): RemoteNode | undefined {
  return nodesFor(config, service)[0];
}

/** A node by its name. @throws ScannerError operator.unknown naming those that are */
export function namedNode(config: Pick<Config, 'nodes'>, name: string): RemoteNode {
  const found = config.nodes.find((node) => node.name === name) ?? config.nodes.find((node) => node.aeTitle === name);
  if (found) return found;
  const known = config.nodes.map((node) => node.name).join(', ') || 'none';
  throw new ScannerError('operator.unknown', { what: 'node', name, known });
}

/** Where ended examinations go by themselves. */
export function destinationsOf(config: Pick<Config, 'nodes'>): Destination[] {
  return nodesFor(config, 'storage')
    .filter(({ send }) => send.automatic)
    .map(({ aeTitle, host, port, tls, timeouts, maxPduLength, services, send }) => ({
      aeTitle,
      host,
      port,
      tls,
      timeouts,
      maxPduLength,
      commitment: services.includes('commitment'),
      send: send.what,
    }));
}

/** The title that we go under for a service: 6.1 of the statement. */
export function titleFor({ aeTitle, aeTitles }: Pick<Config, 'aeTitle' | 'aeTitles'>, service: string): string {
  if (service === 'worklist' || service === 'mpps') return aeTitles.worklist ?? aeTitle;
  return service === 'print' ? (aeTitles.print ?? aeTitle) : aeTitle;
}
