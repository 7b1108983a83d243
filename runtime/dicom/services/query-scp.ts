import { asScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import { answerOf, type QueryRow } from './query-scp-answer.js';
import { isRefusal, type Query, type Refusal, readQuery } from './query-scp-identifier.js';
import { QUERY_MODELS, QUERY_STATUS, type QueryModel, queryClass, syntaxesOf } from './query-scp-model.js';
import type { Service } from './server.js';

export interface QueryServiceOptions {
  /** AE title from which what is found can be retrieved. */
  retrieveAeTitle: string;
  /** Information models offered; all of them by default. */
  models?: readonly QueryModel[];
  /**
   * The entities of `query.level` that `query.accept` takes, as they are found; asked for one after another as the peer takes them.
   * Ends early, or throws, when the signal aborts.
   * @throws ScannerError limit.* answered A700, any other C001
   */
  find(query: Query, signal: AbortSignal): AsyncIterable<QueryRow>;
  log: Log;
}

/** C-FIND as SCP of the query/retrieve information models: PS3.4 C.4.1; tables 17 to 27 of the statement. */
export function queryService(options: QueryServiceOptions): Service {
  const models = options.models ?? QUERY_MODELS;
  return { syntaxes: syntaxesOf('FIND', models), operations: { 'C-FIND': (request) => answerQuery(request, options) } };
}

async function* answerQuery(request: DimseRequest, options: QueryServiceOptions): AsyncGenerator<Reply> {
  const query = await readRequest(request);
  if (isRefusal(query)) {
    options.log.info({ ...query }, 'C-FIND refused');
    yield query;
    return;
  }
  const { signal } = request;
  const rows = options.find(query, signal)[Symbol.asyncIterator]();
  const status = query.supported ? QUERY_STATUS.pending : QUERY_STATUS.pendingUnsupportedKeys;
  let matches = 0;
  try {
    for (let row = await nextOrAbort(rows, signal); row; row = await nextOrAbort(rows, signal)) {
      matches++;
      yield { status, dataset: answerOf(query, row, options.retrieveAeTitle) };
    }
    yield { status: signal.aborted ? QUERY_STATUS.cancel : QUERY_STATUS.success };
  } catch (error) {
    yield failureOf(error, signal);
  } finally {
    // an index that is still searching hears of the signal; nobody waits for it
    rows.return?.()?.then(undefined, () => undefined);
    options.log.debug({ model: query.model, level: query.level, matches, cancelled: signal.aborted }, 'C-FIND');
  }
}

async function readRequest(request: DimseRequest): Promise<Query | Refusal> {
  const sopClass = request.context.abstractSyntax;
  const known = queryClass(sopClass);
  if (!known || request.command.AffectedSOPClassUID !== sopClass) {
    return {
      status: QUERY_STATUS.identifierMismatch,
      comment: 'the SOP class is not that of the presentation context',
    };
  }
  try {
    const identifier = await request.dataset();
    if (identifier) return readQuery(known.model, identifier);
    return { status: QUERY_STATUS.identifierMismatch, comment: 'no identifier' };
  } catch (error) {
    if (request.association.over) throw error;
    return { status: QUERY_STATUS.unableToProcess, comment: asScannerError(error).message };
  }
}

/** The next row; undefined at the end and as soon as the signal aborts, however long the index takes. */
async function nextOrAbort(rows: AsyncIterator<QueryRow>, signal: AbortSignal): Promise<QueryRow | undefined> {
  if (signal.aborted) return undefined;
  let stop = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
  });
  const next = rows.next();
  next.catch(() => undefined); // its failure after an abort is nobody's any more
  try {
    const result = await Promise.race([next, aborted]);
    return result === undefined || result.done ? undefined : result.value;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function failureOf(error: unknown, signal: AbortSignal): Reply {
  if (signal.aborted) return { status: QUERY_STATUS.cancel };
  const { kind, message } = asScannerError(error);
  return { status: kind === 'limit' ? QUERY_STATUS.outOfResources : QUERY_STATUS.unableToProcess, comment: message };
}
