import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  BULK_PACKET_LIMIT,
  type BulkFrame,
  CONTROL_PACKET_LIMIT,
  type ControlFrame,
  encodeBulk,
  encodeControl,
} from '../../hal/wire/frame.js';
import { bulkParser, controlParser } from '../../hal/wire/parser.js';
import { bytesInUse } from '../helpers/memory.js';

const test = suite('frame');

const frames = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    sequence: fc.integer({ min: 0, max: 0xffff }),
    time: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    payload: fc.uint8Array({ maxLength: 400 }),
  }),
  { minLength: 1, maxLength: 6 },
);

function plain(frame: ControlFrame) {
  return { ...frame, payload: Buffer.from(frame.payload).toString('hex') };
}

test('frames come out of any stream in any pieces', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(encodeControl));
      const got: ControlFrame[] = [];
      const parser = controlParser((frame) => got.push(frame));
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % cuts.length]!;
        parser.push(stream.subarray(at, at + size));
        at += size;
      }
      assert.equal(got.map(plain), sent.map(plain));
    }),
    { numRuns: 300 },
  );
});

test('after garbage the next frame is found, and what was wrong is counted', () => {
  const good = encodeControl({ type: 3, sequence: 9, time: 5n, payload: Buffer.from('hello') });
  const flipped = Buffer.from(good);
  flipped[5]! ^= 0x10;
  const got: ControlFrame[] = [];
  const parser = controlParser((frame) => got.push(frame));
  for (const piece of [Buffer.from([7, 7, 7, 7]), good, flipped, good, Buffer.alloc(9), good.subarray(0, 8), good]) {
    parser.push(piece);
  }
  assert.is(got.length, 3);
  assert.is(parser.counts.frames, 3);
  assert.is(parser.counts.cobs + parser.counts.crc + parser.counts.short, 3);
});

test('a packet without end is skipped, not kept', () => {
  const got: ControlFrame[] = [];
  const parser = controlParser((frame) => got.push(frame));
  const before = bytesInUse();
  for (let i = 0; i < 2000; i++) parser.push(Buffer.alloc(16 * 1024, 1));
  assert.is(parser.counts.oversize, 1);
  assert.ok(bytesInUse() - before < 1024 * 1024);
  parser.push(Buffer.from([0]));
  parser.push(encodeControl({ type: 1, sequence: 1, time: 1n, payload: new Uint8Array(0) }));
  assert.is(got.length, 1);
});

test('bulk payloads lie on a multiple of eight in memory of their own', () => {
  const got: BulkFrame[] = [];
  const parser = bulkParser((frame) => got.push(frame));
  const words = Uint32Array.from({ length: 5000 }, (_, i) => i * 65_537);
  parser.push(encodeBulk({ stream: 2, sequence: 7, time: 99n }, [new Uint8Array(8), new Uint8Array(words.buffer)]));
  const [frame] = got;
  assert.is(frame!.payload.byteOffset % 8, 0);
  assert.equal(new Uint32Array(frame!.payload.buffer, frame!.payload.byteOffset + 8, 5000), words);
  assert.equal([frame!.stream, frame!.sequence, frame!.time], [2, 7, 99n]);
});

test('10,000 random byte strings leave both parsers up and their memory flat', () => {
  const parsers = [controlParser(() => {}), bulkParser(() => {})];
  let halfway = 0;
  let runs = 0;
  const strings = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.constantFrom(0, 1, 2, 255), { maxLength: 600 }).map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(strings, (bytes) => {
      for (const parser of parsers) parser.push(bytes);
      if (++runs === 5000) halfway = bytesInUse();
    }),
    { numRuns: 10_000 },
  );
  assert.is(runs, 10_000);
  const grown = bytesInUse() - halfway;
  assert.ok(grown < 2 * 1024 * 1024, `${grown} bytes more in the second half`);
  assert.ok(CONTROL_PACKET_LIMIT < 21_000 && BULK_PACKET_LIMIT < 264_000);
});

test.run();
