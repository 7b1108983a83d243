import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc16, crc32 } from '../../hal/wire/crc.js';

const test = suite('crc');
const text = (value: string) => Buffer.from(value, 'latin1');

test('the check values of the catalogue', () => {
  assert.is(crc16(text('123456789')), 0x29b1);
  assert.is(crc32(text('123456789')), 0xcbf43926);
  assert.is(crc16(text('')), 0xffff);
  assert.is(crc32(text('')), 0);
});

test('each single flipped bit of a frame changes both', () => {
  const bytes = Buffer.from(Array.from({ length: 60 }, (_, i) => (i * 37) & 0xff));
  const sixteen = crc16(bytes);
  const thirtyTwo = crc32(bytes);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.is.not(crc16(bytes), sixteen);
    assert.is.not(crc32(bytes), thirtyTwo);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

test.run();
