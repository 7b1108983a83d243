import { DatasetReader, type Framing, type ReaderEvents, type Received, type ReceiveJob } from '../../../native/net.js';
import type { UpperLayerProvider } from './provider.js';

/** Datasets of one connection that a thread puts into files. It may keep the connection from one to the next. */
export class Reception {
  readonly #provider: UpperLayerProvider;
  #thread: DatasetReader | undefined;
  /** The thread has told of a dataset, and waits. */
  #offered = false;
  #contextId = 0;

  constructor(provider: UpperLayerProvider) {
    this.#provider = provider;
  }

  /**
   * Lets a thread go on with the dataset under way.
   * @returns how that ends; undefined when the connection cannot be lent, and nothing has happened
   */
  start(contextId: number, jobFor: (framing: Framing) => ReceiveJob): Promise<Received> | undefined {
    const kept = this.#provider.goOn();
    const lent = kept ? undefined : this.#provider.lendReading(() => this.#thread?.cancel());
    const framing = kept ?? lent?.framing;
    if (!framing) return undefined;
    this.#offered = false;
    this.#contextId = contextId;
    const job = jobFor(framing);
    if (lent) this.#thread = new DatasetReader(lent.descriptor, job, this.#events());
    else this.#thread!.next(job);
    return this.#thread!.ended;
  }

  /** The dataset that the thread has told of is read here: it gives the connection back. */
  readHere(): void {
    if (this.#offered) this.#thread?.cancel();
  }

  #events(): ReaderEvents {
    return {
      file: (end) => {
        if (end.stays) return this.#provider.rest(end, this.#contextId);
        this.#gone();
        this.#provider.resumeReading(end.unread, end, this.#contextId);
      },
      ahead: (bytes) => {
        this.#offered = true;
        this.#provider.heard(bytes);
      },
      back: (unread) => {
        this.#gone();
        this.#provider.takeBack(unread, true);
      },
    };
  }

  #gone(): void {
    this.#thread = undefined;
    this.#offered = false;
  }
}
