import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { loadAddon, runKernel } from './addon.js';

/** Why a thread gave a connection back: `Stop` of native/net/line.h, in its order. */
const STOPS = ['done', 'answer', 'odd', 'closed', 'silent', 'unanswered', 'cancelled', 'file'] as const;
export type Stop = (typeof STOPS)[number];

/** One C-STORE request whose dataset stands in a file. */
export interface SendJob {
  path: string;
  /** Where the dataset stands, bytes. */
  offset: number;
  length: number;
  contextId: number;
  messageId: number;
  /** The command as whole PDUs. */
  command: Uint8Array;
}

export interface SendLimits {
  /** Longest P-DATA-TF that the peer takes, bytes. */
  pduLength: number;
  /** No byte moves for so long. */
  silenceMs: number;
  /** From the last byte of a request to the first of its response. */
  responseMs: number;
}

/** How a connection is given back. */
export interface Given {
  why: Stop;
  /** The job it ended with; their number when all are done. */
  job: number;
  /** Something of that job's request went out, and all of it. */
  begun: boolean;
  whole: boolean;
  /** A PDU may be sent next. */
  atBoundary: boolean;
  /** Of a file that failed: errno, 0 for one that is too short. */
  error: number;
  /** Read, and not used. */
  unread: Buffer;
}

/** A connection in the hands of a thread. */
export interface Sending {
  /** Resolves when the thread has let go; never rejects. */
  ended: Promise<Given>;
  cancel(): void;
}

/** Where a stream of P-DATA-TF PDUs stands: within a fragment, before the next fragment of a PDU, or between PDUs. */
export interface Framing {
  /** Bytes of the fragment that are still to come. */
  pdvLeft: number;
  /** The fragment is its dataset's last. */
  last: boolean;
  /** Bytes of the PDU after the fragment. */
  bodyLeft: number;
}

/** The rest of a dataset that is to go to a file. */
export interface ReceiveJob extends Framing {
  path: string;
  /** The file's name until it is whole and on the disk. */
  temporary: string;
  /** Bytes of a file that stands ready under that name, all zeros and on the disk; 0 for one that is to be made. */
  prepared: number;
  /** The file's first bytes, with what has already come of the dataset. */
  begin: readonly Uint8Array[];
  contextId: number;
  /** Longest P-DATA-TF taken, bytes. */
  maxPdu: number;
  /** Bytes of the dataset that are still taken. */
  room: number;
  /** No byte moves for so long. */
  silenceMs: number;
  /** A checksum of the file is wanted. */
  hash: boolean;
  /** The thread may keep the connection when the file is done. */
  stay: boolean;
}

/** How a connection is given back after a dataset; with `done` the file is durable under its own name, else there is none. */
export interface Received extends Framing {
  why: Stop;
  /** Bytes of the file. */
  size: number;
  /** Of the file, in hexadecimal; empty when it was not wanted. */
  sha256: string;
  /** Of a file that failed: errno. */
  error: number;
  unread: Buffer;
  /** The thread goes on to read: the connection is between messages, and not given back. */
  stays: boolean;
}

type Raw<T> = Omit<T, 'why'> & { why: number };

interface NetModule {
  netSend(
    fd: number,
    jobs: readonly SendJob[],
    limits: SendLimits,
    callback: (first: number | Raw<Given>, command?: Buffer) => void,
  ): () => void;
  netReceive(
    fd: number,
    job: ReceiveJob,
    callback: (told: number, what: Raw<Received> | Buffer) => void,
  ): { next(job: ReceiveJob): void; cancel(): void };
}

/** A socket's descriptor and what stops and starts the event loop's reading of it. */
export interface Descriptor {
  fd: number;
  stopReading(): void;
  startReading(): void;
}

interface Handle {
  fd?: number;
  readStop?(): number;
  readStart?(): number;
}

let module: NetModule | undefined | null = null;

function netModule(): NetModule | undefined {
  if (module !== null) return module;
  try {
    const addon = loadAddon();
    const whole = ['netSend', 'netReceive', 'readHeads'].every((name) => typeof addon[name] === 'function');
    module = whole ? (addon as unknown as NetModule) : undefined;
  } catch {
    module = undefined; // sockets work without the addon, slower
  }
  return module;
}

/** The descriptor of a plain TCP socket; undefined for TLS, where the system gives none, and without the addon. */
export function descriptorOf(socket: Socket): Descriptor | undefined {
  // the handle is Node's own: what is not as expected there means the plain way
  const handle = (socket as Socket & { _handle?: Handle | null })._handle;
  if (!(socket instanceof Socket) || socket instanceof TLSSocket || !netModule()) return undefined;
  if (!handle || typeof handle.readStop !== 'function' || typeof handle.readStart !== 'function') return undefined;
  const { fd } = handle;
  if (typeof fd !== 'number' || fd < 0) return undefined;
  return { fd, stopReading: () => void handle.readStop?.(), startReading: () => void handle.readStart?.() };
}

/**
 * Sends requests in order, each when the one before is answered with success, in a thread of its own. The event loop must neither
 * read nor write the descriptor until `ended`.
 * @param onAnswer called with the command set of each response, all before `ended` resolves
 */
export function startSending(
  { fd }: Descriptor,
  jobs: readonly SendJob[],
  limits: SendLimits,
  onAnswer: (job: number, command: Buffer) => void,
): Sending {
  let end: (given: Given) => void = () => {};
  const ended = new Promise<Given>((resolve) => (end = resolve));
  const cancel = netModule()!.netSend(fd, jobs, limits, (first, command) => {
    if (typeof first === 'number') onAnswer(first, command!);
    else end({ ...first, why: STOPS[first.why]! });
  });
  return { ended, cancel };
}

/** What a thread that keeps a connection tells of it. */
export interface ReaderEvents {
  /** A file has ended, well or not; unless the thread stays the connection is given back. */
  file(end: Received): void;
  /** A large dataset has begun: the bytes of its message so far. It waits for `next`, or `cancel`. */
  ahead(bytes: Buffer): void;
  /** The connection is given back: what was read and not told. */
  back(unread: Buffer): void;
}

/** What netReceive tells of: `Told` of native/net/module.cc. */
const TOLD = { file: 0, ahead: 1, back: 2 } as const;

/** A thread that reads a connection and puts datasets into files. The event loop must not read the descriptor until it is given back. */
export class DatasetReader {
  readonly #events: ReaderEvents;
  readonly #thread: ReturnType<NetModule['netReceive']>;
  #end: (received: Received) => void = () => {};
  /** How the file under way ended; `cancelled` also when the connection was given back before it had begun. Never rejects. */
  ended!: Promise<Received>;

  constructor({ fd }: Descriptor, job: ReceiveJob, events: ReaderEvents) {
    this.#events = events;
    this.#begin();
    this.#thread = netModule()!.netReceive(fd, bounded(job), (told, what) => this.#hear(told, what));
  }

  /** Puts the dataset that has begun into a file. */
  next(job: ReceiveJob): void {
    this.#begin();
    this.#thread.next(bounded(job));
  }

  /** Asks for the connection: it comes by `ended` or `back`. */
  cancel(): void {
    this.#thread.cancel();
  }

  #begin(): void {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Several may come in one turn: what has to follow at once is done in the events, not by who awaits `ended`. */
  #hear(told: number, what: Raw<Received> | Buffer): void {
    if (told === TOLD.file) {
      const raw = what as Raw<Received>;
      const received = { ...raw, why: STOPS[raw.why]! };
      this.#events.file(received);
      this.#end(received);
    } else if (told === TOLD.ahead) {
      this.#events.ahead(what as Buffer);
    } else {
      this.#events.back(what as Buffer);
      this.#end(GIVEN_BACK);
    }
  }
}

const GIVEN_BACK: Received = {
  ...{ why: 'cancelled', size: 0, sha256: '', error: 0, unread: Buffer.alloc(0), stays: false },
  ...{ pdvLeft: 0, last: false, bodyLeft: 0 },
};

/** room and silenceMs may be Infinity */
function bounded(job: ReceiveJob): ReceiveJob {
  const { room, silenceMs } = job;
  return { ...job, room: Math.min(room, Number.MAX_SAFE_INTEGER), silenceMs: Math.min(silenceMs, 0x7fffffff) };
}

/** The first bytes of a file. */
export interface Head {
  /** Up to `count` of them. */
  bytes: Buffer;
  /** Of the whole file; below 0 when it cannot be read. */
  size: number;
}

/** The first `count` bytes of each file, in one trip to another thread; undefined without the addon. */
export async function readHeads(paths: readonly string[], count: number): Promise<Head[] | undefined> {
  if (!netModule()) return undefined;
  const bytes = Buffer.alloc(paths.length * count);
  const sizes = new Float64Array(paths.length);
  await runKernel('readHeads', { paths, bytes, sizes }, { threads: 1 });
  return paths.map((_path, i) => {
    const size = sizes[i]!;
    return { size, bytes: bytes.subarray(i * count, i * count + Math.max(0, Math.min(count, size))) };
  });
}
