import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cobsBound, cobsDecode, cobsEncode } from '../../hal/wire/cobs.js';

const test = suite('cobs');

function encode(bytes: Uint8Array): Buffer {
  const target = Buffer.alloc(cobsBound(bytes.length));
  return target.subarray(0, cobsEncode(Buffer.from(bytes), target));
}

function decode(bytes: Uint8Array): Buffer | undefined {
  const target = Buffer.alloc(bytes.length);
  const length = cobsDecode(Buffer.from(bytes), target);
  return length < 0 ? undefined : target.subarray(0, length);
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const count = (from: number, to: number) => Buffer.from(Array.from({ length: to - from + 1 }, (_, i) => from + i));

test('examples of the literature', () => {
  const examples: [Buffer, Buffer][] = [
    [hex(''), hex('01')],
    [hex('00'), hex('01 01')],
    [hex('00 00'), hex('01 01 01')],
    [hex('00 11 00'), hex('01 02 11 01')],
    [hex('11 22 00 33'), hex('03 11 22 02 33')],
    [hex('11 22 33 44'), hex('05 11 22 33 44')],
    [hex('11 00 00 00'), hex('02 11 01 01 01')],
    [count(1, 254), Buffer.concat([hex('ff'), count(1, 254)])],
    [Buffer.concat([hex('00'), count(1, 254)]), Buffer.concat([hex('01 ff'), count(1, 254)])],
    [count(1, 255), Buffer.concat([hex('ff'), count(1, 254), hex('02 ff')])],
    [Buffer.concat([count(2, 255), hex('00')]), Buffer.concat([hex('ff'), count(2, 255), hex('01 01')])],
    [Buffer.concat([count(3, 255), hex('00 01')]), Buffer.concat([hex('fe'), count(3, 255), hex('02 01')])],
  ];
  for (const [plain, stuffed] of examples) {
    assert.is(encode(plain).toString('hex'), stuffed.toString('hex'));
    assert.is(decode(stuffed)?.toString('hex'), plain.toString('hex'));
  }
});

test('whatever goes in comes out, has no zero inside and keeps the bound', () => {
  // few different values, so that runs and zeros of all lengths occur
  const sparse = fc.array(fc.constantFrom(0, 0, 1, 255), { maxLength: 700 }).map((list) => Uint8Array.from(list));
  const runs = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 600 }), fc.boolean()), { maxLength: 5 })
    .map((list) => Buffer.concat(list.map(([size, zero]) => Buffer.alloc(size, zero ? 0 : 7))));
  fc.assert(
    fc.property(fc.oneof(sparse, runs, fc.uint8Array({ maxLength: 2000 })), (bytes) => {
      const stuffed = encode(bytes);
      assert.is(stuffed.indexOf(0), -1);
      assert.ok(stuffed.length <= cobsBound(bytes.length));
      assert.is(decode(stuffed)?.compare(bytes), 0);
    }),
    { numRuns: 500 },
  );
});

test('a packet whose code points past its end is refused', () => {
  assert.is(decode(hex('05 11 22')), undefined);
  assert.is(decode(hex('ff')), undefined);
  assert.is(decode(hex('')), undefined);
});

test.run();
