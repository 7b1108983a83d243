/** The device's thread of the bulk test: sends blocks of readings as fast as the link takes them. */

import { parentPort, workerData } from 'node:worker_threads';
import { PortLink } from '../../hal/link/memory.js';
import { BulkSender } from '../../hal/wire/bulk.js';

const { port, blocks, count, rows, channels } = workerData;
const sender = new BulkSender(new PortLink(port));
const words = Uint16Array.from({ length: count * rows * channels }, (_, i) => 1024 + ((i * 40_503) & 0x7fff));
const geometry = () => new Float64Array(count);
for (let i = 0; i < blocks; i++) {
  const block = { scanId: 1, first: i * count, count, rows, channels, words };
  await sender.sendReadings({ ...block, angles: geometry(), tableMm: geometry(), tubeMa: geometry() }, 0n);
}
parentPort?.postMessage('done');
