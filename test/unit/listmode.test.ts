import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { type ListmodeHeader, readListmodeHeader, writeListmodeHeader } from '../../runtime/raw/listmode.js';
import {
  decodeWord,
  delayedWord,
  promptWord,
  R_WAVE_TAG,
  singlesTag,
  timeTag,
  wordsOf,
} from '../../runtime/raw/listmodewords.js';

const test = suite('list mode');

const header: ListmodeHeader = {
  dataFile: 'bed0.l',
  startedAt: Date.UTC(2024, 1, 29, 23, 59, 58, 125),
  seconds: 120,
  words: 12_345_678,
  bed: 1,
  horizontalMm: 812.5,
  centreZ: -12.5,
  isotope: 'F-18',
  halfLifeSeconds: 6586.2,
  positronFraction: 0.967,
  energyWindow: { lower: 435, upper: 650 },
  singlesScale: 8,
};

function rejects(action: () => unknown, pattern: RegExp): void {
  try {
    action();
  } catch (error) {
    assert.instance(error, ScannerError);
    assert.is((error as ScannerError).code, 'data.invalid');
    assert.match((error as ScannerError).message, pattern);
    return;
  }
  assert.unreachable('nothing was thrown');
}

// words composed by hand from the layout: 2 bits, then radial + 400 (angle + 168 (plane + 621 tof))
const golden: [number, object][] = [
  [0x4000_0000, { kind: 'prompt', radial: 0, angle: 0, plane: 0, tof: 0 }],
  [0x4000_0190, { kind: 'prompt', radial: 0, angle: 1, plane: 0, tof: 0 }],
  [0x4001_0680, { kind: 'prompt', radial: 0, angle: 0, plane: 1, tof: 0 }],
  [0x427c_c480, { kind: 'prompt', radial: 0, angle: 0, plane: 0, tof: 1 }],
  [0x4eec_9bc8, { kind: 'prompt', radial: 200, angle: 0, plane: 0, tof: 6 }],
  [0x6055_fa7f, { kind: 'prompt', radial: 399, angle: 167, plane: 620, tof: 12 }],
  [0x2055_fa80, { kind: 'delayed', radial: 0, angle: 0, plane: 0 }],
  [0x22d2_beff, { kind: 'delayed', radial: 399, angle: 167, plane: 620 }],
  [0x8000_0000, { kind: 'time', ms: 0 }],
  [0x8000_03e8, { kind: 'time', ms: 1000 }],
  [0xa008_0005, { kind: 'singles', block: 1, count: 5 }],
  [0xa5f8_0001, { kind: 'singles', block: 191, count: 1 }],
  [0xc400_1000, { kind: 'bed', payload: 0x0400_1000 }],
  [R_WAVE_TAG, { kind: 'gate', payload: 0x0100_8000 }],
  [0xff12_3456, { kind: 'checksum', payload: 0x12_3456 }],
  [0x22d2_bf00, { kind: 'corrupt', word: 0x22d2_bf00 }],
  [0x6055_fa80, { kind: 'corrupt', word: 0x6055_fa80 }],
  [0xa600_0001, { kind: 'corrupt', word: 0xa600_0001 }],
  [0xf000_0000, { kind: 'corrupt', word: 0xf000_0000 }],
];

test('words written by hand decode', () => {
  for (const [word, expected] of golden) assert.equal(decodeWord(word), expected, word.toString(16));
});

test('encoders agree with the golden words', () => {
  assert.is(promptWord(399, 167, 620, 12), 0x6055_fa7f);
  assert.is(delayedWord(399, 167, 620), 0x22d2_beff);
  assert.is(timeTag(1000), 0x8000_03e8);
  assert.is(singlesTag(191, 1), 0xa5f8_0001);
  assert.is(singlesTag(0, 1e9), 0xa007_ffff);
});

test('bytes become words whatever their alignment, a cut last word is left out', () => {
  const bytes = new Uint8Array([9, 0xe8, 3, 0, 0x80, 1, 2]);
  assert.equal([...wordsOf(bytes.subarray(1))], [0x8000_03e8]);
  assert.equal([...wordsOf(bytes.slice(1, 5))], [0x8000_03e8]);
});

test('a header reads back as it was written', () => {
  const text = writeListmodeHeader(header);
  assert.match(text, /^!INTERFILE:=\r\n/);
  assert.match(text, /%segment table:=\{109,97,97,75,75,53,53,31,31\}/);
  assert.match(text, /%SMS-MI header name space:=PETLINK bin address/);
  assert.equal(readListmodeHeader(text), header);
});

test('a header with other spacing, case and comments reads the same', () => {
  const text = writeListmodeHeader(header)
    .replaceAll('\r\n', '\n; comment\n')
    .replace('image duration (sec):=', '! Image  Duration (sec) := ');
  assert.equal(readListmodeHeader(text), header);
});

test('a header that does not fit is refused and says why', () => {
  const text = writeListmodeHeader(header);
  rejects(() => readListmodeHeader('GIF89a'), /INTERFILE/);
  rejects(() => readListmodeHeader(text.replace(/%singles scale factor.*\r\n/, '')), /no key %singles scale factor/);
  rejects(() => readListmodeHeader(text.replace('{109,97,97,', '{81,69,69,')), /segment table is 81,69/);
  rejects(() => readListmodeHeader(text.replace('(sec):=120', '(sec):=long')), /long, not a number/);
  rejects(() => readListmodeHeader(text.replace(':=23:59:58.125', ':=25:00')), /study date and time/);
});

test.run();
