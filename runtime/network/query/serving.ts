import type { Clock } from '../../../hal/base/clock.js';
import type { Log } from '../../../hal/base/log.js';
import { queryService } from '../../dicom/services/query-scp.js';
import type { QueryModel } from '../../dicom/services/query-scp-model.js';
import { retrieveService } from '../../dicom/services/retrieve-scp.js';
import type { Caller, Service } from '../../dicom/services/server.js';
import type { Node } from '../../dicom/services/session.js';
import type { SyntaxHooks } from '../../dicom/services/store-scu.js';
import { findIn, type Index } from './finding.js';
import { type Holdings, instancesIn } from './retrieving.js';

export interface ServingOptions {
  archive: Index & Holdings;
  /** Ours: told to who queries, and to whom C-MOVE sends. */
  aeTitle: string;
  /** Information models offered; none offers nothing. */
  models: readonly QueryModel[];
  /** Nodes that C-MOVE may send to. */
  destinations: readonly (Node & { name: string })[];
  /** Transfer syntaxes of what goes to a node by C-MOVE, or to who has asked by C-GET and may be no node. */
  syntaxesFor(receiver: Caller): SyntaxHooks;
  /** Longest PDU that we take from a destination that sets none of its own, bytes. */
  maxPduLength?: number;
  clock: Clock;
  log: Log;
}

/** Query and retrieve over the archive, as SCP: 3.4.3 of the statement. */
export function queryRetrieveServices(options: ServingOptions): Service[] {
  const { archive, aeTitle, models, destinations, maxPduLength, clock, log } = options;
  const retrieval = retrieveService({
    models,
    instances: instancesIn(archive),
    destination: (title) => {
      const node = destinations.find((candidate) => candidate.aeTitle.trim() === title);
      if (!node) return undefined;
      const hooks = options.syntaxesFor({ callingAe: title, node: node.name });
      return { node, callingAe: aeTitle, maxPduLength, clock, log, ...hooks };
    },
    getSyntaxes: options.syntaxesFor,
    clock,
    log,
  });
  return [queryService({ retrieveAeTitle: aeTitle, models, find: findIn(archive), log }), retrieval];
}
