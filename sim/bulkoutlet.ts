import type { Link } from '../hal/link/link.js';
import type { CtBlock, WordBlock } from '../hal/wire/blocks.js';
import { BulkSender } from '../hal/wire/bulk.js';

/** Where a detector's bulk data leave: to the host that connected last. Without one they are lost, and counted. */
export class BulkOutlet {
  #link: Link | undefined;
  #sender: BulkSender | undefined;
  sentBlocks = 0;
  lostBlocks = 0;

  connect(link: Link): void {
    // whoever waits for room on the old link is let go
    void this.#link?.close();
    this.#link = link;
    this.#sender = new BulkSender(link);
  }

  readings(block: CtBlock, timeUs: bigint): Promise<void> {
    return this.#through((sender) => sender.sendReadings(block, timeUs));
  }

  words(block: WordBlock, timeUs: bigint): Promise<void> {
    return this.#through((sender) => sender.sendWords(block, timeUs));
  }

  close(): void {
    void this.#link?.close();
    this.#link = undefined;
    this.#sender = undefined;
  }

  async #through(send: (sender: BulkSender) => Promise<void>): Promise<void> {
    if (!this.#sender || this.#link?.state !== 'open') {
      this.lostBlocks += 1;
      return;
    }
    this.sentBlocks += 1;
    await send(this.#sender);
  }
}
