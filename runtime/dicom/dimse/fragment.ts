import type { Association } from '../upper-layer/association.js';
import { PDV_HEADER_BYTES, writePdvHeader } from '../upper-layer/pdu.js';
import type { DataSource } from './source.js';

/** Bytes of fragments gathered for one write. */
const BATCH_BYTES = 512 * 1024;

/** A command's fragments, ready to send. */
export function commandFragments(contextId: number, command: Buffer, sendLimit: number): Buffer[] {
  const size = fragmentSize(sendLimit);
  const parts: Buffer[] = [];
  for (let offset = 0; offset < command.length; offset += size) {
    const part = command.subarray(offset, offset + size);
    const header = Buffer.alloc(PDV_HEADER_BYTES);
    const last = offset + size >= command.length;
    writePdvHeader(header, 0, { contextId, command: true, last, length: part.length });
    parts.push(header, part);
  }
  return parts;
}

/**
 * Sends a dataset in fragments that fill the peer's PDUs. The next batch is read while the one before drains;
 * no more than two batches are in memory.
 */
export async function sendDataset(association: Association, contextId: number, source: DataSource): Promise<void> {
  const size = fragmentSize(association.sendLimit);
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / size));
  let left = source.length;
  let sent: Promise<void> = Promise.resolve();
  do {
    const { buffer, views } = layOut(contextId, Math.min(left, perBatch * size), size, left);
    left -= views.reduce((sum, view) => sum + view.length, 0);
    const filled = source.read(views);
    await Promise.all([filled, sent]);
    sent = association.write([buffer]);
  } while (left > 0);
  await sent;
}

/** One buffer with all PDV headers of a batch in place, and views of the gaps for the data. */
function layOut(contextId: number, bytes: number, size: number, left: number): { buffer: Buffer; views: Buffer[] } {
  const count = Math.max(1, Math.ceil(bytes / size));
  const buffer = Buffer.allocUnsafe(bytes + count * PDV_HEADER_BYTES);
  const views: Buffer[] = [];
  let offset = 0;
  for (let done = 0, i = 0; i < count; i++) {
    const length = Math.min(size, bytes - done);
    done += length;
    writePdvHeader(buffer, offset, { contextId, command: false, last: done === left, length });
    views.push(buffer.subarray(offset + PDV_HEADER_BYTES, offset + PDV_HEADER_BYTES + length));
    offset += PDV_HEADER_BYTES + length;
  }
  return { buffer, views };
}

/** Even, as PS3.8 annex E.2 asks. */
function fragmentSize(sendLimit: number): number {
  return (sendLimit - 6) & ~1;
}
