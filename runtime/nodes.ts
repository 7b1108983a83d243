/** Looking up configured nodes. */

import { ScannerError } from '../hal/base/errors.js';
import type { Config } from './config.js';
import type { NodeService } from './config-nodes.js';
import type { Caller } from './dicom/services/server.js';
import type { CameraSettings } from './film/camera-settings.js';
import type { CommittingNode } from './network/commitment-desk.js';
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

/** The node that an association came from: the one that it was let in as; by its title where it was let in as none. */
export function callingNode(
  { nodes }: Pick<Config, 'nodes'>,
  { callingAe, node: name }: Caller,
): RemoteNode | undefined {
  return nodes.find((node) => node.name === name) ?? nodes.find((node) => node.aeTitle.trim() === callingAe.trim());
}

/** Where objects can be sent. */
export function destinationsOf(config: Pick<Config, 'nodes'>): Destination[] {
  return nodesFor(config, 'storage').map(
    ({ name, aeTitle, host, port, tls, timeouts, maxPduLength, implementation, services, send, commitment }) => ({
      name,
      aeTitle,
      host,
      port,
      tls,
      timeouts,
      maxPduLength,
      implementation,
      automatic: send.automatic,
      send: send.what,
      archive: send.archive,
      ...(services.includes('commitment') && {
        commitment: openTime(commitment),
      }),
    }),
  );
}

/** Nodes that are asked to commit to what they were sent. */
export function committingNodes(config: Pick<Config, 'nodes'>): CommittingNode[] {
  return destinationsOf(config).flatMap((node) => (node.commitment ? [{ ...node, commitment: node.commitment }] : []));
}

/** Film cameras, the default one first. */
export function camerasOf(config: Pick<Config, 'nodes'>): CameraSettings[] {
  const cameras = nodesFor(config, 'print').map(({ print, name, aeTitle, host, port, tls, timeouts, ...node }) => {
    const { maxPduLength, implementation } = node;
    const { default: first, ...settings } = print;
    const address = { aeTitle, host, port, tls, timeouts, maxPduLength, implementation };
    return { first, camera: { ...settings, name, node: address } };
  });
  return [...cameras.filter(({ first }) => first), ...cameras.filter(({ first }) => !first)].map(
    ({ camera }) => camera,
  );
}

/** Where the results go of what a node has asked us to commit to. */
export function commitmentNode(config: Pick<Config, 'nodes'>, caller: Caller): RemoteNode | undefined {
  const known = config.nodes.find(({ name }) => name === caller.node);
  if (known?.services.includes('commitment')) return known;
  const named = config.nodes.filter((node) => node.aeTitle.trim() === caller.callingAe.trim());
  return named.find(({ services }) => services.includes('commitment')) ?? known ?? named[0];
}

function openTime({ association, openMinutes }: RemoteNode['commitment']): CommittingNode['commitment'] {
  return { association, openMs: openMinutes * 60_000 };
}

/** The title that we go under for a service: 6.1 of the statement. */
export function titleFor({ aeTitle, aeTitles }: Pick<Config, 'aeTitle' | 'aeTitles'>, service: string): string {
  if (service === 'worklist' || service === 'mpps') return aeTitles.worklist ?? aeTitle;
  return service === 'print' ? (aeTitles.print ?? aeTitle) : aeTitle;
}
