import { asScannerError, type ScannerError } from '../../../hal/base/errors.js';
import { readFileMeta } from '../dataset/header.js';
import type { DimseRequest, Reply } from '../dimse/performer.js';
import type { Retrieval, RetrieveInstance, RetrieveServiceOptions } from './retrieve-scp.js';
import {
  discard,
  jobFor,
  type Prepared,
  prepare,
  type StoreJob,
  type StoreResult,
  type SyntaxHooks,
  sendOne,
} from './store-sending.js';

/** A file of which the dataset is being read, or why it cannot be sent. */
type Loaded = { job: StoreJob; prepared: Prepared | ScannerError | undefined } | { error: ScannerError };

/** Sends on the association of the request, in the storage contexts of which the requestor is SCP. */
export async function* getInstances(
  request: DimseRequest,
  { instances, progress }: Retrieval,
  options: RetrieveServiceOptions,
): AsyncGenerator<Reply> {
  const { association, signal } = request;
  const hooks = options.getSyntaxes?.(association.info) ?? {};
  let next = load(request, instances[0], hooks);
  try {
    for (const [i, { sopInstanceUid }] of instances.entries()) {
      const loaded = await next;
      if (signal.aborted || association.over || !loaded) break;
      // the file after this one is opened and read while this one waits for its answer
      next = load(request, instances[i + 1], hooks);
      progress.settle(sopInstanceUid, await send(request, loaded, hooks));
      yield* progress.due();
    }
    yield progress.final(signal.aborted);
  } finally {
    const left = await next;
    if (left && 'prepared' in left) await discard(left.prepared);
  }
  options.log.info({ instances: instances.length }, 'C-GET done');
}

async function load(
  { channel }: DimseRequest,
  instance: RetrieveInstance | undefined,
  hooks: SyntaxHooks,
): Promise<Loaded | undefined> {
  if (!instance) return undefined;
  try {
    const job = jobFor(instance.path, await readFileMeta(instance.path), hooks);
    return { job, prepared: await prepare(channel, job, hooks) };
  } catch (error) {
    return { error: asScannerError(error) };
  }
}

async function send(
  { channel }: DimseRequest,
  loaded: Loaded,
  hooks: SyntaxHooks,
): Promise<Pick<StoreResult, 'outcome' | 'error'>> {
  if ('error' in loaded) return { outcome: 'unreadable', error: loaded.error };
  try {
    return await sendOne(channel, loaded.job, loaded.prepared, hooks);
  } finally {
    await discard(loaded.prepared);
  }
}
