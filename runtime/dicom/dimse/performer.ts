import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { Dataset } from '../dataset/dataset.js';
import type { AcceptedContext, Association } from '../upper-layer/association.js';
import { type Command, type CommandName, commandName, RESPONSE_BIT } from './command.js';
import type { FragmentStream } from './fragment.js';
import { LazySignal } from './lazy-signal.js';
import { type IncomingData, type Message, readDataset } from './message.js';
import { STATUS, statusClass } from './status.js';

/** A request of the peer's, as its performer sees it. */
export interface DimseRequest {
  name: CommandName;
  command: Command;
  context: AcceptedContext;
  association: Association;
  /** For requests of ours on the same association, such as an N-EVENT-REPORT. */
  channel: Requester;
  /** Resolves when the last reply is sent, or never can be. */
  replied: Promise<void>;
  /** The dataset's bytes as they arrive: for objects. */
  data: IncomingData | undefined;
  /** The dataset decoded: for what is small. @throws ScannerError data.dicom, limit.size */
  dataset(): Promise<Dataset | undefined>;
  /** Aborted by C-CANCEL and by the end of the association. */
  signal: AbortSignal;
}

export interface Reply {
  status: number;
  dataset?: Dataset;
  /** Error Comment (0000,0902), at most 64 characters. */
  comment?: string;
  /** More fields of the response's command set. */
  fields?: Partial<Command>;
  /** Aborts the association once this reply is out, for this reason; what still comes of the request's dataset is not waited for. */
  abort?: string;
}

/** Performs a request: one reply, or several of which the last is final. The reply goes out when it is given, not before. */
export type RequestHandler = (request: DimseRequest) => Promise<Reply> | AsyncIterable<Reply>;

/** What a performer may do with the channel it serves. */
export interface Requester {
  association: Association;
  request(
    context: AcceptedContext,
    command: Command,
    data: Dataset | FragmentStream | undefined,
    timeoutMs: number,
  ): Promise<{ command: Command; status: number; dataset: Dataset | undefined }>;
}

interface Sender extends Requester {
  send(context: AcceptedContext, command: Command, data?: Dataset): Promise<void>;
}

/** What may wait for answers of the peer: were the next request to hold up the socket until this is done, they would never come. */
const NEEDS_ANSWERS: ReadonlySet<CommandName | undefined> = new Set<CommandName>(['C-GET', 'C-MOVE']);

/** Performs the peer's requests, one after another. A request that comes during a retrieval is refused. */
export class Performer {
  readonly #sender: Sender;
  readonly #handler: RequestHandler | undefined;
  readonly #log: Log;
  #active: Promise<void> = Promise.resolve();
  #current: { id: number; abort: LazySignal; alone: boolean } | undefined;

  constructor(sender: Sender, handler: RequestHandler | undefined, log: Log) {
    this.#sender = sender;
    this.#handler = handler;
    this.#log = log;
  }

  /**
   * Starts performing once the request before is done; resolves when the socket is free for the next message.
   * @throws ScannerError protocol.dimse for a request without a message ID
   */
  async perform(message: Message): Promise<void> {
    const id = message.command.MessageID;
    if (id === undefined) {
      throw new ScannerError('protocol.dimse', {
        peer: this.#sender.association.options.peerName,
        message: 'no Message ID',
      });
    }
    if (this.#current?.alone) return this.#refuse(message);
    await this.#active;
    const abort = new LazySignal();
    const current = { id, abort, alone: NEEDS_ANSWERS.has(commandName(message.command)) };
    this.#current = current;
    let settle = () => {};
    this.#active = new Promise<void>((resolve) => (settle = resolve));
    void this.#answer(message, abort).then(() => {
      current.alone = false;
      settle();
    });
    await message.data?.ended;
  }

  cancel(id: number | undefined): void {
    if (this.#current?.id === id) this.#current?.abort.abort(new ScannerError('timeout.aborted', { what: 'request' }));
  }

  /** The association is over: what is under way need not go on. */
  stop(): void {
    this.#current?.abort.abort(new ScannerError('timeout.aborted', { what: 'request' }));
  }

  settled(): Promise<void> {
    return this.#active;
  }

  async #refuse(message: Message): Promise<void> {
    await message.data?.drain();
    const busy = { status: STATUS.outOfResources, comment: 'another retrieval is under way on this association' };
    await this.#sender.send(message.context, responseCommand(message.command, busy));
  }

  /** Never rejects. */
  async #answer(message: Message, cancelled: LazySignal): Promise<void> {
    try {
      for await (const reply of this.#replies(message, cancelled)) {
        const abort = message.data?.outgrown ? 'a dataset above our limit' : reply.abort;
        if (abort === undefined) await message.data?.drain();
        if (this.#sender.association.over) return;
        // whoever has the final reply may ask again at once
        if (this.#current && statusClass(reply.status) !== 'pending') this.#current.alone = false;
        await this.#sender.send(message.context, responseCommand(message.command, reply), reply.dataset);
        if (abort !== undefined) return this.#sender.association.abort(abort);
      }
    } catch (error) {
      this.#log.warn({ error: asScannerError(error).message }, 'request not answered');
      await message.data?.drain().catch(() => undefined);
    } finally {
      message.data?.release();
    }
  }

  async *#replies(message: Message, cancelled: LazySignal): AsyncGenerator<Reply> {
    const { command, context, data } = message;
    const name = commandName(command);
    if (!name || !this.#handler) {
      yield { status: STATUS.unrecognizedOperation, comment: 'no such operation here' };
      return;
    }
    const { association } = this.#sender;
    const dataset = () => readDataset(message, this.#log);
    const replied = this.#active;
    const channel = this.#sender;
    try {
      const result = this.#handler({
        ...{ name, command, context, association, channel, replied, data, dataset },
        get signal() {
          return cancelled.signal;
        },
      });
      if (Symbol.asyncIterator in result) yield* result;
      else yield await result;
    } catch (error) {
      if (association.over) throw error;
      const failure = asScannerError(error);
      this.#log.warn({ error: failure.message, name }, 'request failed');
      yield { status: statusOf(failure, name), comment: failure.message };
    }
  }
}

/** What a failure is called in a response: PS3.7 C, PS3.4 B.2.3 and C.4. */
function statusOf(failure: ScannerError, name: CommandName): number {
  const composite = name.startsWith('C-');
  if (failure.kind === 'limit') return composite ? STATUS.outOfResources : STATUS.resourceLimitation;
  return failure.kind === 'data' && composite ? STATUS.cannotUnderstand : STATUS.processingFailure;
}

function responseCommand(request: Command, reply: Reply): Command {
  const instance = request.AffectedSOPInstanceUID ?? request.RequestedSOPInstanceUID;
  const sopClass = request.AffectedSOPClassUID ?? request.RequestedSOPClassUID;
  return {
    CommandField: request.CommandField | RESPONSE_BIT,
    MessageIDBeingRespondedTo: request.MessageID,
    ...(sopClass ? { AffectedSOPClassUID: sopClass } : {}),
    ...(instance ? { AffectedSOPInstanceUID: instance } : {}),
    Status: reply.status,
    ...(reply.comment ? { ErrorComment: reply.comment.replace(/[^\x20-\x7e]|\\/g, '?').slice(0, 64) } : {}),
    ...reply.fields,
  };
}
