import type { Clock } from '../../../hal/base/clock.js';
import { asScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import { isRefusal } from './query-scp-identifier.js';
import { QUERY_MODELS, QUERY_STATUS, type QueryModel, queryClass, syntaxesOf } from './query-scp-model.js';
import { getInstances } from './retrieve-scp-get.js';
import { type RetrievePath, readRetrieve } from './retrieve-scp-identifier.js';
import { moveInstances } from './retrieve-scp-move.js';
import { MAX_SUBOPERATIONS, Progress } from './retrieve-scp-progress.js';
import type { Caller, Service } from './server.js';
import type { StoreOptions, SyntaxHooks } from './store-scu.js';

/** One instance to be sent. */
export interface RetrieveInstance {
  sopInstanceUid: string;
  /** Its Part 10 file. */
  path: string;
}

/** How a destination of C-MOVE is reached. */
export type MoveDestination = Omit<StoreOptions, 'onResult' | 'moveOriginator' | 'signal'>;

export interface RetrieveServiceOptions {
  /** Information models offered; all of them by default. */
  models?: readonly QueryModel[];
  /** What lies under the unique keys, in the order in which it is to go. @throws ScannerError answered A701 */
  instances(path: RetrievePath, signal: AbortSignal): AsyncIterable<RetrieveInstance>;
  /** Where a Move Destination is; undefined for a title that is not known: answered A801. */
  destination(aeTitle: string): MoveDestination | undefined;
  /** Transfer syntaxes of what goes by C-GET, by who asks; each file's own, and implicit VR, by default. */
  getSyntaxes?(caller: Caller): SyntaxHooks;
  clock: Clock;
  log: Log;
}

/** What is to be sent, and the count of it. */
export interface Retrieval {
  instances: readonly RetrieveInstance[];
  progress: Progress;
}

/**
 * C-MOVE and C-GET as SCP of the query/retrieve information models: PS3.4 C.4.2 and C.4.3; tables 28 to 31 of the statement.
 * For C-GET the requestor must be allowed the SCP role of the storage classes: `Service.peerMayBeScp`.
 */
export function retrieveService(options: RetrieveServiceOptions): Service {
  const models = options.models ?? QUERY_MODELS;
  return {
    syntaxes: { ...syntaxesOf('MOVE', models), ...syntaxesOf('GET', models) },
    operations: {
      'C-MOVE': (request) => retrieve(request, options, moveInstances),
      'C-GET': (request) => retrieve(request, options, getInstances),
    },
  };
}

type Send = (request: DimseRequest, retrieval: Retrieval, options: RetrieveServiceOptions) => AsyncIterable<Reply>;

async function* retrieve(request: DimseRequest, options: RetrieveServiceOptions, send: Send): AsyncGenerator<Reply> {
  const path = await readRequest(request);
  if (isRefusal(path)) {
    options.log.info({ ...path }, `${request.name} refused`);
    yield path;
    return;
  }
  const retrieval = await gather(path, request.signal, options);
  if (isRefusal(retrieval)) yield retrieval;
  else yield* send(request, retrieval, options);
}

async function readRequest(request: DimseRequest): Promise<RetrievePath | Reply> {
  const sopClass = request.context.abstractSyntax;
  const known = queryClass(sopClass);
  const right = known && `C-${known.operation}` === request.name && request.command.AffectedSOPClassUID === sopClass;
  if (!right) {
    const comment = 'the SOP class is not that of the presentation context, or not of this operation';
    return { status: QUERY_STATUS.identifierMismatch, comment };
  }
  try {
    const identifier = await request.dataset();
    if (identifier) return readRetrieve(known.model, identifier);
    return { status: QUERY_STATUS.identifierMismatch, comment: 'no identifier' };
  } catch (error) {
    if (request.association.over) throw error;
    return { status: QUERY_STATUS.unableToProcess, comment: asScannerError(error).message };
  }
}

async function gather(
  path: RetrievePath,
  signal: AbortSignal,
  { instances, clock }: RetrieveServiceOptions,
): Promise<Retrieval | Reply> {
  const found = new Map<string, RetrieveInstance>();
  const status = QUERY_STATUS.cannotCalculate;
  try {
    for await (const instance of instances(path, signal)) {
      if (signal.aborted) break;
      found.set(instance.sopInstanceUid, instance);
      if (found.size > MAX_SUBOPERATIONS) {
        return { status, comment: `more than ${MAX_SUBOPERATIONS} instances: ask for less at a time` };
      }
    }
  } catch (error) {
    return { status, comment: asScannerError(error).message };
  }
  return { instances: [...found.values()], progress: new Progress([...found.keys()], clock) };
}
