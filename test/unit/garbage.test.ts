/** 10,000 random frames with good checksums, and as many random byte strings, into both ends of a link. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { TableDriver } from '../../hal/driver/table.js';
import { type Link, LinkEnd } from '../../hal/link/link.js';
import { readCtPayload, readWordPayload } from '../../hal/wire/blocks.js';
import { dictionaryOf } from '../../hal/wire/dictionary.js';
import { encodeControl } from '../../hal/wire/frame.js';
import { DeviceNode } from '../../hal/wire/node.js';
import { bytesInUse } from '../helpers/memory.js';

const test = suite('garbage');

/** A link whose other end is the test's hand; what is sent is forgotten. */
function handLink() {
  const end = new LinkEnd();
  const link: Link = {
    where: 'hand',
    state: 'open',
    send: () => undefined,
    onData: (listener) => end.onData(listener),
    onClose: () => {},
    close: async () => {},
  };
  return { link, feed: (bytes: Uint8Array) => end.deliver(bytes) };
}

const frames = fc
  .record({
    type: fc.integer({ min: 0, max: 12 }),
    sequence: fc.integer({ min: 0, max: 0xffff }),
    time: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    payload: fc.uint8Array({ maxLength: 60 }),
  })
  .map(encodeControl);
const input = fc.oneof(frames, frames, fc.uint8Array({ maxLength: 200 }));

function flood(feed: (bytes: Uint8Array) => void): void {
  let halfway = 0;
  let runs = 0;
  fc.assert(
    fc.property(input, (bytes) => {
      feed(bytes);
      if (++runs === 5000) halfway = bytesInUse();
    }),
    { numRuns: 10_000 },
  );
  const grown = bytesInUse() - halfway;
  assert.ok(grown < 2 * 1024 * 1024, `${grown} bytes more in the second half`);
}

test('a device node', async () => {
  const { link, feed } = handLink();
  let commands = 0;
  const node = new DeviceNode({
    clock: new ManualClock(),
    log: silentLog,
    model: {
      dictionary: dictionaryOf('table'),
      identity: { model: 'M', serial: 'S', firmware: 'F' },
      bootId: 1,
      bulkPort: 0,
      deviceTimeUs: () => 1n,
      readState: () => ({ horizontal: 1, vertical: 500, velocity: 0, moving: false, homed: true, loadKg: 0 }),
      read: () => 0,
      write: () => ({ kind: 'accepted' }),
      command() {
        commands++;
        return { kind: 'accepted' };
      },
      lifecycleChanged() {},
      hostSilent() {},
      attach() {},
    },
  });
  node.connect(link);
  flood(feed);
  await new Promise((resolve) => setImmediate(resolve));
  // nearly all are nonsense: a command needs its number, and exactly its arguments
  assert.ok(commands < 500, `${commands} commands carried out`);
  node.close();
});

test('a driver', async () => {
  const { link, feed } = handLink();
  const clock = new ManualClock();
  const driver = new TableDriver({ openControl: async () => link, clock, log: silentLog });
  const configuring = driver.configure({ deadlineMs: 60_000 }).then(
    () => 'configured',
    () => 'failed',
  );
  await new Promise((resolve) => setImmediate(resolve));
  flood(feed);
  await clock.run(300, 10);
  assert.is(await configuring, 'failed');
  assert.is(driver.lifecycle, 'failed');
  for (const value of Object.values(driver.state)) assert.ok(typeof value !== 'number' || Number.isFinite(value));
});

test('bulk payloads', () => {
  let refused = 0;
  flood((bytes) => {
    for (const read of [readCtPayload, readWordPayload]) {
      try {
        read(bytes);
      } catch (error) {
        assert.is((error as { code?: string }).code, 'data.invalid', String(error));
        refused++;
      }
    }
  });
  assert.ok(refused > 19_000);
});

test.run();
