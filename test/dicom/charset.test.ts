/** Delimiters, mismatches, misspellings and refusals of text. Examples of PS3.5 annexes H to K have the bytes printed there. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, dataset, element, text, texts } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import {
  chooseCharacterSet,
  correctedTerms,
  definedTerms,
  encodeText,
  readText,
  type TextNote,
} from '../../runtime/dicom/dataset/text.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { declareCharacterSet } from '../../runtime/objects/modules.js';

const test = suite('character sets');
/** Bytes as PS3.5 prints them: characters of Latin-1, E for the escape. */
const latin = (bytes: string) => Buffer.from(bytes.replaceAll('␛', '\x1b'), 'latin1');
const good = (value: string) => ({ text: value, mismatch: false, lost: 0 });

test('the examples of the standard: read, and written with the same bytes', () => {
  const examples: [string, string, string][] = [
    [
      '\\ISO 2022 IR 87',
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
      'Yamada^Tarou=␛$B;3ED␛(B^␛$BB@O:␛(B=␛$B$d$^$@␛(B^␛$B$?$m$&␛(B',
    ],
    [
      'ISO 2022 IR 13\\ISO 2022 IR 87',
      'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
      'ÔÏÀÞ^ÀÛ³=␛$B;3ED␛(J^␛$BB@O:␛(J=␛$B$d$^$@␛(J^␛$B$?$m$&␛(J',
    ],
    ['\\ISO 2022 IR 149', 'Hong^Gildong=洪^吉洞=홍^길동', 'Hong^Gildong=␛$)Cûó^␛$)CÑÎÔ×=␛$)CÈ«^␛$)C±æµ¿'],
    ['\\ISO 2022 IR 58', 'Zhang^XiaoDong=张^小东=', 'Zhang^XiaoDong=␛$)AÕÅ^␛$)AÐ¡¶«='],
    ['GB18030', 'Wang^XiaoDong=王^小东=', 'Wang^XiaoDong=Íõ^Ð¡¶«='],
    ['ISO_IR 144', 'Люкceмбypг', '»îÚceÜÑypÓ'],
    ['ISO_IR 126', 'Διονυσιος', 'Äéïíõóéïò'],
    ['ISO_IR 127', 'قباني^لنزار', 'âÈÇæê^äæÒÇÑ'],
    ['ISO_IR 138', 'שרון^דבורה', 'ùøåï^ãáåøä'],
  ];
  for (const [terms, name, bytes] of examples) {
    assert.equal(readText(latin(bytes), terms, 'PN'), good(name), terms);
    assert.is(Buffer.from(encodeText(name, terms, 'PN')).toString('latin1'), latin(bytes).toString('latin1'), terms);
  }
});

test('delimiters return to the first set: line ends in any text, the backslash between values, ^ and = in names', () => {
  const two = 'ISO 2022 IR 100\\ISO 2022 IR 144';
  // after an invoked Cyrillic letter B4 (Д), the same byte behind a delimiter is Latin again
  assert.is(readText(latin('␛-L´\r\n´'), two, 'LT').text, 'Д\r\n´');
  assert.is(readText(latin('␛-L´\t´'), two, 'LT').text, 'Д\t´');
  assert.is(readText(latin('␛-L´\f´'), two, 'LT').text, 'Д\f´');
  assert.is(readText(latin('␛-L´\\´'), two, 'LO').text, 'Д\\´');
  assert.is(readText(latin('␛-L´\\´'), two, 'LT').text, 'Д\\Д', 'a paragraph has no values');
  assert.is(readText(latin('␛-L´^´=´'), two, 'PN').text, 'Д^´=´');
  assert.is(readText(latin('␛-L´^´=´'), two, 'LO').text, 'Д^Д=Д', 'nor an LO components');
});

test('a backslash byte within a character is no delimiter', () => {
  // 移 is 30 5C, 椽 5C 3D and 殉 3D 5E in JIS X 0208; 乗 is 81 5C and 怽 90 5C in GB18030
  for (const [terms, value] of [
    ['\\ISO 2022 IR 87', '移椽殉\\殉'],
    ['GB18030', '乗怽\\王'],
    ['GBK', '乗怽\\王'],
  ] as const) {
    const bytes = encodeDataset(
      dataset({ SpecificCharacterSet: terms.split('\\'), OtherPatientIDs: value.split('\\') }),
      EXPLICIT_LITTLE_ENDIAN,
    );
    assert.equal(texts(decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN), 'OtherPatientIDs'), value.split('\\'), terms);
  }
  assert.ok(Buffer.from(encodeText('乗', 'GB18030', 'LO')).includes(0x5c));
});

test('Romaji: yen and overline, the backslash only where it delimits', () => {
  assert.is(readText(latin('\\~±'), 'ISO_IR 13', 'LT').text, '¥‾ｱ');
  assert.is(readText(latin('\\~±'), 'ISO_IR 13', 'LO').text, '\\‾ｱ');
  assert.is(Buffer.from(encodeText('¥‾ｱ', 'ISO_IR 13', 'LT')).toString('latin1'), '\\~±');
  for (const [value, vr] of [
    ['¥', 'LO'],
    ['\\', 'LT'],
    ['~', 'LO'],
  ] as const) {
    assert.throws(
      () => encodeText(value, 'ISO_IR 13', vr),
      (e: ScannerError) => e.code === 'data.text',
      value,
    );
  }
  // with a second set there is a backslash for paragraphs
  const both = 'ISO 2022 IR 13\\ISO 2022 IR 6';
  assert.equal(readText(encodeText('¥\\~', both, 'LT'), both, 'LT'), good('¥\\~'));
});

test('bytes that do not fit are Latin-1, what that lacks becomes ?, and it is told', () => {
  const cases: [string | undefined, string, string, number][] = [
    ['ISO_IR 192', 'Größe', 'Größe', 0],
    ['ISO_IR 192', 'Gr\x9aße', 'Gr?ße', 1],
    [undefined, 'Größe', 'Größe', 0],
    ['ISO_IR 6', 'a\x80\x9f', 'a??', 2],
    ['ISO_IR 100', '\x80uro', '?uro', 1],
    ['ISO_IR 126', '\xae', '®', 0],
    ['GB18030', '\xff', 'ÿ', 0],
    ['GB18030', '\xcd', 'Í', 0],
    ['\\ISO 2022 IR 87', '␛$B!', '?$B!', 1],
    ['\\ISO 2022 IR 87', '␛$XA', '?$XA', 1],
    ['\\ISO 2022 IR 149', '␛$)Cû', '?$)Cû', 1],
    ['\\ISO 2022 IR 87', 'é␛$B;3␛(Bé', 'é山é', 0],
  ];
  for (const [terms, bytes, value, lost] of cases) {
    assert.equal(readText(latin(bytes), terms, 'LO'), { text: value, mismatch: true, lost }, `${terms} ${bytes}`);
  }
  const notes: TextNote[] = [];
  const ds = dataset({
    SpecificCharacterSet: 'ISO_IR 100',
    PatientName: 'Größe',
    PatientID: 'Ä',
    PatientComments: 'ok',
  });
  const bytes = encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN);
  bytes.write('ISO_IR 192', bytes.indexOf('ISO_IR 100'));
  const read = decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN, { onText: (note) => notes.push(note) });
  assert.is(text(read, 'PatientName'), 'Größe');
  assert.equal(
    notes.map(({ kind, tag, declared, used }) => [kind, tag, declared, used]),
    ['00100010', '00100020'].map((tag) => ['bytes', tag, 'ISO_IR 192', 'ISO_IR 100']),
  );
});

test('misspelled declarations are taken for what they mean, and it is told', () => {
  const cases: Record<string, string> = {
    'ISO-IR 100': 'ISO_IR 100',
    'ISO IR 100': 'ISO_IR 100',
    ISO_IR_100: 'ISO_IR 100',
    'iso_ir 100': 'ISO_IR 100',
    'ISO 2022 IR 100': 'ISO_IR 100',
    ISO_2022_IR_100: 'ISO_IR 100',
    'ISO8859-1': 'ISO_IR 100',
    'ISO-8859-5': 'ISO_IR 144',
    'UTF-8': 'ISO_IR 192',
    utf8: 'ISO_IR 192',
    'ISO 10646': 'ISO_IR 192',
    ISO_IR192: 'ISO_IR 192',
    'ISO 2022 GBK': 'GBK',
    gb18030: 'GB18030',
    'ISO 2022 IR 87': '\\ISO 2022 IR 87',
    'ISO 2022 IR 149': '\\ISO 2022 IR 149',
    'ISO 2022 58': '\\ISO 2022 IR 58',
    'ISO_IR 100\\ISO_IR 144': 'ISO 2022 IR 100\\ISO 2022 IR 144',
    'ISO_IR 192\\ISO 2022 IR 87': 'ISO_IR 192',
    '\\ISO 2022 IR 87\\ISO_IR 192': '\\ISO 2022 IR 87',
    KLINGON: '',
  };
  for (const [declared, terms] of Object.entries(cases)) {
    assert.is(correctedTerms(declared), terms, declared);
    assert.is(definedTerms(declared.split('\\')), terms, declared);
    if (terms) assert.is(correctedTerms(terms), undefined, terms);
  }
  for (const declared of [
    '',
    'ISO_IR 6',
    'ISO_IR 100',
    'ISO 2022 IR 6\\ISO 2022 IR 87',
    '\\ISO 2022 IR 87',
    ' ISO_IR 192 ',
  ]) {
    assert.is(correctedTerms(declared), undefined, declared);
  }
  assert.equal(
    readText(latin('È«'), 'ISO 2022 IR 149', 'PN'),
    good('홍'),
    'Korean writers leave the escape sequence out',
  );
  const notes: TextNote[] = [];
  const bytes = encodeDataset(dataset({ SpecificCharacterSet: 'UTF-8', PatientName: '山田' }), EXPLICIT_LITTLE_ENDIAN);
  const read = decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN, { onText: (note) => notes.push(note) });
  assert.is(text(read, 'PatientName'), '山田');
  assert.is(text(read, 'SpecificCharacterSet'), 'UTF-8', 'the dataset keeps what it declared');
  assert.equal(notes, [{ kind: 'set', tag: '00080005', declared: 'UTF-8', used: 'ISO_IR 192', lost: 0 }]);
  assert.ok(encodeDataset(read, EXPLICIT_LITTLE_ENDIAN).equals(bytes));
});

test('a character that a set lacks is refused or replaced, as the caller asks', () => {
  const ds = dataset({ SpecificCharacterSet: 'ISO_IR 100', PatientName: '山田^Jörg' });
  assert.throws(
    () => encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN),
    (e: ScannerError) => e.code === 'data.text',
  );
  const bytes = encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN, { missing: 'replace' });
  assert.is(text(decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN), 'PatientName'), '??^Jörg');
  assert.is(Buffer.from(encodeText('é山', '\\ISO 2022 IR 87', 'LO', 'replace')).toString('latin1'), '?\x1b$B;3\x1b(B');
  assert.throws(
    () => encodeText('\ud800', 'ISO_IR 192', 'LO'),
    (e: ScannerError) => e.code === 'data.text',
  );
  assert.is(Buffer.from(encodeText('\ud800', 'ISO_IR 192', 'LO', 'replace')).toString(), '?');
});

test('objects declare what their text came in, if that can write all of it', () => {
  const declared = (name: string, preferred: string[]): string[] => {
    const ds: Dataset = declareCharacterSet(dataset({ PatientName: name }), preferred);
    const bytes = encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN);
    assert.is(bytes.length % 2, 0);
    assert.is(text(decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN), 'PatientName'), name);
    return element(ds, 'SpecificCharacterSet')!.Value.map(String);
  };
  assert.equal(declared('山田^太郎', ['', 'ISO 2022 IR 87']), ['', 'ISO 2022 IR 87']);
  assert.equal(declared('山田^太郎', ['ISO 2022 IR 13', 'ISO 2022 IR 87']), ['ISO 2022 IR 13', 'ISO 2022 IR 87']);
  assert.equal(declared('山田^Jörg', ['', 'ISO 2022 IR 87']), ['ISO_IR 192']);
  assert.equal(declared('Иванов', ['iso_ir 144']), ['ISO_IR 144']);
  assert.equal(declared('王^小东', ['GB18030']), ['GB18030']);
  assert.equal(declared('Jörg', []), ['ISO_IR 100']);
  assert.is(
    chooseCharacterSet(['山田'], ['ISO_IR 6', 'ISO_IR 100', '\\ISO 2022 IR 87', 'ISO_IR 192']),
    '\\ISO 2022 IR 87',
  );
  assert.is(chooseCharacterSet(['山田'], ['ISO_IR 6', 'ISO_IR 100']), undefined);
});

test('any bytes under any declaration give text, in time in proportion', () => {
  const declarations = fc.array(
    fc.constantFrom('', 'ISO_IR 13', 'ISO 2022 IR 87', 'ISO 2022 IR 149', 'ISO_IR 192', 'GB18030', 'GBK', 'X'),
    { maxLength: 4 },
  );
  const pieces = fc.constantFrom(
    '\x1b$B',
    '\x1b(J',
    '\x1b)I',
    '\x1b$)C',
    '\x1b-A',
    '\x1b$(D',
    '\x1b',
    '^',
    '\\',
    '\r\n',
  );
  const bytes = fc
    .array(
      fc.oneof(
        pieces,
        fc.uint8Array({ maxLength: 8 }).map((raw) => Buffer.from(raw).toString('latin1')),
      ),
      { maxLength: 12 },
    )
    .map((parts) => Buffer.from(parts.join(''), 'latin1'));
  fc.assert(
    fc.property(declarations, bytes, fc.constantFrom('PN', 'LO', 'LT'), (terms, raw, vr) => {
      const read = readText(raw, terms.join('\\'), vr);
      assert.type(read.text, 'string');
      assert.ok(read.text.length <= raw.length);
      assert.ok(read.lost === 0 || read.mismatch);
    }),
    { numRuns: 20_000, seed: 20261123 },
  );
  const big = Buffer.from('\x1b$B;3\x1b(B'.repeat(500_000), 'latin1');
  const start = performance.now();
  assert.is(readText(big, '\\ISO 2022 IR 87', 'UT').text.length, 500_000);
  assert.ok(performance.now() - start < 10_000);
});

test.run();
