import { ScannerError } from '../../../hal/base/errors.js';
import { type Given, startSending } from '../../../native/net.js';
import type { DimseChannel, Response } from '../dimse/channel.js';
import { type Command, decodeCommand, encodeCommand } from '../dimse/command.js';
import { commandFragments } from '../dimse/fragment.js';
import type { AcceptedContext } from '../upper-layer/association.js';
import { answered, commandFor, resultOf, type SendOptions, type StoreJob, type StoreResult } from './store-sending.js';

/** Jobs that a thread takes at a time: their commands are made before the first goes. */
const MOST_JOBS = 256;

interface Wagon {
  job: StoreJob;
  context: AcceptedContext;
  command: Command & { MessageID: number };
}

/** How many of the jobs, from the first on, can go from file to socket without being looked at: in the syntax they stand in. */
export function trainLength(channel: DimseChannel, jobs: readonly StoreJob[]): number {
  const other = jobs.findIndex((job) => !ownContext(channel, job));
  return Math.min(MOST_JOBS, other < 0 ? jobs.length : other);
}

/** The context that is the best for the job, when that is in its file's own syntax. */
function ownContext({ association }: DimseChannel, { meta, offered }: StoreJob): AcceptedContext | undefined {
  if ((meta.size - meta.datasetOffset) % 2 === 1) return undefined; // needs a pad, or cannot go
  for (const syntax of offered) {
    const context = association.contextFor(meta.sopClassUid, syntax);
    if (context?.weAreScu) return syntax === meta.transferSyntax ? context : undefined;
  }
  return undefined;
}

/**
 * Sends jobs (as `trainLength` counted them) from a thread that pumps file to socket, and reads the answers, as long as they say success.
 * Never rejects.
 * @returns how many are settled: fewer when something was otherwise, none when the connection cannot be lent
 */
export function sendTrain(
  channel: DimseChannel,
  jobs: readonly StoreJob[],
  options: SendOptions,
  settle: (result: StoreResult) => void,
): Promise<number> {
  return channel.alone(async () => {
    const { association } = channel;
    let cancel = () => {};
    const descriptor = association.lend(() => cancel());
    if (!descriptor) return 0;
    const wagons = jobs.map((job) => wagonOf(channel, job, options));
    const { networkMs, storeMs } = association.options.timeouts;
    const limits = { pduLength: association.sendLimit, silenceMs: networkMs, responseMs: storeMs };
    let settled = 0;
    const onAnswer = (index: number, bytes: Buffer) => {
      const command = decodeCommand(bytes);
      settled = index + 1;
      settle(answered(wagons[index]!.job, association, { command, status: command.Status ?? 0, dataset: undefined }));
    };
    const sending = startSending(
      descriptor,
      wagons.map((wagon) => sendJob(wagon, limits.pduLength)),
      limits,
      onAnswer,
    );
    cancel = sending.cancel;
    const given = await sending.ended;
    const last = wagons[given.job];
    if (!last || settled > given.job) {
      association.provider.takeBack(given.unread, given.atBoundary);
      return settled;
    }
    settle(await finish(channel, last, given));
    return settled + 1;
  });
}

function wagonOf(channel: DimseChannel, job: StoreJob, options: SendOptions): Wagon {
  const command = { ...commandFor(job.meta, options), MessageID: channel.nextMessageId() };
  return { job, context: ownContext(channel, job)!, command };
}

function sendJob({ job, context, command }: Wagon, pduLength: number) {
  return {
    path: job.path,
    offset: job.meta.datasetOffset,
    length: job.meta.size - job.meta.datasetOffset,
    contextId: context.id,
    messageId: command.MessageID,
    command: Buffer.concat(commandFragments(context.id, encodeCommand(command, true), pduLength)),
  };
}

/** What became of the job that the thread stopped at. */
async function finish(channel: DimseChannel, { job, command }: Wagon, given: Given): Promise<StoreResult> {
  const { association } = channel;
  const { storeMs } = association.options.timeouts;
  // whoever waits for the response must be there when what was read goes to the parser
  const response = given.begun ? channel.responseTo(command.MessageID, command, storeMs) : undefined;
  const outcome = response?.then(
    (answer: Response) => answered(job, association, answer),
    (error: ScannerError) => resultOf(job, 'unsent', { error }),
  );
  association.provider.takeBack(given.unread, given.atBoundary);
  const failure = failureOf(channel, job, command, given);
  if (!given.begun && given.why === 'file') return resultOf(job, 'unreadable', { error: failure });
  if (failure) association.fail(failure);
  return (await outcome) ?? resultOf(job, 'unsent', { error: association.failure ?? failure });
}

/** Why the association cannot go on; undefined where the protocol machine sees for itself, or goes on. */
function failureOf(
  { association }: DimseChannel,
  job: StoreJob,
  command: Command,
  { why, error, begun, whole }: Given,
): ScannerError | undefined {
  const { networkMs, storeMs } = association.options.timeouts;
  const node = association.options.peerName;
  const field = command.CommandField.toString(16).padStart(4, '0');
  if (why === 'silent') return new ScannerError('peer.timeout', { node, what: 'data to be read', ms: networkMs });
  if (why === 'unanswered') return new ScannerError('peer.timeout', { node, what: `request ${field}`, ms: storeMs });
  if (why === 'cancelled' && begun && !whole) return new ScannerError('timeout.aborted', { what: `request ${field}` });
  if (why !== 'file') return undefined;
  if (error === 0) return new ScannerError('data.truncated', { what: job.path, got: 0, expected: job.meta.size });
  return new ScannerError('data.missing', { what: job.path, message: `system error ${error}` });
}
