import { unlink } from 'node:fs/promises';
import { ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { Dataset } from '../dataset/dataset.js';
import { decodeDataset } from '../dataset/decode.js';
import type { WrittenFile } from '../dataset/durable-file.js';
import type { TextNote } from '../dataset/text.js';
import type { AcceptedContext, Association } from '../upper-layer/association.js';
import { type Command, decodeCommand, hasDataset, MAX_COMMAND_BYTES } from './command.js';

/** Datasets that are taken into memory (queries, events, attributes) are small; images go through `IncomingData` instead. */
const MAX_DATASET_BYTES = 16 * 1024 * 1024;

/** A command as it arrived, with its dataset still on the way. */
export interface Message {
  context: AcceptedContext;
  command: Command;
  data: IncomingData | undefined;
}

/** A file that a dataset goes into. */
interface FileJob {
  path: string;
  /** Its name until it is whole and on the disk. */
  temporary: string;
  /** Bytes of a file that stands ready under that name, all zeros; 0 for one that is to be made. */
  prepared: number;
  /** What stands in it before the dataset's bytes that are still to come. */
  begin: readonly Buffer[];
  /** A checksum is wanted. */
  hash: boolean;
}

/** A dataset on the way in: an iteration over its bytes as they arrive, which holds the socket back while it is not asked. */
export class IncomingData implements AsyncIterable<Buffer> {
  readonly #association: Association;
  readonly #contextId: number;
  #ended = false;
  #failure: unknown;
  #size = 0;
  #reserved = 0;
  #markEnded = () => {};
  readonly ended = new Promise<void>((resolve) => (this.#markEnded = resolve));

  constructor(association: Association, contextId: number) {
    this.#association = association;
    this.#contextId = contextId;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    while (!this.#ended) {
      const data = await this.#next();
      if (data.length > 0) yield data;
    }
    if (this.#failure) throw this.#failure;
  }

  /** True once it is longer than what is taken: what still comes of it is not read. */
  get outgrown(): boolean {
    return this.#size > this.#maxBytes;
  }

  get #maxBytes(): number {
    return this.#association.options.maxDatasetBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Reads on to the end of the dataset and drops it. */
  async drain(): Promise<void> {
    while (!this.#ended) await this.#next();
  }

  /**
   * Lets a thread write what is still to come into a file: see native/net.ts.
   * @returns what the file is, or undefined when the connection cannot be lent and the bytes are to be read here
   * @throws ScannerError data.disk, and what reading would throw
   */
  async toFile(job: FileJob): Promise<WrittenFile | undefined> {
    if (this.#ended || this.outgrown) return undefined;
    const { options } = this.#association;
    let before = 0;
    const end = await this.#association.receiveFile(this.#contextId, ({ framing, pieces }) => {
      for (const piece of pieces) this.#size += piece.length;
      const begin = [...job.begin, ...pieces];
      before = begin.reduce((sum, { length }) => sum + length, 0);
      return {
        ...{ ...framing, ...job, begin, stay: true },
        contextId: this.#contextId,
        maxPdu: options.maxPduLength,
        room: Math.max(0, this.#maxBytes - this.#size), // what had come already may be too much
        silenceMs: options.timeouts.networkMs,
      };
    });
    if (!end) return undefined;
    this.#size += Math.max(0, end.size - before); // what the thread took counts against the limit
    if (end.why === 'done') this.#end();
    if (end.why === 'done' && this.outgrown) {
      await unlink(job.path);
      throw this.#tooLong();
    }
    if (end.why === 'done') return { path: job.path, size: end.size, sha256: end.sha256 };
    if (end.why === 'silent') {
      const ms = options.timeouts.networkMs;
      this.#association.fail(new ScannerError('peer.timeout', { node: options.peerName, what: 'data', ms }));
    }
    await this.drain(); // what is wrong shows here as well: only a file that failed lets the dataset go on to its end
    const message = `system error ${end.error}`;
    throw new ScannerError('data.disk', { path: job.path, message });
  }

  /** The whole dataset in memory, counted against the budget until `release`. @throws ScannerError limit.size, limit.resource */
  async collect(): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of this) {
      size += part.length;
      this.#reserve(part.length);
      if (size > MAX_DATASET_BYTES)
        throw new ScannerError('limit.size', { what: 'dataset', value: size, max: MAX_DATASET_BYTES });
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** Nothing of it is needed any more: its memory is free, and whoever waits for its end need not. */
  release(): void {
    this.#association.options.budget?.give(this.#reserved);
    this.#reserved = 0;
    this.#end();
  }

  #reserve(bytes: number): void {
    const { budget } = this.#association.options;
    if (!budget) return;
    if (!budget.tryTake(bytes)) throw new ScannerError('limit.resource', { what: 'network memory', max: budget.max });
    this.#reserved += bytes;
  }

  async #next(): Promise<Buffer> {
    if (this.outgrown) throw this.#tooLong();
    try {
      const piece = await this.#association.read(this.#association.options.timeouts.networkMs);
      if (!piece) throw bad(this.#association, 'released within a dataset');
      if (piece.command || piece.contextId !== this.#contextId)
        throw bad(this.#association, 'another message within a dataset');
      this.#size += piece.data.length;
      if (this.outgrown) throw this.#tooLong();
      if (piece.last) this.#end();
      return piece.data;
    } catch (error) {
      if (this.outgrown) throw error; // its end stays open: the answer goes out first, then the association ends
      this.#failure = error;
      this.#end();
      throw error;
    }
  }

  #tooLong(): ScannerError {
    return new ScannerError('limit.size', {
      what: 'dataset',
      value: `over ${this.#maxBytes} bytes`,
      max: this.#maxBytes,
    });
  }

  #end(): void {
    this.#ended = true;
    this.#markEnded();
  }
}

/**
 * Reads the next command; undefined once the association is released between messages.
 * @param silenceMs how long the peer may be silent before the command begins
 * @throws ScannerError protocol.dimse, peer.aborted, peer.timeout
 */
export async function readMessage(association: Association, silenceMs: number): Promise<Message | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  let contextId: number | undefined;
  for (;;) {
    const piece = await association.read(parts.length > 0 ? association.options.timeouts.networkMs : silenceMs);
    if (!piece && parts.length === 0) return undefined;
    if (!piece) throw bad(association, 'released within a command');
    contextId ??= piece.contextId;
    if (!piece.command || piece.contextId !== contextId) throw bad(association, 'a dataset without its command');
    size += piece.data.length;
    if (size > MAX_COMMAND_BYTES) throw bad(association, `command set above ${MAX_COMMAND_BYTES} bytes`);
    parts.push(piece.data);
    if (piece.last) break;
  }
  const context = association.contexts.get(contextId);
  if (!context) throw bad(association, `message in context ${contextId}, which was not accepted`);
  const command = decodeCommand(Buffer.concat(parts));
  return { context, command, data: hasDataset(command) ? new IncomingData(association, contextId) : undefined };
}

/** The dataset of a message, decoded in its context's transfer syntax. @throws ScannerError data.dicom, limit.size */
export async function readDataset(message: Message, log: Log): Promise<Dataset | undefined> {
  if (!message.data) return undefined;
  return decodeDataset(await message.data.collect(), message.context.transferSyntax, { onText: textNotes(log) });
}

/** Writes down where text does not match its Specific Character Set, and what it was taken for. */
export function textNotes(log: Log): (note: TextNote) => void {
  return (note) => log.warn({ ...note }, 'text does not match its character set');
}

function bad(association: Association, message: string): ScannerError {
  return new ScannerError('protocol.dimse', { peer: association.options.peerName, message });
}
