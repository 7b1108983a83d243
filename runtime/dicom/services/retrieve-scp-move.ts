import { asScannerError } from '../../../hal/base/errors.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import { QUERY_STATUS } from './query-scp-model.js';
import type { MoveDestination, Retrieval, RetrieveServiceOptions } from './retrieve-scp.js';
import { storeFiles } from './store-scu.js';

/** Sends to the Move Destination on an association of its own, telling the requestor how far it is. */
export async function* moveInstances(
  request: DimseRequest,
  retrieval: Retrieval,
  options: RetrieveServiceOptions,
): AsyncGenerator<Reply> {
  const title = request.command.MoveDestination?.trim() ?? '';
  const destination = title === '' ? undefined : options.destination(title);
  if (!destination) {
    yield { status: QUERY_STATUS.unknownDestination, comment: `Move Destination '${title}' is not known here` };
    return;
  }
  const { progress, instances } = retrieval;
  const stop = new AbortController();
  const cancel = () => stop.abort(request.signal.reason);
  request.signal.addEventListener('abort', cancel, { once: true });
  if (request.signal.aborted) cancel();
  const work = instances.length > 0 ? send(request, destination, retrieval, stop.signal) : Promise.resolve();
  try {
    yield* progress.while(work);
    yield progress.final(request.signal.aborted);
  } finally {
    request.signal.removeEventListener('abort', cancel);
    stop.abort();
    await work;
  }
  options.log.info({ destination: title, instances: instances.length }, 'C-MOVE done');
}

/** Never rejects: what could not be sent is counted, save what a cancel left. */
async function send(
  request: DimseRequest,
  destination: MoveDestination,
  { instances, progress }: Retrieval,
  signal: AbortSignal,
): Promise<void> {
  const uids = new Map(instances.map(({ path, sopInstanceUid }) => [path, sopInstanceUid]));
  const moveOriginator = {
    aeTitle: request.association.info.callingAe,
    messageId: request.command.MessageID ?? 0,
  };
  try {
    await storeFiles(
      {
        ...destination,
        moveOriginator,
        signal,
        onResult: (result) => {
          if (result.outcome === 'unsent' && signal.aborted) return;
          progress.settle(uids.get(result.path)!, result);
        },
      },
      [...uids.keys()],
    );
  } catch (error) {
    if (!signal.aborted) progress.failRest(asScannerError(error).message);
  }
}
