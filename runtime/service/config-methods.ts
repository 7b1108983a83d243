/** Methods of the service socket for the configuration and the nodes. */

import { z } from 'zod';
import type { ServiceVerification } from '../network/verify.js';
import { type MethodTable, method } from './rpc.js';

export interface NodeChange {
  saved: true;
  /** What takes the change up at once. */
  live: readonly string[];
  /** What takes it up when the controller is started again. */
  afterRestart: readonly string[];
}

/** What these methods need done. All throw ScannerError config.invalid, operator.unknown, operator.state, data.disk. */
export interface Configuring {
  get(): object;
  set(changes: Record<string, unknown>): Promise<{ saved: true; afterRestart: string[] }>;
  nodes(): readonly object[];
  addNode(node: Record<string, unknown>): Promise<NodeChange>;
  changeNode(name: string, changes: Record<string, unknown>): Promise<NodeChange>;
  removeNode(name: string): Promise<NodeChange>;
  verify(name: string): Promise<ServiceVerification[]>;
}

const none = z.strictObject({});
const named = z.strictObject({ name: z.string() });
const record = z.record(z.string(), z.unknown());

export function configMethods(configuring: Configuring): MethodTable {
  return {
    'config.get': method({
      summary: 'the running configuration with its defaults; secrets are hidden',
      params: none,
      handler: () => configuring.get(),
    }),
    'config.set': method({
      summary: 'change keys of the configuration file (null: back to the default); taken up at the next start',
      params: z.strictObject({ changes: record }),
      handler: ({ changes }) => configuring.set(changes),
    }),
    'nodes.list': method({ summary: 'configured nodes', params: none, handler: () => configuring.nodes() }),
    'nodes.add': method({
      summary: 'add a node and save it',
      params: z.strictObject({ node: record }),
      handler: ({ node }) => configuring.addNode(node),
    }),
    'nodes.change': method({
      summary: 'change keys of a node and save them (null: back to the default)',
      params: z.strictObject({ name: z.string(), changes: record }),
      handler: ({ name, changes }) => configuring.changeNode(name, changes),
    }),
    'nodes.remove': method({
      summary: 'remove a node and save that',
      params: named,
      handler: ({ name }) => configuring.removeNode(name),
    }),
    'nodes.verify': method({
      summary: 'C-ECHO to a saved node with the title and contexts of each of its services',
      params: named,
      handler: ({ name }) => configuring.verify(name),
    }),
  };
}
